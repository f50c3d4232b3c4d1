"""The look of a table of hits, put into its GeoPackage without QGIS.

QGIS's own call waits for the disk while it holds what the main thread needs, in whatever thread it is made: pauses of 60 to
300 ms were measured. Text goes in through the standard library instead, which waits alone.
"""

from __future__ import annotations

import contextlib
import sqlite3

from qgis.core import QgsVectorLayer
from qgis.PyQt.QtXml import QDomDocument

NAME = "default"
PATIENCE = 20.0  # seconds for another writer of the file

_TABLE = """
CREATE TABLE IF NOT EXISTS layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256),
    f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
    owner TEXT(30), ui TEXT(30), update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))
"""
_KNOWN = """
INSERT OR IGNORE INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_styles', 'attributes', 'layer_styles', '', 0)
"""
_STYLE = """
INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, styleSLD,
    useAsDefault, description, owner)
SELECT '', '', table_name, column_name, ?, ?, '', 1, 'GeoLoupe', '' FROM gpkg_geometry_columns WHERE table_name = ?
"""


def style_text(layer: QgsVectorLayer) -> str:
    """The layer's look as QGIS writes it. Main thread; a few milliseconds."""
    document = QDomDocument()
    layer.exportNamedStyle(document)
    return str(document.toString(-1))


def save_style_text(path: str, table: str, style: str) -> None:
    """Make ``style`` the default of ``table``. Any thread. Raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE)) as database, database:
        database.execute(_TABLE)
        database.execute(_KNOWN)
        database.execute("DELETE FROM layer_styles WHERE f_table_name = ? AND styleName = ?", (table, NAME))
        database.execute(_STYLE, (NAME, style, table))
