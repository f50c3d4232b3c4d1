"""From "no engine yet" to a running one: fills the set-up card and the line at the dock's foot."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Optional
from urllib.parse import quote

from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkProxy
from qgis.PyQt.QtWidgets import QFileDialog

from ..bridge.settings import Settings
from ..bridge.tasks import SetupTask, start
from ..bridge.translation import tr
from ..engine import environment
from ..engine.client import EngineClient
from ..errors import GeoLoupeError
from .background import Background
from .dock import GeoLoupeDock
from .engine_access import EngineAccess

SET = "onnx"


class SettingUp(QObject):
    """``ready_changed(bool)``: whether there is an engine to ask."""

    ready_changed = pyqtSignal(bool)

    def __init__(
        self, dock: GeoLoupeDock, engine: EngineAccess, background: Background, parent: Optional[QObject] = None
    ) -> None:
        super().__init__(parent)
        self._dock = dock
        self._engine = engine
        self._background = background
        self._closed = False
        self._cancelled = False
        self._task: Optional[SetupTask] = None
        self._downloads_python = False
        self.ready = False
        dock.setup.install_wanted.connect(self.install)
        dock.setup.python_wanted.connect(self._choose_python)
        dock.setup.postponed.connect(self._postpone)
        dock.setup.cancel_wanted.connect(self.cancel)
        dock.setup_wanted.connect(self._ask_again)
        engine.greeted.connect(self._greeted)

    def look(self) -> None:
        """Find out, off the main thread, whether there is an engine; offer the set-up if there is none."""
        python = Settings.load().engine_python or None

        def find() -> Any:
            location = environment.find_engine(python)
            return location, None if location is not None else environment.plan_setup(SET)

        self._background.run(find, self._found)

    def install(self) -> None:
        """Run the set-up in the background."""
        if self._task is not None:
            return
        self._cancelled = False
        self._dock.setup.running(0.0, tr("Starting…"))
        consent, proxy = self._downloads_python, proxy_environment()

        task = SetupTask(SET, allow_download=consent, environment=proxy)
        task.progressed.connect(self._show_progress)
        task.succeeded.connect(lambda _python: self._installed(None))
        task.failed.connect(self._installed)
        self._task = start(task)

    def cancel(self) -> None:
        """Stop the set-up; what is half done is removed."""
        if self._task is not None:
            self._cancelled = True
            self._task.cancel()

    def close(self) -> None:
        """For unload: stop, and listen to nothing any more."""
        self._closed = True
        self.cancel()

    def use_python(self, path: str) -> None:
        """Try an interpreter of the user's and keep it when it carries an engine."""
        self._dock.setup.running(-1, tr("Trying {python}…", python=path))

        def try_it() -> Dict[str, Any]:
            client = EngineClient(Path(path), log_path=environment.home() / "logs" / "trial.log", home=environment.home())
            try:
                return client.start()
            finally:
                client.stop()

        def tried(_hello: Any, error: Optional[GeoLoupeError]) -> None:
            if error is not None:
                self._fail(error)
                return
            Settings.load().changed(engine_python=path).save()
            self._set_ready(True)

        self._background.run(try_it, tried)

    def _choose_python(self) -> None:
        path, _kind = QFileDialog.getOpenFileName(self._dock, tr("Choose a Python 3.11 to 3.13 with the engine's packages"))
        if path:
            self.use_python(path)

    def _postpone(self) -> None:
        Settings.load().changed(setup_postponed=True).save()
        self._dock.setup.hide()
        self._dock.set_engine(tr("The engine is not set up: nothing can be indexed or searched yet."), can_set_up=True)

    def _ask_again(self) -> None:
        Settings.load().changed(setup_postponed=False).save()
        self.look()

    def _found(self, value: Any, error: Optional[GeoLoupeError]) -> None:
        if self._task is not None:
            return
        if error is not None:
            self._fail(error)
            return
        location, plan = value
        if location is not None:
            self._set_ready(True)
        elif Settings.load().setup_postponed:
            self._set_ready(False)
            self._postpone()
        else:
            self._set_ready(False)
            self._dock.set_engine(tr("The engine is not set up yet."))
            self._downloads_python = plan.needs_python
            self._dock.setup.offer(plan.download_bytes, plan.size_bytes, str(plan.place), plan.minutes, plan.needs_python)

    def _installed(self, error: Optional[GeoLoupeError]) -> None:
        self._task = None
        if self._closed:
            return
        if error is None:
            self._dock.messages.say(tr("The engine is set up. Choose a layer and index it to begin."))
            self._set_ready(True)
        elif error.code == "cancelled":
            self.look()
        else:
            self._fail(error)

    def _fail(self, error: GeoLoupeError) -> None:
        self._set_ready(False)
        self._dock.setup.failed(error.message)
        self._dock.messages.log(error)

    def _show_progress(self, step: Dict[str, Any]) -> None:
        if self._task is not None and not self._closed:
            self._dock.setup.running(float(step["fraction"]), tr("Cancelling…") if self._cancelled else str(step["message"]))

    def _set_ready(self, ready: bool) -> None:
        self.ready = ready
        if ready:
            self._dock.setup.hide()
            self._dock.set_engine(tr("The engine starts with the first use."))
        self.ready_changed.emit(ready)

    def _greeted(self, hello: Dict[str, Any]) -> None:
        text, hint = describe_engine(hello)
        self._dock.set_engine(text, hint)


def proxy_environment() -> Dict[str, str]:
    """The proxy of QGIS's settings as the installer's environment; empty where QGIS uses none."""
    proxy = QgsNetworkAccessManager.instance().fallbackProxy()
    if not proxy.hostName() or proxy.type() != QNetworkProxy.ProxyType.HttpProxy:
        return {}
    who = ""
    if proxy.user():
        who = "{}:{}@".format(quote(proxy.user(), safe=""), quote(proxy.password(), safe=""))
    address = "http://{}{}:{}".format(who, proxy.hostName(), proxy.port())
    return {"HTTP_PROXY": address, "HTTPS_PROXY": address}


def describe_engine(hello: Dict[str, Any]) -> Any:
    """The line at the foot and its tool tip: the device, why it is the CPU, the versions."""
    device = dict(hello.get("device") or {})
    name, reason = str(device.get("name") or "").strip(), str(device.get("reason") or "").strip().rstrip(".")
    if device.get("kind") == "cuda":
        text = tr("Engine: {name} (CUDA)", name=name or "NVIDIA")
    elif reason:
        if reason[:1].isupper() and not reason[:2].isupper():  # a sentence of its own becomes the end of this one
            reason = reason[0].lower() + reason[1:]
        text = tr("Engine on the CPU ({name}): {reason}", name=name, reason=reason)
    else:
        text = tr("Engine on the CPU ({name})", name=name)
    packages = dict(hello.get("packages") or {})
    lines = ["{} {}".format(key, packages[key]) for key in sorted(packages)]
    return text, "\n".join(["Python {}".format(hello.get("python", "?")), *lines])
