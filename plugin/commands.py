"""What each command of the command line does, and how it prints. ``cli`` has the grammar."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from ..models import ModelCard, list_encoders, load_encoder
from .errors import GeoLoupeError
from .retrieval.grid import OBJECT_SHARE, scales_for_object_size
from .retrieval.index import open_index
from .retrieval.indexing import index_sources
from .retrieval.opening import open_source
from .retrieval.pixel_source import SourceSpec
from .retrieval.query import Query
from .retrieval.results import write_hits
from .retrieval.search import search
from .retrieval.stretch import measure


def index_rasters(options: argparse.Namespace) -> int:
    """``geoloupe index``: make the index or go on with it."""
    encoder = load_encoder(options.encoder, device=options.device)
    say(f"Encoder {encoder.card.id} {encoder.card.revision} on {encoder.device}. {encoder.device_reason}")
    sources = [SourceSpec(uri=path) for path in options.rasters]
    if options.gsd is None and options.object_size is None:
        say_default_scale(sources[0], encoder.card)
    with stop_on_interrupt() as stopped, progress_line() as progress:
        report = index_sources(
            options.index,
            sources,
            encoder,
            gsds=options.gsd,
            object_size=options.object_size,
            extent=options.extent,
            progress=progress,
            cancelled=stopped,
            between_batches=lambda: None,
        )
    facts = report.to_json()
    for line in [*facts["notes"], *(problem["message"] for problem in facts["problems"])]:
        say(line)
    if options.json:
        print_json(facts)
    else:
        print(
            f"{facts['index']}: {facts['rows']:,} regions, {facts['new_rows']:,} of them new. {facts['chips']:,} chips were read"
            f" in {facts['seconds']:.1f} s, {facts['kept_chips']:,} were there before, {facts['skipped_chips']:,} are empty."
        )
        if facts["missing_chips"]:
            say(f"{facts['missing_chips']:,} chips could not be read now: run the same command again to try them once more.")
    return 1 if facts["problems"] else 0


def search_index(options: argparse.Namespace) -> int:
    """``geoloupe search``: print hits, best first, and write them where asked."""
    index = open_index(options.index)
    encoder = load_encoder(index.manifest.encoder["id"], device=options.device)
    query = replace(Query.from_json(query_facts(options)), images=[read_picture(path) for path in options.image])
    result = search(index, query, encoder, count=options.count, extent=options.extent)
    if options.extent is not None and not result.searched_rows:
        raise GeoLoupeError("no_overlap", "The extent holds no indexed region: choose another, or name its CRS at its end.")
    facts = result.to_json()
    if options.output:
        write_hits(options.output, result.hits, query=words_for(options), model=encoder.card.id)
    if options.json:
        print_json(facts)
        return 0
    if facts["presence"]["message"]:
        say(facts["presence"]["message"])
    print_table(
        ("rank", "score", "source", "window", "gsd", "date"),
        [
            (
                str(hit["rank"]),
                f"{hit['score']:.3f}",
                hit["source_name"],
                f"{hit['x0']},{hit['y0']},{hit['x1']},{hit['y1']}",
                f"{hit['gsd']:.3g}",
                str(hit["date"] or ""),
            )
            for hit in facts["hits"]
        ],
    )
    say(f"{len(facts['hits'])} of {facts['rows']:,} regions in {facts['seconds']['total']:.2f} s")
    return 0


def show_info(options: argparse.Namespace) -> int:
    """``geoloupe info``."""
    facts = open_index(options.index).info()
    if options.json:
        print_json(facts)
        return 0
    encoder = facts["encoder"]["fingerprint"]
    known = any(card.fingerprint() == encoder for card in list_encoders())
    print(f"{facts['path']}: {facts['rows']:,} regions, {facts['bytes'] / 1e6:,.1f} MB")
    print(f"made by the encoder {encoder['id']} {encoder['revision']}{'' if known else ', which is not installed here'}")
    if facts["being_written"]:
        print("it is being written now")
    elif not facts["complete"]:
        print("an index run was stopped: run the same command again to go on with it")
    rows = [
        (
            source["name"],
            f"{source['rows']:,}",
            " ".join(f"{gsd:.3g}" for gsd in source["gsds"]),
            "changed since" if source["changed"] else "",
            source["identity"],
        )
        for source in facts["sources"]
    ]
    print_table(("source", "regions", "gsds", "", "path"), rows)
    return 0


def check_index(options: argparse.Namespace) -> int:
    """``geoloupe check``: 0 when nothing that was committed is damaged, else 1."""
    facts = open_index(options.index).check()
    if options.json:
        print_json(facts)
    else:
        for line in facts["notes"]:
            say(line)
        for line in facts["problems"]:
            print(line)
        print("good" if facts["ok"] else "damaged: index again to repair it, or build a new one")
    return 0 if facts["ok"] else 1


def list_models(options: argparse.Namespace) -> int:
    """``geoloupe models``."""
    cards = list_encoders()
    if options.json:
        print_json([card_facts(card) for card in cards])
        return 0
    rows = [
        (
            card.id,
            card.revision,
            str(card.dim),
            str(card.chip_size),
            f"{card.gsd_range[0]:g}-{card.gsd_range[1]:g} m",
            card.licence,
        )
        for card in cards
    ]
    print_table(("id", "revision", "dim", "chip", "gsd", "licence"), rows)
    for card in cards:
        print(f"{card.id}: {card.trained_on}")
    return 0


def evaluate_encoder(options: argparse.Namespace) -> int:
    """``geoloupe evaluate``: figures of one encoder on the user's own data; an interrupt keeps the tasks that were done."""
    from ..models.evaluation import Plan, evaluate, read, to_markdown

    encoder = load_encoder(options.encoder, device=options.device)
    say(f"Encoder {encoder.card.id} {encoder.card.revision} on {encoder.device}. {encoder.device_reason}")
    plan = Plan(
        split=options.split,
        limit=options.limit,
        candidates=options.candidates,
        seed=options.seed,
        instruction=options.instruction,
        templates=tuple(options.template),
        extra={"images": options.images, "background": options.background},
    )
    paths, labels = [Path(path) for path in options.data], [Path(path) for path in options.labels]
    material = read(paths, plan, encoder.card.chip_size, options.format, labels, options.field, options.attribute)
    say(f"Data: {material.format}. {'; '.join(note for note in material.notes if note)}")
    with stop_on_interrupt() as stopped, evaluation_line() as progress:
        report = evaluate(encoder, material, options.task, plan, options.words, progress, stopped)
    table = to_markdown(report)
    for path, text in ((options.output, json.dumps(report, ensure_ascii=False)), (options.table, table)):
        if path:
            write_whole(path, text)
    print(json.dumps(report, ensure_ascii=False) if options.json else table, end="\n" if options.json else "")
    return 1 if report["stopped"] else 0


