"""The plugin as QGIS drives it: wires everything in ``initGui`` and takes it apart again in ``unload``."""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtWidgets import QAction

from .bridge.translation import tr
from .engine import session
from .gui.controller import Controller
from .gui.dock import GeoLoupeDock
from .gui.icons import plugin_icon
from .gui.options_page import OptionsFactory
from .gui.translator import install_translator
from .processing.provider import GeoLoupeProvider


class GeoLoupePlugin:
    """Action, dock, Processing provider and options page."""

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.translator = install_translator()
        self.action: Optional[QAction] = None
        self.dock: Optional[GeoLoupeDock] = None
        self.controller: Optional[Controller] = None
        self.provider: Any = None
        self.options: Optional[OptionsFactory] = None

    def initProcessing(self) -> None:  # noqa: N802 (the name QGIS calls)
        """Register the algorithms; also called alone, by ``qgis_process``."""
        self.provider = GeoLoupeProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:  # noqa: N802
        self.initProcessing()
        self.dock = GeoLoupeDock(self.iface.mainWindow(), self.iface.openMessageLog)
        self.action = QAction(plugin_icon(), tr("GeoLoupe"), self.iface.mainWindow())
        self.action.setObjectName("GeoLoupeAction")
        self.action.setToolTip(tr("GeoLoupe: find places in imagery by a box, by words, or by both"))
        self.action.setCheckable(True)
        self.iface.addPluginToMenu(tr("GeoLoupe"), self.action)
        self.iface.addToolBarIcon(self.action)
        self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.setUserVisible(False)
        self.dock.setToggleVisibilityAction(self.action)
        self.controller = Controller(self.iface, QgsProject.instance(), session, self.dock)
        self.options = OptionsFactory(self.controller.settings_saved)
        self.iface.registerOptionsWidgetFactory(self.options)

    def unload(self) -> None:
        """Everything of ``initGui``, backwards."""
        if self.options is not None:
            self.iface.unregisterOptionsWidgetFactory(self.options)
            self.options = None
        if self.controller is not None:
            self.controller.close()
            self.controller.deleteLater()
            self.controller = None
        session.shutdown()
        if self.dock is not None:
            self.iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
            self.dock = None
        if self.action is not None:
            self.iface.removeToolBarIcon(self.action)
            self.iface.removePluginMenu(tr("GeoLoupe"), self.action)
            self.action.deleteLater()
            self.action = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        if self.translator is not None:
            QCoreApplication.removeTranslator(self.translator)
            self.translator = None
