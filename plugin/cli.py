"""The command line: ``geoloupe index | search | info | check | models | evaluate``, without QGIS.

Exit codes: 0 good, 1 failed (``check``: damaged), 2 wrong usage. Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .errors import GeoLoupeError

GOOD, FAILED, USAGE = 0, 1, 2
DEFAULT_ENCODER = "compact"
# Numbers that argparse would take for an option: "-10.5,3,-9,4" or "-33.9,18.4,EPSG:4326".
NEGATIVE = re.compile(r"-[\d.][\d.eE+-]*(,.*)?")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing is raised for what a user did wrong."""
    raw = sys.argv[1:] if arguments is None else list(arguments)
    parser = build_parser()
    try:
        options = parser.parse_args([f" {word}" if NEGATIVE.fullmatch(word) else word for word in raw])
        _finish(parser, options)
        options.words = ["geoloupe", *raw]
    except SystemExit as stop:  # argparse has said what is wrong, or printed the help
        return GOOD if stop.code in (0, None) else USAGE
    try:
        return int(options.command(options))
    except GeoLoupeError as error:
        print(f"geoloupe: {error.message}", file=sys.stderr)
        return USAGE if error.code in ("usage", "empty_query") else FAILED
    except ModuleNotFoundError as error:
        name = (error.name or "").split(".")[0]
        if name in ("", __name__.split(".")[0]):  # a fault of ours, not of the installation
            raise
        print(f"geoloupe: the package {name} is missing here: run pip install in GeoLoupe's folder.", file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        sys.stderr.close()
        return GOOD
    except KeyboardInterrupt:
        print("geoloupe: stopped.", file=sys.stderr)
        return FAILED


def build_parser() -> argparse.ArgumentParser:
    """The whole grammar of the command line."""
    parser = argparse.ArgumentParser(
        prog="geoloupe", description="Find places in imagery by a box, by words, or by both.", allow_abbrev=False
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_index(commands)
    _add_search(commands)
    for name, command, text in (
        ("info", "show_info", "say what an index holds"),
        ("check", "check_index", "read everything in an index and compare it with its checksums"),
    ):
        sub = commands.add_parser(name, help=text, description=text.capitalize() + ".", allow_abbrev=False)
        sub.add_argument("index", metavar="DIR", type=_path)
        sub.add_argument("--json", action="store_true", help="print for programs")
        sub.set_defaults(command=_late(command))
    models = commands.add_parser("models", help="list the encoders at hand", allow_abbrev=False)
    models.add_argument("--json", action="store_true", help="print for programs")
    models.set_defaults(command=_late("list_models"))
    _add_evaluate(commands)
    return parser


def _late(name: str) -> Callable[[argparse.Namespace], int]:
    """A function of ``commands``, imported when it is called: help and wrong usage need no onnxruntime."""

    def run(options: argparse.Namespace) -> int:
        from . import commands

        return int(getattr(commands, name)(options))

    return run


def _add_index(commands: Any) -> None:
    sub = commands.add_parser("index", help="read rasters and index their regions", allow_abbrev=False)
    sub.add_argument("rasters", metavar="RASTER", nargs="+", type=_path, help="anything GDAL reads")
    sub.add_argument("--index", metavar="DIR", required=True, type=_path, help="where the index lies or will lie")
    sub.add_argument("--encoder", metavar="ID", default=DEFAULT_ENCODER, help="an id of the catalogue or a folder (compact)")
    scale = sub.add_mutually_exclusive_group()
    scale.add_argument("--object-size", metavar="M", type=_positive, help="how large the things are that you look for, in metres")
    scale.add_argument("--gsd", metavar="M[,M...]", type=_positives, help="metres per pixel that the encoder sees")
    _add_extent(sub)
    sub.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    sub.add_argument("--json", action="store_true", help="print for programs")
    sub.set_defaults(command=_late("index_rasters"))


def _add_search(commands: Any) -> None:
    sub = commands.add_parser("search", help="find regions, best first", allow_abbrev=False)
    sub.add_argument("index", metavar="DIR", type=_path)
    sub.add_argument("--text", metavar="T", help="what to look for, in words")
    box = {"nargs": 2, "metavar": ("RASTER", "X0,Y0,X1,Y1[,CRS]"), "action": "append", "default": []}
    sub.add_argument("--box", **box, help="a box on a raster that shows what to look for; may be given again")
    sub.add_argument("--image", metavar="FILE", action="append", default=[], type=_path, help="a picture of what to look for")
    sub.add_argument("--place", metavar="LAT,LON", type=_place, help="where such things are, in degrees")
    sub.add_argument("--not-text", metavar="T", help="what not to find, in words")
    sub.add_argument("--not-box", **box, help="a box on what not to find; may be given again")
    sub.add_argument("--instruction", metavar="T", help="what to match in the box, in words")
    _add_extent(sub)
    sub.add_argument("--count", metavar="N", type=_whole, default=50, help="how many regions at most (50)")
    sub.add_argument("--output", metavar="FILE", type=_result_file, help="also write them: .gpkg or .geojson")
    sub.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    sub.add_argument("--json", action="store_true", help="print for programs")
    sub.set_defaults(command=_late("search_index"))


def _add_evaluate(commands: Any) -> None:
    text = "measure an encoder on your own copy of a public data set, or on labels over rasters"
    sub = commands.add_parser("evaluate", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    tasks = ("auto", "scenes", "search", "composed", "questions", "regions", "places")
    sub.add_argument("task", metavar="TASK", choices=tasks, help=f"one of {', '.join(tasks)}; auto is all that the data have")
    sub.add_argument("data", metavar="DATA", nargs="+", type=_path, help="the folder of a data set; with --labels, rasters")
    sub.add_argument("--encoder", metavar="ID", default=DEFAULT_ENCODER, help="an id of the catalogue or a folder (compact)")
    sub.add_argument("--format", metavar="NAME", help="the form of the data, where it is not recognised")
    sub.add_argument("--split", metavar="NAME", default="test", help="the part of the data set (test)")
    sub.add_argument("--images", metavar="DIR", type=_path, help="where the images lie, if not below DATA")
    sub.add_argument(
        "--labels", metavar="FILE", action="append", default=[], type=_path, help="a layer of labels over the rasters"
    )
    sub.add_argument("--field", metavar="NAME", help="the field of the labels that names things")
    sub.add_argument("--attribute", metavar="NAME", help="a field whose values are asked for beside a box (colour, use, ...)")
    sub.add_argument("--background", metavar="N", type=_count, help="boxes around nothing for each labelled one (as needed)")
    sub.add_argument(
        "--template", metavar="T", action="append", default=[], type=_template, help='how a name is said: "a {} roof"'
    )
    sub.add_argument("--instruction", metavar="T", help="put beside every query that has an image")
    sub.add_argument("--limit", metavar="N", type=_whole, help="read at most this many records, drawn with the seed")
    sub.add_argument("--candidates", metavar="N", type=_whole, help="ask among the right ones and N - 1 others (all)")
    sub.add_argument("--seed", metavar="S", type=_count, default=0, help="of everything that is drawn or shuffled (0)")
    sub.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    sub.add_argument("--output", metavar="FILE", type=_new_file, help="write the whole report, with every answer, as JSON")
    sub.add_argument("--table", metavar="FILE", type=_new_file, help="write the table as Markdown")
    sub.add_argument("--json", action="store_true", help="print for programs")
    sub.set_defaults(command=_late("evaluate_encoder"))


def _add_extent(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--extent", metavar="X0,Y0,X1,Y1[,CRS]", type=_bounds, help="only there; in the rasters' own CRS unless one is named"
    )


def _finish(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """What argparse cannot say: the second word of a box is numbers."""
    for name in ("box", "not_box"):
        try:
            boxes = [(_path(raster), _bounds(corners)) for raster, corners in getattr(options, name, [])]
        except argparse.ArgumentTypeError as error:
            parser.error(f"argument --{name.replace('_', '-')}: {error}")
        setattr(options, name, boxes)


# What the words on the command line may be. Each raises argparse's error with one sentence.


def _path(word: str) -> str:
    if not word.strip():
        raise argparse.ArgumentTypeError("is empty: give a path.")
    return word.strip() if NEGATIVE.fullmatch(word.strip()) else word


def _numbers(word: str, count: int) -> tuple[list[float], str | None]:
    """``count`` numbers, and what follows them: a CRS, or None."""
    parts = word.strip().split(",")
    try:
        numbers = [float(part) for part in parts[:count]]
    except ValueError:
        numbers = []
    if len(numbers) != count or any(number != number or abs(number) == float("inf") for number in numbers):
        raise argparse.ArgumentTypeError(f"{word.strip()!r} is not {count} numbers with commas between them.")
    return numbers, ",".join(parts[count:]).strip() or None


def _bounds(word: str) -> tuple[list[float], str | None]:
    (x0, y0, x1, y1), crs = _numbers(word, 4)
    if x0 == x1 or y0 == y1:
        raise argparse.ArgumentTypeError(f"{word.strip()!r} has no area: give two opposite corners.")
    return [min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)], crs


def _place(word: str) -> list[float]:
    (lat, lon), rest = _numbers(word, 2)
    if rest or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise argparse.ArgumentTypeError(f"{word.strip()!r} is not a latitude in -90..90 and a longitude in -180..180.")
    return [lat, lon]


def _positive(word: str) -> float:
    numbers, rest = _numbers(word, 1)
    if rest or numbers[0] <= 0:
        raise argparse.ArgumentTypeError(f"{word.strip()!r} is not a positive number.")
    return numbers[0]


def _positives(word: str) -> list[float]:
    return [_positive(part) for part in word.split(",")]


def _whole(word: str) -> int:
    if not word.strip().isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word.strip()!r} is not a whole number above 0.")
    return int(word)


def _count(word: str) -> int:
    if not word.strip().isdigit():
        raise argparse.ArgumentTypeError(f"{word.strip()!r} is not a whole number.")
    return int(word)


def _template(word: str) -> str:
    if "{}" not in word:
        raise argparse.ArgumentTypeError(f"{word!r} has no {{}} where the name goes.")
    return word


def _result_file(word: str) -> Path:
    if Path(word).suffix.lower() not in (".gpkg", ".geojson"):
        raise argparse.ArgumentTypeError(f"{word!r} ends neither in .gpkg nor in .geojson.")
    return _new_file(word)


def _new_file(word: str) -> Path:
    path = Path(word)
    if not path.name or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder {str(path.parent)!r} does not exist.")
    return path