def write_whole(path: Path, text: str) -> None:
    """All or nothing: an interrupt never leaves half a report."""
    half = path.with_name(path.name + ".part")
    try:
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    except OSError as error:
        raise GeoLoupeError("no_permission", f"{path} cannot be written: choose another folder.", str(error)) from error


def card_facts(card: ModelCard) -> dict[str, Any]:
    """A card as JSON-able facts."""
    names = ("id", "name", "family", "revision", "sha256", "dim", "chip_size", "region_method", "licence", "trained_on")
    return {**{name: getattr(card, name) for name in names}, "gsd_range": list(card.gsd_range), "bands": list(card.bands)}


def query_facts(options: argparse.Namespace) -> dict[str, Any]:
    """The query of the command line in the form every front end sends."""
    return {
        "text": options.text,
        "boxes": [box_facts(*box) for box in options.box],
        "match": "thing",
        "instruction": options.instruction,
        "place": options.place,
        "not_text": options.not_text,
        "not_boxes": [box_facts(*box) for box in options.not_box],
    }


def words_for(options: argparse.Namespace) -> str:
    """The query in a few words, for the results' attribute."""
    parts = [options.text] if options.text else []
    parts += [f"box on {raster}" for raster, _ in options.box] + [f"picture {path}" for path in options.image]
    parts += [f"near {options.place[0]}, {options.place[1]}"] if options.place else []
    return " + ".join(parts)


