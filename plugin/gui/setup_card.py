"""The card of the first use: what is missing, what it costs, and three ways on. It never blocks and never asks twice."""

from __future__ import annotations

from typing import Optional

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ..bridge.translation import tr
from . import formats
from .panel import TintedPanel, WrappingLabel


class SetupCard(TintedPanel):
    """Offers to install the engine, shows the progress, and says what went wrong."""

    install_wanted = pyqtSignal()
    python_wanted = pyqtSignal()
    postponed = pyqtSignal()
    cancel_wanted = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent=parent)
        self.setAccessibleName(tr("Set-up of the engine"))
        self._title = WrappingLabel()
        font = self._title.font()
        font.setBold(True)
        self._title.setFont(font)
        self._text = WrappingLabel()
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._bar = QProgressBar()
        self._bar.setAccessibleName(tr("Progress of the set-up"))
        self._install = QPushButton(tr("Install"))
        self._install.setToolTip(tr("Download and install the engine into its own folder; QGIS's Python is not touched."))
        self._python = QPushButton(tr("Use my Python…"))
        self._python.setToolTip(tr("Choose a Python 3.11 to 3.13 that already has the packages; nothing is installed into it."))
        self._later = QPushButton(tr("Not now"))
        self._later.setFlat(True)
        self._cancel = QPushButton(tr("Cancel"))
        self._install.clicked.connect(self.install_wanted)
        self._python.clicked.connect(self.python_wanted)
        self._later.clicked.connect(self.postponed)
        self._cancel.clicked.connect(self.cancel_wanted)

        buttons = QHBoxLayout()
        buttons.addWidget(self._install, 1)
        buttons.addWidget(self._later)
        buttons.addStretch(0)
        buttons.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        for part in (self._title, self._text, self._bar):
            layout.addWidget(part)
        layout.addLayout(buttons)
        layout.addWidget(self._python)
        self.hide()

    def offer(self, download_bytes: float, disk_bytes: float, place: str, minutes: float, with_python: bool = False) -> None:
        """Say what is missing and what installing it costs."""
        self._title.setText(tr("One step before the first search"))
        self._text.setText(
            tr(
                "GeoLoupe reads and searches imagery in an engine of its own, beside QGIS. It is not installed yet: "
                "{download} to download, {disk} on disk in {place}, about {time}. Your imagery never leaves this machine.",
                download=formats.size(download_bytes),
                disk=formats.size(disk_bytes),
                time=formats.rough_duration(minutes * 60),
                place=place,
            )
            + (" " + tr("No fitting Python was found, so one is downloaded too.") if with_python else "")
        )
        self._install.setText(tr("Install"))
        self._show(running=False)

    def running(self, fraction: float, message: str) -> None:
        """Show the progress of the set-up; ``fraction`` below zero means that it is not known."""
        self._title.setText(tr("Setting up the engine"))
        self._text.setText(message)
        if fraction < 0:
            self._bar.setRange(0, 0)
        else:
            self._bar.setRange(0, 1000)
            self._bar.setValue(int(fraction * 1000))
        self._show(running=True)

    def failed(self, message: str) -> None:
        """Say why it did not work and offer the ways on again."""
        self._title.setText(tr("The engine is not ready"))
        self._text.setText(message)
        self._install.setText(tr("Try again"))
        self._show(running=False)

    def _show(self, running: bool) -> None:
        for widget in (self._install, self._python, self._later):
            widget.setVisible(not running)
        for widget in (self._bar, self._cancel):
            widget.setVisible(running)
        self.show()
