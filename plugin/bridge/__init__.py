"""QGIS to engine and back: layers, rendering, coordinates, results, styles, tasks and settings. ``qgis.core`` only."""