def read_picture(path: str) -> NDArray[np.uint8]:
    """A picture file as (height, width, 3) uint8; one band is grey, and deeper pixels get the stretch rasters get."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as picture:
                values = picture.read([1, 2, 3] if picture.count >= 3 else [1, 1, 1])
                valid = picture.dataset_mask() > 0
    except (RasterioError, OSError) as error:
        raise GeoLoupeError(
            "usage", f"{path} cannot be read as a picture: choose a PNG, JPEG or TIFF file.", str(error)
        ) from error
    if values.dtype != np.uint8:
        values = measure(values, valid).apply(values)
    return np.ascontiguousarray(values.transpose(1, 2, 0))


def box_facts(raster: str, bounds: tuple[list[float], str | None]) -> dict[str, Any]:
    """One box of the query: its raster, its two corners, and their CRS (None: the raster's own)."""
    (x0, y0, x1, y1), crs = bounds
    return {"source": SourceSpec(uri=raster).to_json(), "geometry": [[x0, y0], [x1, y1]], "crs": crs}


def say_default_scale(spec: SourceSpec, card: ModelCard) -> None:
    """Without an object size the scale is the raster's own: say what that suits."""
    source = open_source(spec)
    try:
        gsd = scales_for_object_size(None, source.gsd, card.gsd_range, card.chip_size)[0].gsd
    finally:
        source.close()
    metres = gsd * OBJECT_SHARE * card.chip_size
    say(
        f"No --object-size and no --gsd: indexing at each raster's own resolution. For {spec.label} that is {gsd:.3g} m per"
        f" pixel, which suits things of about {metres:.3g} m."
    )


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Yields a function that is True once the user pressed Ctrl-C; a second Ctrl-C ends the program at once."""
    pressed: list[bool] = []

    def note(number: int, frame: Any) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(True)
        say("Stopping after this batch; what is done stays done. Press Ctrl-C again to stop at once.")

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def renewed_line(seconds: float, at_once: bool) -> Iterator[Callable[[Callable[[], str]], None]]:
    """Yields what prints a text when one is due: a line that renews itself on a terminal, else a line every few seconds."""
    live = sys.stderr.isatty()
    last = [0.0 if live or at_once else time.monotonic()]

    def show(text: Callable[[], str]) -> None:
        now = time.monotonic()
        if now - last[0] < (0.2 if live else seconds):
            return
        last[0] = now
        print(f"\r\x1b[K{text()}" if live else text(), end="" if live else "\n", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


@contextmanager
def progress_line(seconds: float = 10.0) -> Iterator[Callable[[Any], None]]:
    """Yields the receiver of an index run's progress."""

    def said(progress: Any) -> str:
        left = "" if progress.seconds_left is None else f", about {duration(progress.seconds_left)} left"
        rate = "" if not progress.chips_per_second else f", {progress.chips_per_second:.1f} chips/s"
        return f"{progress.phase}: {progress.done:,} of {progress.total:,} chips, {progress.rows:,} regions{rate}{left}"

    with renewed_line(seconds, False) as line:
        yield lambda progress: line(lambda: said(progress))


@contextmanager
def evaluation_line(seconds: float = 10.0) -> Iterator[Callable[[str, int, int], None]]:
    """The same for an evaluation: what is read, how much of it, and how long it will take."""
    began: dict[str, float] = {}

    def said(what: str, done: int, total: int) -> str:
        passed = time.monotonic() - began[what]
        left = f", about {duration(passed / done * (total - done))} left" if done and passed > 1 else ""
        return f"{what}: {done:,} of {total:,} inputs{left}"

    with renewed_line(seconds, True) as line:

        def show(what: str, done: int, total: int) -> None:
            began.setdefault(what, time.monotonic())
            if done < total:
                line(lambda: said(what, done, total))

        yield show


def duration(seconds: float) -> str:
    """Seconds in words: 40 s, 3 min, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns wide enough for their words; numbers to the right."""
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    for line in [head, *rows]:
        cells = [
            word.rjust(width) if word[:1].isdigit() and column < len(head) - 1 else word.ljust(width)
            for column, (word, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def print_json(facts: Any) -> None:
    print(json.dumps(facts, indent=1, ensure_ascii=False))


def say(text: str) -> None:
    """One line for the person at the terminal; stdout is for results."""
    print(text, file=sys.stderr, flush=True)
