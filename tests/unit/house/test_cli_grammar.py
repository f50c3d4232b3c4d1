"""The words of the command line: what is read from them, and what is refused with a sentence."""

import subprocess
import sys

import pytest

from geoloupe.plugin import cli


def parse(*words):
    """The options as the commands get them."""
    parser = cli.build_parser()
    options = parser.parse_args([f" {word}" if cli.NEGATIVE.fullmatch(word) else word for word in words])
    cli._finish(parser, options)
    return options


def test_negative_numbers_follow_a_space():
    options = parse(
        "search", "x.geoloupe", "--extent", "-10.5,-3,-9,4,EPSG:4326", "--place", "-33.9,18.4", "--box", "a.tif", "-10,-1,-2,3",
        "--not-box", "b.tif", "-.5,1,2,3", "--count", "7",
    )  # fmt: skip
    assert options.extent == ([-10.5, -3, -9, 4], "EPSG:4326")
    assert options.place == [-33.9, 18.4]
    assert options.box == [("a.tif", ([-10, -1, -2, 3], None))]
    assert options.not_box == [("b.tif", ([-0.5, 1, 2, 3], None))]
    assert options.count == 7


def test_negative_numbers_follow_an_equals_sign():
    assert parse("search", "x", "--extent=-10,-3,-9,4").extent == ([-10, -3, -9, 4], None)


def test_corners_come_in_any_order():
    assert parse("search", "x", "--extent", "4,3,-1,-2").extent == ([-1, -2, 4, 3], None)


def test_a_crs_may_have_commas_of_its_own():
    wkt = 'GEOGCS["a",UNIT["degree",0.01]]'
    assert parse("search", "x", "--extent", f"1,2,3,4,{wkt}").extent == ([1, 2, 3, 4], wkt)


def test_several_rasters_boxes_and_gsds():
    options = parse("index", "a.tif", "b.tif", "--index", "i", "--gsd", "0.3,0.6")
    assert (options.rasters, options.gsd, options.object_size) == (["a.tif", "b.tif"], [0.3, 0.6], None)
    assert len(parse("search", "i", "--box", "a", "0,0,1,1", "--box", "b", "0,0,1,1").box) == 2


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["index", "a.tif"], "--index"),
        (["index", "a.tif", "--index", "i", "--gsd", "0"], "not a positive number"),
        (["index", "a.tif", "--index", "i", "--gsd", "1", "--object-size", "2"], "not allowed with"),
        (["index", "a.tif", "--index", "i", "--object-size", "nan"], "not 1 numbers"),
        (["index", "a.tif", "--index", "i", "--device", "tpu"], "invalid choice"),
        (["search", "i", "--box", "a.tif", "1,2,3"], "not 4 numbers"),
        (["search", "i", "--extent", "1,2,1,4"], "no area"),
        (["search", "i", "--extent", "1,2,inf,4"], "not 4 numbers"),
        (["search", "i", "--place", "91,0"], "latitude"),
        (["search", "i", "--count", "0"], "above 0"),
        (["search", "i", "--output", "hits.shp"], ".gpkg"),
        (["search", "i", "--output", "no/such/folder/hits.gpkg"], "does not exist"),
        (["search", "i", "--tex", "roof"], "unrecognized"),
        (["fly"], "invalid choice"),
        ([], "required"),
    ],
)
def test_wrong_usage_is_a_sentence_and_exit_code_2(words, sentence, capsys):
    assert cli.main(words) == 2
    said = capsys.readouterr()
    assert sentence in said.err and not said.out


def test_help_is_no_error(capsys):
    assert cli.main(["search", "--help"]) == 0
    assert "--not-box" in capsys.readouterr().out


def test_the_command_line_runs_from_a_checkout_and_loads_nothing_heavy_for_help(root):
    code = """
import runpy, sys
sys.argv = ["x", "--help"]
try:
    runpy.run_path({!r}, run_name="__main__")
except SystemExit as stop:
    sys.exit(stop.code or len({{"numpy", "rasterio", "onnxruntime", "faiss"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code.format(str(root / "plugin"))], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0 and "geoloupe" in done.stdout


def test_a_missing_package_is_a_sentence(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "geoloupe.plugin.commands", None)
    monkeypatch.setattr(cli, "_late", lambda name: lambda options: __import__("no_such_package_at_all"))
    assert cli.main(["models"]) == 1
    assert "no_such_package_at_all is missing" in capsys.readouterr().err
