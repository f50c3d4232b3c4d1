"""The plugin object as QGIS drives it: everything that initGui adds, unload takes away, as often as one likes."""

import sys

import pytest
from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtWidgets import QDockWidget, QMainWindow, QMenu, QToolBar

from geoloupe.plugin.entry import GeoLoupePlugin
from geoloupe.plugin.gui.dock import NAME
from geoloupe.plugin.gui.options_page import OptionsFactory

HEAVY = ("onnxruntime", "faiss", "torch", "rasterio", "transformers")


class Interface:
    """The part of QGIS's interface that a plugin uses, with real widgets behind it; it counts what is added and removed."""

    def __init__(self, window, canvas):
        self.window, self.canvas = window, canvas
        self.toolbar, self.menu = QToolBar(window), QMenu(window)
        self.factories = []

    def mainWindow(self):
        return self.window

    def mapCanvas(self):
        return self.canvas

    def openMessageLog(self):
        pass

    def addPluginToMenu(self, _name, action):
        self.menu.addAction(action)

    def removePluginMenu(self, _name, action):
        self.menu.removeAction(action)

    def addToolBarIcon(self, action):
        self.toolbar.addAction(action)

    def removeToolBarIcon(self, action):
        self.toolbar.removeAction(action)

    def addDockWidget(self, area, dock):
        self.window.addDockWidget(area, dock)

    def removeDockWidget(self, dock):
        self.window.removeDockWidget(dock)

    def registerOptionsWidgetFactory(self, factory):
        self.factories.append(factory)

    def unregisterOptionsWidgetFactory(self, factory):
        self.factories.remove(factory)


@pytest.fixture
def interface(qtbot, qgis_canvas, qgis_new_project, session):
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(900, 700)
    window.show()
    return Interface(window, qgis_canvas)


def providers():
    return [provider.id() for provider in QgsApplication.processingRegistry().providers()]


def test_unload_is_the_mirror_of_initgui_and_may_be_repeated(interface, qtbot):
    items = len(interface.canvas.scene().items())
    for _ in range(3):
        plugin = GeoLoupePlugin(interface)
        plugin.initGui()
        assert "geoloupe" in providers()
        assert len(interface.menu.actions()) == len(interface.toolbar.actions()) == len(interface.factories) == 1
        dock = interface.window.findChild(QDockWidget, NAME)
        assert dock is not None and not dock.isVisible()
        plugin.action.trigger()
        qtbot.waitUntil(dock.isVisible, timeout=2000)
        qtbot.waitUntil(lambda plugin=plugin: plugin.controller.setting_up.ready, timeout=10000)
        plugin.action.trigger()
        assert not dock.isVisible()
        plugin.unload()
        qtbot.wait(50)
        assert "geoloupe" not in providers()
        assert not interface.menu.actions() and not interface.toolbar.actions() and not interface.factories
        assert interface.window.findChild(QDockWidget, NAME) is None
        assert len(interface.canvas.scene().items()) == items


def test_qgis_process_needs_no_interface(qgis_new_project):
    plugin = GeoLoupePlugin(None)
    plugin.initProcessing()
    try:
        assert "geoloupe" in providers()
    finally:
        plugin.unload()
    assert "geoloupe" not in providers()


def test_nothing_heavy_comes_into_qgis(interface):
    plugin = GeoLoupePlugin(interface)
    plugin.initGui()
    plugin.unload()
    assert not [name for name in HEAVY if name in sys.modules]


def test_the_options_page_keeps_what_is_chosen(qtbot, home):
    saved = []
    page = OptionsFactory(saved.append).createWidget(None)
    qtbot.addWidget(page)
    assert page.home.text() == str(home)
    page.device.setCurrentIndex(page.device.findData("cpu"))
    page.count.setValue(20)
    page.search_at_release.setChecked(False)
    page.python.setFilePath("/opt/engine/bin/python")
    page.apply()
    assert saved[0].device == "cpu" and saved[0].count == 20 and saved[0].engine_python == "/opt/engine/bin/python"
    assert QgsSettings().value("geoloupe/search_at_release", type=bool) is False
    again = OptionsFactory().createWidget(None)
    qtbot.addWidget(again)
    assert again.device.currentData() == "cpu" and not again.search_at_release.isChecked() and again.count.value() == 20
