"""A real QGIS on a virtual screen, with a person's hands: mouse, keyboard and a camera. The plugin comes from its zip."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TOOLS = ("Xvfb", "openbox", "xdotool", "import", "qgis")


def missing_tools():
    """The programs that a virtual desktop needs and this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def build_zip(target):
    """The zip of ``make package``, with models that lie in the checkout and are not in git yet."""
    tools = ROOT / "tests" / "tools"
    sys.path.insert(0, str(tools))
    try:
        spec = importlib.util.spec_from_file_location("package", tools / "package.py")
        package = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)
    finally:
        sys.path.remove(str(tools))
    package.build(target)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in package.untracked_files():
            if name.startswith("resources/models/"):
                archive.write(ROOT / name, "geoloupe/" + name)
    return target


class Desktop:
    """Xvfb, a window manager and QGIS on an empty profile; ``with Desktop(...) as desk``.

    QGIS's plugin manager installs the plugin from ``archive``, by default the zip of this checkout.
    """

    def __init__(self, folder, python=None, home=None, size="1400x900", display=None, archive=None):
        self.folder = Path(folder)
        self.shots = self.folder / "shots"
        self.shots.mkdir(parents=True, exist_ok=True)
        self.display = display or ":{}".format(90 + os.getpid() % 400)
        self.size = size
        self.home = Path(home) if home else self.folder / "home"
        self.archive = Path(archive) if archive else None
        self.python = python
        self.processes = []

    def __enter__(self):
        archive = self.archive or build_zip(self.folder / "geoloupe.zip")
        runtime = self.folder / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        environment = {
            key: value for key, value in os.environ.items() if key not in ("QT_QPA_PLATFORM", "PYTHONPATH", "PYTHONHOME")
        }
        environment.update(DISPLAY=self.display, GEOLOUPE_DRIVE=str(self.folder), GEOLOUPE_HOME=str(self.home))
        environment.update(GEOLOUPE_ZIP=str(archive.resolve()))
        environment.update(XDG_RUNTIME_DIR=str(runtime), OMP_WAIT_POLICY="PASSIVE", LC_ALL="C.UTF-8")
        # QGIS finds its modules beside the python3 that PATH names first
        environment["PATH"] = os.pathsep.join(["/usr/bin", "/bin", environment.get("PATH", "")])
        environment.pop("GEOLOUPE_PYTHON", None)
        if self.python:
            environment["GEOLOUPE_PYTHON"] = str(self.python)
        self.environment = environment
        self._start("Xvfb", self.display, "-screen", "0", self.size + "x24", "-nolisten", "tcp")
        time.sleep(1.0)
        self._start("openbox")
        profiles = str(self.folder / "profiles")
        options = ("--nologo", "--noversioncheck", "--profiles-path", profiles, "--profile", "probe")
        self.qgis = self._start("qgis", *options, "--code", str(HERE / "inside.py"))
        try:
            self.until((self.folder / "ready").exists, 90, "QGIS to start")
            if (self.folder / "ready").read_text() != "True":
                raise RuntimeError("the plugin did not start; see " + str(self.folder / "qgis.log"))
            time.sleep(1.0)
            window = self.run("xdotool", "search", "--onlyvisible", "--class", "qgis").split()[-1]
            width, height = self.size.split("x")
            self.run("xdotool", "windowmove", window, "0", "0", "windowsize", window, width, str(int(height) - 28))
            time.sleep(1.0)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_problem):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)

    def _start(self, *command):
        log = open(self.folder / (command[0].lower() + ".log"), "ab")  # noqa: SIM115 (the child keeps it)
        process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        self.processes.append(process)
        return process

    def run(self, *command):
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True, timeout=60).stdout

    def ask(self, words, patience=60):
        """Put a line to QGIS (see inside.py) and return the answer."""
        answer, part = self.folder / "answer", self.folder / "ask.part"
        answer.unlink(missing_ok=True)
        part.write_text(words, encoding="utf-8")
        part.rename(self.folder / "ask")
        self.until(answer.exists, patience, "an answer to " + words)
        value = json.loads(answer.read_text(encoding="utf-8"))
        if "error" in value:
            raise RuntimeError("{}: {}".format(words, value["error"]))
        return value["value"]

    def state(self):
        return self.ask("state")

    def until(self, condition, patience, what):
        end = time.monotonic() + patience
        while not condition():
            if any(process.poll() is not None for process in self.processes):
                raise RuntimeError("a program ended while waiting for {}; logs in {}".format(what, self.folder))
            if time.monotonic() > end:
                raise TimeoutError("waited {} s for {}".format(patience, what))
            time.sleep(0.1)

    def until_state(self, test, patience, what):
        """Wait until ``test(state)``; returns that state."""
        last = {}

        def look():
            last.update(self.state())
            return test(last)

        try:
            self.until(look, patience, what)
        except TimeoutError as error:
            raise TimeoutError("{}; the dock says {}".format(error, json.dumps(last))) from error
        return last

    def spot(self, name, dx=0.5, dy=0.5):
        """A point on the screen inside a widget, by shares of its width and height."""
        x, y, width, height = self.ask("where " + name)
        return int(x + dx * width), int(y + dy * height)

    def click(self, name, dx=0.5, dy=0.5, times=1):
        x, y = self.spot(name, dx, dy)
        self.run("xdotool", "mousemove", str(x), str(y), "click", "--repeat", str(times), "--delay", "80", "1")
        time.sleep(0.2)

    def type(self, text):
        self.run("xdotool", "type", "--delay", "25", text)

    def key(self, *keys):
        self.run("xdotool", "key", *keys)
        time.sleep(0.15)

    def drag(self, start, end, shift=False):
        """Press at ``start``, move in steps, release at ``end``; both are points on the screen."""
        self.run("xdotool", "mousemove", str(start[0]), str(start[1]))
        if shift:
            self.run("xdotool", "keydown", "shift")
        self.run("xdotool", "mousedown", "1")
        for step in range(1, 9):
            x = start[0] + (end[0] - start[0]) * step // 8
            y = start[1] + (end[1] - start[1]) * step // 8
            self.run("xdotool", "mousemove", str(x), str(y))
            time.sleep(0.03)
        self.run("xdotool", "mouseup", "1")
        if shift:
            self.run("xdotool", "keyup", "shift")

    def shot(self, name, settle=0.6):
        """A picture of the whole screen."""
        time.sleep(settle)
        path = self.shots / (name + ".png")
        self.run("import", "-window", "root", str(path))
        return path
