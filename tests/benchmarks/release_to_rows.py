"""From releasing the mouse button to the first rows: the real dock in QGIS's own Python, the real engine, a big index, warm.

A box is dragged on the map with the mouse, again and again, while the same engine indexes another raster. Measured from the
release to the rows in the dock's list, to the layer of hits in the project, and to the end of the canvas's first drawing of it.

    GEOLOUPE_PYTHON=.venv/headless/bin/python .venv/qgis/bin/python tests/benchmarks/release_to_rows.py

The rows of the big index hold random vectors, made by this file under the engine's Python; how fast a search is does not
depend on what they say.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import ROOT, imagery, percentiles, save, scene

SIDE = 20  # screen pixels of a box's half side
BOX_PAUSE = 0.7  # seconds between two releases: a person is slower still


def make_index(folder: Path, rows: int) -> int:
    """Under the engine's Python: a town and an index of at least ``rows`` regions of it; returns how many."""
    from search_latency import RandomRegions

    from geoloupe.models import load_encoder
    from geoloupe.plugin.retrieval.index import open_index
    from geoloupe.plugin.retrieval.indexing import index_sources
    from geoloupe.plugin.retrieval.pixel_source import SourceSpec

    town = scene.write_town(folder / "town.tif", width=3072, height=3072)
    encoder, gsds, gsd = RandomRegions(load_encoder("compact")), [], 0.3
    while not gsds or open_index(folder / "big.geoloupe").info()["rows"] < rows:
        gsds.append(gsd)
        index_sources(folder / "big.geoloupe", [SourceSpec(uri=str(town.path))], encoder, gsds=[gsd])
        gsd *= 0.85
    return int(open_index(folder / "big.geoloupe").info()["rows"])


