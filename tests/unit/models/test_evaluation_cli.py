"""``geoloupe evaluate`` from end to end, with the encoder that ships."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from PIL import Image

from geoloupe.plugin import cli

COLOURS = {"Desert": (214, 180, 120), "Forest": (30, 80, 30), "Beach": (230, 220, 190)}


@pytest.fixture
def folder(tmp_path):
    for name, colour in COLOURS.items():
        for number in range(2):
            path = tmp_path / "data" / name / f"{name}_{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (64, 64), colour).save(path)
    return tmp_path / "data"


def test_a_folder_is_recognised_and_both_reports_are_written(folder, tmp_path, capsys):
    output, table = tmp_path / "report.json", tmp_path / "report.md"
    words = ["evaluate", "auto", str(folder), "--device", "cpu", "--output", str(output), "--table", str(table), "--seed", "7"]
    assert cli.main(words) == 0
    said = capsys.readouterr()
    assert "class folders" in said.err and "Encoder compact" in said.err
    assert said.out == table.read_text(encoding="utf-8") and said.out.startswith("# RSMEB-style evaluation of compact")
    report = json.loads(output.read_text(encoding="utf-8"))
    assert report["command"] == ["geoloupe", *words] and report["seed"] == 7 and len(report["encoder"]["sha256"]) == 64
    task = report["tasks"][0]
    assert task["n"] == 6 and task["chance"]["P@1"] == pytest.approx(1 / 3, abs=1e-4) and len(task["queries"]) == 6
    assert not list(tmp_path.glob("*.part"))


def test_labels_over_a_raster(town, tmp_path, capsys):
    rows = [{"bbox": [thing.x0, thing.y0, thing.x1, thing.y1], "name": thing.label} for thing in town.things]
    (tmp_path / "labels.json").write_text(json.dumps(rows))
    words = ["evaluate", "regions", str(town.path), "--labels", str(tmp_path / "labels.json"), "--field", "name", "--limit", "12"]
    assert cli.main([*words, "--device", "cpu", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    names = [task["task"] for task in report["tasks"]]
    assert "box to its label, on the same image" in names and "box to boxes of its label, across images" in names
    across = next(task for task in report["tasks"] if task["task"] == "label to its boxes, across images")
    assert set(across["ways"]) == {"encoder", "box ignored"}
    assert across["ways"]["encoder"]["AP"]["value"] > across["ways"]["box ignored"]["AP"]["value"]


@pytest.mark.parametrize(
    "words, code, sentence",
    [
        (["fly", "{data}"], 2, "invalid choice"),
        (["auto", "{data}", "--template", "a roof"], 2, "has no {} where the name goes"),
        (["auto", "{data}", "--limit", "0"], 2, "above 0"),
        (["auto", "{data}", "--seed", "-1"], 2, "is not a whole number"),
        (["auto", "{data}", "--output", "{data}/none/report.json"], 2, "does not exist"),
        (["auto", "{data}/Desert"], 2, "none of the known forms"),
        (["auto", "{data}", "--format", "x"], 2, "There is no format"),
        (["auto", "{data}", "--format", "rsvqa"], 2, "LR_split_test_questions.json"),
        (["regions", "{data}"], 2, "choose scenes or search, or auto"),
        (["regions", "{data}", "{data}"], 2, "several rasters need --labels"),
        (["regions", "{data}", "--labels", "x.gpkg"], 2, "need --field"),
        (["auto", "{data}", "--encoder", "nonesuch"], 1, "nonesuch"),
    ],
)
def test_wrong_usage_is_one_sentence(folder, capsys, words, code, sentence):
    filled = [word.format(data=folder) if "{data}" in word else word for word in words]
    assert cli.main(["evaluate", *filled, "--device", "cpu"]) == code
    said = capsys.readouterr()
    assert sentence in said.err and "Traceback" not in said.err and not said.out


@pytest.mark.heavy
def test_an_interrupt_keeps_what_was_done(folder, tmp_path, root):
    """A real process and a real SIGINT: exit code 1, and a whole report that says it was stopped."""
    for number in range(2, 1500):
        os.link(folder / "Desert" / "Desert_0.png", folder / "Desert" / f"Desert_{number}.png")
    output = tmp_path / "report.json"
    command = [sys.executable, str(root / "plugin"), "evaluate", "auto", str(folder), "--device", "cpu", "--output", str(output)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "of 1,50" in line:
            break
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 1 and "Stopping" in said and "stopped before the end" in out
    assert json.loads(output.read_text(encoding="utf-8"))["stopped"] is True
