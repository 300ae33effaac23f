"""Storage: where rows, indices, models and downloaded files live, and how they change safely.

Readers see the old state or the new one, never half of either, and a writer that is killed
leaves what was there before.

Belongs here: the lake of Parquet generations, the warehouse built from it, folders of indices and
models, downloads. Does not: what a column means (tables), how a file's format is read
(ontologies, citations), when anything runs (assets).
"""
