"""GeoLoupe: find places in imagery by a box, by words, or by both. The QGIS plugin's package."""


def classFactory(iface):  # noqa: N802 (the name QGIS calls)
    """Return the plugin object that QGIS drives with ``initGui`` and ``unload``."""
    from .plugin.entry import GeoLoupePlugin

    return GeoLoupePlugin(iface)