def measure(folder: Path, releases: int, beside: bool) -> dict:
    """In QGIS: drag ``releases`` boxes; the three times of each in milliseconds, as percentiles."""
    from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
    from qgis.gui import QgsLayerTreeMapCanvasBridge, QgsMapCanvas
    from qgis.PyQt.QtCore import QEvent, QEventLoop, QPoint, Qt
    from qgis.PyQt.QtTest import QTest
    from qgis.PyQt.QtWidgets import QMainWindow

    application = QgsApplication([], True)
    application.initQgis()
    from geoloupe.plugin.bridge.layers import remember_index
    from geoloupe.plugin.engine import session
    from geoloupe.plugin.gui.controller import Controller
    from geoloupe.plugin.gui.dock import GeoLoupeDock

    class Interface:
        def mapCanvas(self):  # noqa: N802 (QGIS's name)
            return canvas

    def until(condition, seconds=30.0):
        end = time.perf_counter() + seconds
        while not condition():
            application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents | QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 5)
            if time.perf_counter() > end:
                raise TimeoutError("{}; the dock says {!r}".format(condition, dock.messages.last))

    def rest(seconds):
        end = time.perf_counter() + seconds
        until(lambda: time.perf_counter() > end)

    project = QgsProject.instance()
    window = QMainWindow()
    canvas = QgsMapCanvas()
    window.setCentralWidget(canvas)
    window.resize(1300, 850)
    layers = QgsLayerTreeMapCanvasBridge(project.layerTreeRoot(), canvas)
    town = QgsRasterLayer(str(folder / "town.tif"), "town")
    remember_index(town, folder / "big.geoloupe")
    dock = GeoLoupeDock()
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    project.setCrs(town.crs())
    project.addMapLayer(town)
    window.show()
    dock.show()
    controller = Controller(Interface(), project, session, dock)
    controller.begin()
    call = None
    samples = {"list": [], "layer": [], "drawn": []}
    try:
        until(lambda: controller.indexing.state.searchable and controller.setting_up.ready, 60)
        canvas.setDestinationCrs(town.crs())
        extent = town.extent()
        extent.scale(0.35)
        canvas.setExtent(extent)
        rest(1.0)
        if beside:
            found = imagery()
            other = found / "oam_banepa" / "oam_banepa_z19.tif" if found else folder / "town.tif"
            params = {"index": str(folder / "other.geoloupe"), "sources": [{"uri": str(other), "kind": "file"}]}
            call = session.shared().submit("index", {**params, "encoder": "compact", "gsds": [0.05]})
            rest(3.0)
        dock.query.box_button.setChecked(True)
        port = canvas.viewport()
        for number in range(-4, releases):  # the first four warm up
            if call is not None and call.done:
                break
            middle = QPoint(150 + (number * 97) % (port.width() - 300), 120 + (number * 53) % (port.height() - 240))
            corner = QPoint(SIDE, SIDE)
            moment, drawn = {}, []
            before = controller.searching.layer_id

            def rows_came(moment=moment):
                moment.setdefault("list", time.perf_counter())

            def canvas_drawn(*_args, moment=moment, drawn=drawn, before=before):
                layer = controller.searching.result_layer()
                if layer is not None and layer.id() != before and layer in canvas.layers():
                    moment.setdefault("drawn", time.perf_counter())

            dock.results.model.modelReset.connect(rows_came)
            canvas.mapCanvasRefreshed.connect(canvas_drawn)
            QTest.mousePress(port, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle - corner)
            QTest.mouseMove(port, middle)
            QTest.mouseMove(port, middle + corner)
            start = time.perf_counter()
            QTest.mouseRelease(port, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle + corner)
            until(lambda before=before: controller.searching.layer_id not in (None, before))
            moment["layer"] = time.perf_counter()
            until(lambda moment=moment: "drawn" in moment)
            dock.results.model.modelReset.disconnect(rows_came)
            canvas.mapCanvasRefreshed.disconnect(canvas_drawn)
            if number >= 0:
                for name, times in samples.items():
                    times.append(moment[name] - start)
            rest(BOX_PAUSE)
        going_on = call is not None and not call.done
        if call is not None:
            call.cancel()
    finally:
        controller.close()
        session.shutdown()
    facts = {name: percentiles(times) for name, times in samples.items()}
    facts["releases"], facts["indexing_went_on"] = len(samples["list"]), going_on
    del layers
    application.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=100_000)
    parser.add_argument("--releases", type=int, default=80)
    parser.add_argument("--alone", action="store_true", help="without an index run beside the searches")
    parser.add_argument("--make", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--keep", metavar="FOLDER", help="where the big index is kept for the next time")
    options = parser.parse_args()
    if options.make:
        print(make_index(Path(options.make), options.regions))
        return
    if importlib.util.find_spec("qgis") is None:  # `make bench` comes with the engine's Python
        python = ROOT / ".venv" / "qgis" / "bin" / "python"
        if not python.exists():
            print("skipped: QGIS's own Python is needed (make test sets it up)")
            return
        environment = {"GEOLOUPE_PYTHON": sys.executable, **os.environ}
        sys.exit(subprocess.run([str(python), *sys.argv], env=environment, check=False).returncode)
    engine = os.environ.get("GEOLOUPE_PYTHON")
    if not engine:
        sys.exit("GEOLOUPE_PYTHON must name the engine's Python")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory(prefix="geoloupe-bench-") as name:
        folder = Path(options.keep or name)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["GEOLOUPE_HOME"] = str(Path(name) / "home")
        counted = folder / "rows"
        if not counted.exists():
            command = [engine, str(Path(__file__).resolve()), "--make", str(folder), "--regions", str(options.regions)]
            counted.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout, encoding="utf-8")
        shutil.rmtree(folder / "other.geoloupe", ignore_errors=True)
        facts = measure(folder, options.releases, not options.alone)
        save("release_to_rows", {"rows": int(counted.read_text()), "goal_p95_ms": 500, **facts})
    sys.stdout.flush()
    os._exit(0)  # QGIS's own end, without its interface, is not worth waiting for


if __name__ == "__main__":
    main()
