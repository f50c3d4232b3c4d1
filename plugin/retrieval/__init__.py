"""Retrieval without QGIS: rasters in, chips and regions, an index on disk, hits out.

Indexing, in the order the data flows:
``opening`` (a source from its spec) -> ``raster_source`` | ``rendered_source`` (pixels) -> ``grid`` and ``plan`` (chips and
their regions) -> ``reading`` (a thread reads ahead) -> ``indexing`` (the encoder) -> ``writer`` (shards and catalogue).
Searching: ``query`` (vectors of what was asked) -> ``search`` (exact, filtered) -> ``hits`` -> ``results`` (files).
"""
