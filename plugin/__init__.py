"""The plugin: QGIS on one side, the engine on the other, and the library both are built on."""
