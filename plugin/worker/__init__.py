"""The engine's own side: a process that answers requests on its stdin. Python 3.11, no QGIS."""
