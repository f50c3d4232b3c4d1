"""Runs inside QGIS (``--code``): has the plugin manager install the plugin as its page "Install from ZIP" does, then tells the
driver where things are and what they say.

It never presses anything itself. The driver writes a line into ``ask``; the answer appears in ``answer`` as JSON.
"""

import json
import os
import sys
import time
from pathlib import Path

import pyplugin_installer
import qgis.utils
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QPoint, QTimer
from qgis.PyQt.QtWidgets import QDockWidget
from qgis.utils import iface

FOLDER = Path(os.environ["GEOLOUPE_DRIVE"])
log = []
gap = {"last": time.perf_counter(), "waited": 0.0, "longest": 0.0}


def plugin():
    return qgis.utils.plugins["geoloupe"]


def rectangle(widget):
    corner = widget.mapToGlobal(QPoint(0, 0))
    return [corner.x(), corner.y(), widget.width(), widget.height()]


def widgets():
    dock = plugin().dock
    return {
        "dock": dock,
        "line": dock.query.line,
        "box": dock.query.box_button,
        "clear": dock.query.clear_button,
        "match": dock.query.match,
        "search": dock.query.search_button,
        "list": dock.results.list.viewport(),
        "keep": dock.results.keep_button,
        "index": dock.index.button,
        "size": dock.index._size,
        "extent": dock.index._extent,
        "group": dock.index.group,
        "stop": dock.index.stop_button,
        "layer": dock.layer.combo,
        "canvas": iface.mapCanvas().viewport(),
        "later": dock.setup._later,
        "install": dock.setup._install,
    }


def state():
    dock = plugin().dock
    controller = plugin().controller
    run = controller.indexing.run
    return {
        "ready": controller.setting_up.ready,
        "state": dock.layer.state_text(),
        "cost": dock.index.cost_text(),
        "indexing": run is not None,
        "rows_so_far": run.rows if run is not None else None,
        "header": dock.results.header.text(),
        "caution": dock.results.caution_text() if dock.results.caution.isVisible() else "",
        "hits": dock.results.model.rowCount(),
        "message": dock.messages.last,
        "engine": dock.engine_text(),
        "chip": dock.query.chip_text(),
        "text": dock.query.text(),
        "layers": [layer.name() for layer in QgsProject.instance().mapLayers().values()],
        "extent": [round(v, 2) for v in iface.mapCanvas().extent().toRectF().getCoords()],
        "tool": type(iface.mapCanvas().mapTool()).__name__,
        "installed_at": str(Path(sys.modules["geoloupe"].__file__).resolve().parent),
        "log": log[-6:],
        "longest_pause": round(gap["longest"], 4),
    }


def act(words):
    """The few things a person would do with QGIS itself rather than with the dock."""
    verb, rest = words[0], " ".join(words[1:])
    if verb == "where":
        return rectangle(widgets()[rest])
    if verb == "state":
        return state()
    if verb == "show":
        plugin().dock.setUserVisible(True)
        return True
    if verb == "clear_text":
        plugin().dock.query.line.clear()
        return True
    if verb == "index_open":
        return plugin().dock.index.is_open()
    if verb == "engine_pid":
        return sys.modules["geoloupe.plugin.engine.session"].current().pid
    if verb == "hide_others":
        for other in iface.mainWindow().findChildren(QDockWidget):
            if other is not plugin().dock and other.objectName() not in ("Layers",):
                other.hide()
        return True
    if verb == "width":
        iface.mainWindow().resizeDocks(
            [plugin().dock], [int(rest)], __import__("qgis.PyQt.QtCore", fromlist=["Qt"]).Qt.Orientation.Horizontal
        )
        return plugin().dock.width()
    if verb == "raster":
        layer = QgsRasterLayer(rest, Path(rest).stem)
        QgsProject.instance().addMapLayer(layer)
        return layer.isValid()
    if verb == "look_at":
        x0, y0, x1, y1 = (float(part) for part in words[1:])
        iface.mapCanvas().setExtent(QgsRectangle(x0, y0, x1, y1))
        iface.mapCanvas().refresh()
        return True
    if verb == "rotate":
        iface.mapCanvas().setRotation(float(rest))
        iface.mapCanvas().refresh()
        return True
    if verb == "save":
        return QgsProject.instance().write(rest)
    if verb == "open":
        return QgsProject.instance().read(rest)
    if verb == "forget_pause":
        gap["longest"] = 0.0
        return True
    if verb == "theme":
        QgsApplication.setUITheme(rest)
        return True
    if verb == "quit":
        QgsProject.instance().setDirty(False)
        QTimer.singleShot(200, iface.actionExit().trigger)
        return True
    raise ValueError(words)


def waited_for_a_core():
    """Seconds for which the main thread could have run and a busy machine gave it no core; 0 where that is not told."""
    try:
        return int(Path("/proc/self/task/{}/schedstat".format(os.getpid())).read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def beat():
    now, waited = time.perf_counter(), waited_for_a_core()
    gap["longest"] = max(gap["longest"], (now - gap["last"]) - (waited - gap["waited"]))
    gap["last"], gap["waited"] = now, waited


def listen():
    question = FOLDER / "ask"
    if not question.exists():
        return
    words = question.read_text(encoding="utf-8").split()
    question.unlink()
    try:
        answer = {"value": act(words)}
    except Exception as error:
        answer = {"error": repr(error)}
    part = FOLDER / "answer.part"
    part.write_text(json.dumps(answer), encoding="utf-8")
    part.rename(FOLDER / "answer")


def note(message, tag, _level):
    if tag == "GeoLoupe" or "Traceback" in message:
        log.append(message[-600:])


def begin():
    QgsApplication.messageLog().messageReceived.connect(note)
    pyplugin_installer.instance().installFromZipFile(os.environ["GEOLOUPE_ZIP"])
    started = "geoloupe" in qgis.utils.active_plugins
    for timer, slot, pause in ((beats, beat, 10), (ears, listen, 50)):
        timer.timeout.connect(slot)
        timer.start(pause)
    (FOLDER / "ready").write_text(str(bool(started)), encoding="utf-8")


beats, ears = QTimer(), QTimer()
QTimer.singleShot(1500, begin)
