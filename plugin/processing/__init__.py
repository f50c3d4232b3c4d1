"""The Processing provider: the same index and search, for the toolbox, models, batch runs and ``qgis_process``."""
