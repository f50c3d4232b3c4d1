"""GeoLoupe's page in QGIS's options."""

from __future__ import annotations

from typing import Any, Callable, Optional

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices, QIcon
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QFormLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QSpinBox, QWidget

from ..bridge.settings import Settings
from ..bridge.translation import tr
from ..engine import environment
from .icons import plugin_icon
from .panel import WrappingLabel


class OptionsPage(QgsOptionsPageWidget):
    """What is set once: engine, device, and how a search behaves. ``saved`` is called with the new settings."""

    def __init__(self, parent: Optional[QWidget], saved: Optional[Callable[[Settings], Any]] = None) -> None:
        super().__init__(parent)
        self._saved = saved
        settings = Settings.load()
        self.python = QgsFileWidget()
        self.python.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        self.python.setDialogTitle(tr("Choose the engine's Python"))
        self.python.lineEdit().setPlaceholderText(tr("GeoLoupe's own"))
        self.python.setFilePath(settings.engine_python)
        self.python.setToolTip(tr("A Python that has the engine's packages. Empty: the one that GeoLoupe installed."))
        self.home = QLineEdit(str(environment.home()))
        self.home.setReadOnly(True)
        self.home.setToolTip(tr("Engine, indexes and models are kept here. The environment variable GEOLOUPE_HOME moves it."))
        show = QPushButton(tr("Open"))
        show.clicked.connect(self._open_home)
        place = QHBoxLayout()
        place.addWidget(self.home, 1)
        place.addWidget(show)
        self.device = QComboBox()
        kinds = (("auto", tr("Best available")), ("cpu", tr("Processor (CPU)")), ("cuda", tr("NVIDIA graphics card (CUDA)")))
        for name, label in kinds:
            self.device.addItem(label, name)
        self.device.setCurrentIndex(max(0, self.device.findData(settings.device)))
        self.search_at_release = QCheckBox(tr("Search as soon as a box is drawn"))
        self.search_at_release.setChecked(settings.search_at_release)
        self.count = QSpinBox()
        self.count.setRange(1, 1000)
        self.count.setValue(settings.count)
        note = WrappingLabel()
        note.setText(
            tr("A change of Python or device takes effect when the engine next starts; it is restarted when you press OK.")
        )
        form = QFormLayout(self)
        form.addRow(tr("Engine's &Python"), self.python)
        form.addRow(QLabel(tr("Folder")), place)
        form.addRow(tr("&Device"), self.device)
        form.addRow(tr("&Places listed at most"), self.count)
        form.addRow("", self.search_at_release)
        form.addRow(note)

    def apply(self) -> None:
        """Called by QGIS when the user presses OK."""
        settings = Settings.load().changed(
            engine_python=self.python.filePath().strip(),
            device=str(self.device.currentData()),
            count=self.count.value(),
            search_at_release=self.search_at_release.isChecked(),
        )
        settings.save()
        if self._saved is not None:
            self._saved(settings)

    def _open_home(self) -> None:
        home = environment.home()
        home.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(home)))


class OptionsFactory(QgsOptionsWidgetFactory):
    """Makes the page each time the options dialog opens."""

    def __init__(self, saved: Optional[Callable[[Settings], Any]] = None) -> None:
        super().__init__()
        self.setTitle(tr("GeoLoupe"))
        self._saved = saved

    def icon(self) -> QIcon:
        return plugin_icon()

    def createWidget(self, parent: Optional[QWidget] = None) -> QgsOptionsPageWidget:  # noqa: N802
        return OptionsPage(parent, self._saved)
