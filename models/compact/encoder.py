"""The compact encoder at run time: numpy and onnxruntime only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...plugin.errors import GeoLoupeError
from ..encoder import ModelCard
from ..instructions import KIND, SURROUNDINGS, is_plain
from ..interleaved import Box, Image, InputError, Interleaved, Place, Text
from ..onnx_runtime import Device, Graph, choose_device, threads
from .packing import TEXT_LIMIT, on_sphere, pack, says_change
from .pixels import to_chips
from .tokenizer import WordPieces

WEIGHTS = "weights.safetensors"
GRAPHS = ("chips.onnx", "query.onnx", "text.onnx")
WHOLE = (0.0, 0.0, 1.0, 1.0)
NOWHERE = np.zeros(3, np.float32)
BATCH = 32  # chips in one run on a graphics processor
TEXT_BATCH = 64


@dataclass(frozen=True)
class Said:
    """The words and the place of one vector; ``owner`` is the number of the input it belongs to."""

    owner: int
    text: str
    instruction: str
    place: NDArray[np.float32]


@dataclass(frozen=True)
class Segment(Said):
    """One box of one image with the words and the place of its input."""

    chip: NDArray[np.uint8]
    box: NDArray[np.float32]


One = TypeVar("One", bound=Said)


class CompactEncoder:
    """One small transformer over image, box, place and text tokens (see ``architecture.py``), run by ONNX Runtime.

    An input without an image is its texts, joined in order. With images, every box (or, without one, every whole image) is read
    together with all the texts and the instruction; several of them in one input are averaged, and so are several places. An
    instruction only changes how a box or a place is read: beside a text alone it is ignored. A place alone is read; beside an
    image or a text it is read when the instruction asks for it, that is, for neither the thing nor its kind nor its surroundings.
    """

    def __init__(self, folder: Path, card: ModelCard, device: str = "auto") -> None:
        """Open the files in ``folder``. Raises GeoLoupeError: bad_encoder (damaged), bad_device."""
        check_files(folder, card)
        self.folder = folder
        self.card = card
        self._tokens = WordPieces.load(folder / str(card.extra["pieces"]))
        chosen = self._open(device)
        self.device, self.device_reason = chosen.kind, chosen.reason
        self._batch = BATCH if chosen.kind == "cuda" else chips_a_run(threads())

    def encode(self, inputs: Sequence[Interleaved]) -> NDArray[np.float32]:
        """(n) inputs -> (n, dim) float32, unit length. Raises InputError for an image with two bands, or for a place where the
        card says that places are not read."""
        answer = np.zeros((len(inputs), self.card.dim), np.float32)
        said: list[Said] = []
        segments: list[Segment] = []
        for number, given in enumerate(inputs):
            text = " ".join(part.text.strip() for part in given.parts if isinstance(part, Text))
            places = self._places(given)
            found = self._segments(number, given, text, places)
            segments += found
            if not found:
                asked = str(given.instruction).strip() if places[0].any() and asks_for_place(given.instruction) else ""
                said += [Said(number, text, asked, place) for place in places]
        jobs: list[tuple[list, Callable, int]] = [
            ([one for one in said if not one.place.any()], self._words, TEXT_BATCH),
            ([one for one in said if one.place.any()], self._placed, TEXT_BATCH),
            ([one for one in segments if is_bare(one)], self._plain, self._batch),
            ([one for one in segments if not is_bare(one)], self._asked, self._batch),
        ]
        for group, run, size in jobs:
            for start in range(0, len(group), size):
                part = group[start : start + size]
                np.add.at(answer, [one.owner for one in part], run(part))
        return unit(answer)

    def encode_regions(
        self, chips: NDArray[np.uint8], boxes: NDArray[np.float32], gsd: float | None = None
    ) -> NDArray[np.float32]:
        """One look at each chip, many regions: (n, h, w, bands), (n, regions, 4) -> (n, regions, dim); ``gsd`` is not read."""
        if chips.ndim != 4 or chips.dtype != np.uint8 or boxes.ndim != 3 or boxes.shape[0] != len(chips) or boxes.shape[2] != 4:
            raise InputError("Chips must be uint8 (n, height, width, bands) and boxes (n, regions, 4).")
        if not len(chips) or not boxes.shape[1]:
            return np.zeros((len(chips), boxes.shape[1], self.card.dim), np.float32)
        parts = []
        for start in range(0, len(chips), self._batch):
            part = slice(start, start + self._batch)
            made, factor = to_chips(chips[part], self.card.chip_size)
            parts.append(self._run_chips(made, boxes[part].astype(np.float32) * factor))
        return np.concatenate(parts)

    def _open(self, device: str) -> Device:
        chosen = choose_device(device, self.folder / "text.onnx")
        chips, query, text = GRAPHS
        if chosen.kind == "cpu":  # the eight-bit operators are made for it
            chips = region_graph(self.card)
        self._chips, self._query, self._text = (Graph(self.folder / name, chosen) for name in (chips, query, text))
        return chosen

    def _run_chips(self, chips: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """chips (n, side, side, 3), boxes (n, R, 4) -> (n, R, dim)."""
        # a single row is multiplied by another routine, whose rounding would tip some eight-bit values over
        asked = np.repeat(boxes, 2, 1) if boxes.shape[1] == 1 else boxes
        return self._chips({"chips": chips, "boxes": asked})[:, : boxes.shape[1]]

    def _run_query(
        self,
        chips: NDArray[np.uint8],
        boxes: NDArray[np.float32],
        words: NDArray[np.int64],
        segments: NDArray[np.int64],
        places: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """One box (n, 4) of each chip, words and segments (n, L), places (n, 3) -> (n, dim)."""
        return self._query({"chips": chips, "boxes": boxes, "words": words, "segments": segments, "places": places})

    def _run_text(
        self, words: NDArray[np.int64], segments: NDArray[np.int64], places: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """words and segments (n, L), places (n, 3) -> (n, dim)."""
        return self._text({"words": words, "segments": segments, "places": places})

    def _places(self, given: Interleaved) -> list[NDArray[np.float32]]:
        """The points on the sphere that matter to an input; one of zeros when none does."""
        points = [(part.lat, part.lon) for part in given.parts if isinstance(part, Place)]
        if points and "place" not in self.card.extra.get("reads", ()):
            raise InputError(
                f"The encoder “{self.card.id}” does not know places: leave the place out, or filter the results by an extent."
            )
        alone = all(isinstance(part, Place) for part in given.parts)
        return list(on_sphere(np.array(points))) if points and (alone or asks_for_place(given.instruction)) else [NOWHERE]

    def _segments(self, owner: int, given: Interleaved, text: str, places: list[NDArray[np.float32]]) -> list[Segment]:
        text = self._beside_box(text)
        instruction = "" if is_plain(given.instruction) else str(given.instruction).strip()
        found: list[tuple[NDArray[np.uint8], NDArray[np.float32]]] = []
        image: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None
        boxed = True
        for part in [*given.parts, None]:
            if image is not None and not boxed and (part is None or isinstance(part, Image)):
                found.append((image[0], np.array(WHOLE, np.float32) * image[1]))
            if isinstance(part, Image):
                made, factor = to_chips(part.pixels[None], self.card.chip_size)
                image, boxed = (made[0], factor), False
            elif isinstance(part, Box) and image is not None:
                edges = np.array([part.x0, part.y0, part.x1, part.y1], np.float32)
                found.append((image[0], edges * image[1]))
                boxed = True
        return [Segment(owner, text, instruction, place, chip, box) for chip, box in found for place in places]

    def _beside_box(self, text: str) -> str:
        """The words put into the card's template for words beside a box, unless they are already said as a change."""
        if not text or says_change(text):
            return text
        return str(self.card.extra.get("box_text_template", "{text}")).replace("{text}", text)

    def _words(self, group: list[Said]) -> NDArray[np.float32]:
        words = self._tokens.batch([one.text for one in group], TEXT_LIMIT)
        return self._run_text(words, np.zeros_like(words), np.stack([one.place for one in group]))

    def _placed(self, group: list[Said]) -> NDArray[np.float32]:
        return self._run_text(*self._packed(group))

    def _plain(self, group: list[Segment]) -> NDArray[np.float32]:
        chips, boxes = np.stack([one.chip for one in group]), np.stack([one.box for one in group])
        return self._run_chips(chips, boxes[:, None])[:, 0]

    def _asked(self, group: list[Segment]) -> NDArray[np.float32]:
        chips, boxes = np.stack([one.chip for one in group]), np.stack([one.box for one in group])
        return self._run_query(chips, boxes, *self._packed(group))

    def _packed(self, group: Sequence[Said]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        words, segments = pack(self._tokens, [one.text for one in group], [one.instruction for one in group])
        return words, segments, np.stack([one.place for one in group])


def asks_for_place(instruction: str | None) -> bool:
    """True when an instruction asks for more than the thing, its kind or its surroundings, so that a place may matter."""
    said = str(instruction or "").strip().rstrip(".").lower()
    return not is_plain(instruction) and said not in {known.rstrip(".").lower() for known in (KIND, SURROUNDINGS)}


def is_bare(one: Said) -> bool:
    """True when nothing is said beside a box, so that the plain region vector answers it."""
    return not one.text and not one.instruction and not one.place.any()


def chips_a_run(count: int) -> int:
    """Chips in one run on so many processor threads: with more, the first layers' maps no longer fit the processor's cache."""
    return min(16, 2 * count)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of unit length."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)


def files_hash(folder: Path, files: Sequence[str]) -> str:
    """SHA-256 over the bytes of the files in the order given."""
    digest = hashlib.sha256()
    for name in files:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def region_graph(card: ModelCard) -> str:
    """The graph that regions are read with on a CPU."""
    return str(card.extra.get("region_graph", GRAPHS[0]))


def check_files(folder: Path, card: ModelCard) -> None:
    """Raise GeoLoupeError(bad_encoder) when a file is missing, lies elsewhere, is not listed, or does not match the card's
    SHA-256."""
    if any(Path(name).name != name for name in card.files):
        raise GeoLoupeError(
            "bad_encoder", f"The card of the encoder “{card.id}” names files outside its folder: install it again."
        )
    unlisted = {*GRAPHS, region_graph(card), str(card.extra.get("pieces"))} - set(card.files)
    if unlisted:
        raise GeoLoupeError(
            "bad_encoder",
            f"The card of the encoder “{card.id}” does not list {', '.join(sorted(unlisted))}: install it again.",
        )
    try:
        found = files_hash(folder, card.files)
    except OSError as problem:
        raise GeoLoupeError(
            "bad_encoder", f"A file of the encoder “{card.id}” is missing: install it again.", str(problem)
        ) from problem
    if found != card.sha256:
        raise GeoLoupeError("bad_encoder", f"The files of the encoder “{card.id}” do not match their checksum: install it again.")
