"""Citations: from the files of PubMed, and from own texts, to sections with sentences.

Every file is hostile until it is parsed: it may be truncated, a bomb, or not XML at all.

Belongs here: archives and their checksums, the PubMed XML format, which version of a citation
is valid, sections split into sentences. Does not: fetching files (storage), the rules of
sentences (text), finding mentions (ner).
"""
