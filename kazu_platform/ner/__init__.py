"""Named entity recognition: from texts to mentions, whoever finds them.

Belongs here: detectors, the dictionary index, combining what several detectors found, what
documents name themselves. Does not: what a mention means (linking), which names there are
(ontologies), what a token is (text).
"""
