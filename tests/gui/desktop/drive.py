"""The whole way in a real QGIS, by mouse and keyboard: ``python drive.py OUT [RASTER]``. Pictures of each step in OUT/shots.

GEOLOUPE_PYTHON names the engine's Python; without it, the set-up card is taken at its word and Install is pressed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from desktop import Desktop  # noqa: E402


class Walk:
    """The steps in order; each leaves a picture and checks what the dock says."""

    def __init__(self, desk, raster, words="blue metal roof", absent="glacier"):
        self.desk, self.raster, self.words, self.absent = desk, raster, words, absent
        self.facts = {}

    def all(self):
        steps = (
            self.engine,
            self.cost,
            self.index_and_search,
            self.stop,
            self.text,
            self.walk_the_list,
            self.box,
            self.text_and_box,
            self.second_box,
            self.rotated,
            self.absent_thing,
            self.keep,
            self.crash,
            self.reopen,
            self.narrow_and_dark,
        )
        for step in steps:
            step()
            print(step.__name__, "done", flush=True)
        return self.facts

    def wait(self, test, patience, what):
        return self.desk.until_state(test, patience, what)

    def engine(self):
        desk = self.desk
        assert desk.state()["installed_at"].startswith(str(desk.folder.resolve())), "the zip's own files run"
        assert desk.ask("raster {}".format(self.raster))
        desk.ask("show")
        desk.ask("hide_others")
        if desk.python is None:
            desk.shot("01_set_up")
            desk.click("install")
            desk.shot("02_installing", 3)
        self.wait(lambda s: s["ready"], 600, "an engine")
        state = self.wait(lambda s: "Engine on" in s["engine"] or "Engine:" in s["engine"], 120, "the device")
        self.facts["engine"] = state["engine"]

    def cost(self):
        self.facts["cost"] = self.wait(lambda s: "regions" in s["cost"], 120, "the cost")["cost"]
        self.desk.shot("03_cost")

    def index_and_search(self):
        desk = self.desk
        desk.ask("forget_pause")
        desk.click("index")
        self.wait(lambda s: (s["rows_so_far"] or 0) > 0, 120, "the first regions")
        desk.shot("04_indexing")
        desk.click("line")
        desk.type(self.words)
        desk.key("Return")
        state = self.wait(lambda s: s["hits"] > 0, 60, "hits while indexing")
        desk.shot("05_hits_while_indexing", 1.5)
        self.facts["searched_while_indexing"] = bool(desk.state()["indexing"])
        assert state["text"] == self.words

    def stop(self):
        desk = self.desk
        if desk.state()["indexing"]:
            begun = time.monotonic()
            desk.click("stop")
            state = self.wait(lambda s: not s["indexing"], 5, "the stop")
            self.facts["stop_seconds"] = round(time.monotonic() - begun, 2)
            assert "kept" in state["message"], state["message"]
            desk.shot("06_stopped")
            self.wait(lambda s: "regions" in s["state"], 30, "the state after the stop")
            if not desk.ask("index_open"):
                desk.click("group", 0.05, 0.5)
            self.wait(lambda s: "done already" in s["cost"], 60, "what is left")
            desk.click("index")
        self.wait(lambda s: not s["indexing"] and "indexed" in s["message"], 900, "the whole index")
        self.facts["longest_pause_while_indexing"] = desk.state()["longest_pause"]
        desk.shot("07_indexed")

    def text(self):
        desk = self.desk
        desk.ask("forget_pause")
        before = desk.state()["extent"]
        desk.click("line")
        desk.key("ctrl+a")
        desk.type(self.words)
        desk.key("Return")
        self.facts["text"] = self.wait(lambda s: s["hits"] > 0 and self.words in s["layers"], 30, "hits")["header"]
        desk.shot("08_text", 1.5)
        assert desk.state()["extent"] == before, "a search leaves the map where it is"

    def walk_the_list(self):
        desk = self.desk
        before = desk.state()["extent"]
        desk.click("list", 0.5, 0.12)
        assert desk.state()["extent"] != before, "a row moves the map"
        desk.shot("09_row", 1.5)
        desk.key("Down")
        desk.key("Down")
        desk.shot("10_third_row", 1.5)
        wide = desk.state()["extent"]
        desk.click("list", 0.5, 0.12, times=2)
        close = desk.state()["extent"]
        assert close[2] - close[0] < wide[2] - wide[0], "a double click goes closer"
        desk.click("list", 0.5, 0.12)

    def box(self):
        desk = self.desk
        desk.ask("clear_text")
        time.sleep(1.2)
        desk.click("box")
        assert desk.state()["tool"] == "BoxTool"
        before = desk.state()["extent"]
        desk.drag(*self._around_the_middle())
        state = self.wait(lambda s: any(name.startswith("box") for name in s["layers"]), 30, "hits of the box")
        self.facts["box"] = state["header"]
        desk.shot("11_box", 1.5)
        assert desk.state()["extent"] == before, "a search leaves the map where it is"

    def text_and_box(self):
        desk = self.desk
        desk.click("line")
        desk.type("red roof")
        desk.key("Return")
        self.wait(lambda s: any(name.startswith("red roof + box") for name in s["layers"]), 30, "hits of words and box")
        desk.shot("12_words_and_box", 1.5)

    def second_box(self):
        desk = self.desk
        (x0, y0), (x1, y1) = self._around_the_middle()
        desk.drag((x0 + 150, y0), (x1 + 150, y1), shift=True)
        self.wait(lambda s: s["chip"].startswith("2 "), 20, "the second box")
        desk.key("Escape")
        assert desk.state()["tool"] == "QgsMapToolPan", "Esc gives the map back"
        desk.shot("13_two_boxes", 1.5)
        desk.click("clear")
        assert desk.state()["chip"] == ""

    def rotated(self):
        desk = self.desk
        desk.ask("clear_text")
        desk.ask("rotate 30")
        time.sleep(1.5)
        desk.click("box")
        desk.drag(*self._around_the_middle())
        self.wait(lambda s: s["chip"] and s["hits"] > 0, 30, "hits of a rotated box")
        desk.shot("14_rotated", 1.5)
        desk.key("Escape")
        desk.ask("rotate 0")
        desk.click("clear")

    def absent_thing(self):
        desk = self.desk
        desk.ask("clear_text")
        desk.click("line")
        desk.type(self.absent)
        desk.key("Return")
        state = self.wait(lambda s: self.absent in s["layers"], 30, "hits of what is not there")
        self.facts["caution"] = state["caution"]
        desk.shot("15_absent", 1.5)

    def keep(self):
        desk = self.desk
        desk.click("keep")
        desk.ask("clear_text")
        desk.click("line")
        desk.type("trees")
        desk.key("Return")
        self.wait(lambda s: "trees" in s["layers"] and self.absent in s["layers"], 30, "the kept layer beside the new one")
        desk.shot("16_kept", 1.5)

    def crash(self):
        """kill -9 of the engine: a sentence, nothing typed is lost, and the next search works."""
        desk = self.desk
        engine = desk.ask("engine_pid")
        os.kill(engine, signal.SIGKILL)
        desk.ask("clear_text")
        desk.click("line")
        desk.type("road")
        desk.key("Return")
        self.wait(lambda s: "road" in s["layers"] or "stopped" in s["message"], 60, "an answer after the crash")
        desk.shot("17_after_crash", 1.0)
        if "road" not in desk.state()["layers"]:
            desk.key("Return")
        self.wait(lambda s: "road" in s["layers"], 60, "hits after the crash")
        assert desk.state()["text"] == "road"

    def reopen(self):
        desk = self.desk
        project = desk.folder / "town.qgz"
        assert desk.ask("save {}".format(project))
        assert desk.ask("open {}".format(project))
        state = self.wait(lambda s: "regions" in s["state"], 60, "the remembered index")
        self.facts["reopened"] = state["state"]
        desk.shot("18_reopened", 2.0)

    def narrow_and_dark(self):
        desk = self.desk
        desk.ask("width 280")
        desk.click("line")
        desk.key("ctrl+a")
        desk.type("blue roof")
        desk.key("Return")
        self.wait(lambda s: "blue roof" in s["layers"], 30, "hits")
        desk.shot("19_narrow", 1.5)
        desk.ask("theme Night Mapping")
        desk.shot("20_dark", 2.0)
        if not desk.ask("index_open"):
            desk.click("group", 0.05, 0.5)
        desk.shot("21_dark_index", 1.5)

    def _around_the_middle(self, side=70):
        x, y, width, height = self.desk.ask("where canvas")
        x, y = x + width // 2, y + height // 2
        return (x - side // 2, y - side // 2), (x + side // 2, y + side // 2)


def main(arguments):
    folder = Path(arguments[0]).resolve()
    raster = (
        Path(arguments[1]) if len(arguments) > 1 else Path(os.environ["GEOLOUPE_DATA"]) / "imagery/oam_banepa/oam_banepa_z19.tif"
    )
    with Desktop(folder, python=os.environ.get("GEOLOUPE_PYTHON")) as desk:
        try:
            facts = Walk(desk, raster.resolve()).all()
        except BaseException:
            desk.shot("99_where_it_ended")
            raise
    for name, value in facts.items():
        print("{}: {}".format(name, value))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (IndexError, KeyError, subprocess.CalledProcessError) as problem:
        sys.exit("drive.py OUT [RASTER], with GEOLOUPE_DATA set or RASTER given ({!r})".format(problem))
