"""Loads the catalogue of the user's locale, ``resources/i18n/geoloupe_<locale>.qm``, where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QLocale, QTranslator

FOLDER = Path(__file__).resolve().parents[2] / "resources" / "i18n"


def user_locale() -> str:
    """The locale QGIS runs in, such as ``de`` or ``pt_BR``."""
    settings = QgsSettings()
    if settings.value("locale/overrideFlag", False, type=bool):
        chosen = settings.value("locale/userLocale", "", type=str)
        if chosen:
            return str(chosen)
    return QLocale.system().name()


def install_translator() -> Optional[QTranslator]:
    """Load the catalogue of the user's locale, if there is one. Keep the result and remove it on unload."""
    locale = user_locale()
    for name in (locale, locale.split("_")[0]):
        path = FOLDER / "geoloupe_{}.qm".format(name)
        if path.is_file():
            translator = QTranslator()
            if translator.load(str(path)):
                QCoreApplication.installTranslator(translator)
                return translator
    return None
