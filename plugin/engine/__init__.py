"""How QGIS finds, sets up, starts and speaks to the engine. Standard library only, Python 3.9's language."""
