"""The compact encoder at run time: numpy and onnxruntime only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...plugin.errors import GeoLoupeError
from ..encoder import ModelCard
from ..instructions import is_plain
from ..interleaved import Box, Image, InputError, Interleaved, Place, Text
from ..onnx_runtime import Graph, choose_device
from .packing import TEXT_LIMIT, pack
from .pixels import to_chips
from .tokenizer import WordPieces, split_words

WHOLE = (0.0, 0.0, 1.0, 1.0)
BATCH = 8  # chips in one run
TEXT_BATCH = 64
SAID_AS_CHANGE = {"but", "same", "instead", "like"}


@dataclass(frozen=True)
class Segment:
    """One box of one image with the words of its input; ``owner`` is the number of the input."""

    owner: int
    chip: NDArray[np.uint8]
    box: NDArray[np.float32]
    text: str
    instruction: str


class CompactEncoder:
    """One small transformer over image, box and text tokens (see ``architecture.py``), run by ONNX Runtime.

    An input without an image is its texts, joined in order. With images, every box (or, without one, every whole image) is read
    together with all the texts and the instruction; several of them in one input are averaged. An instruction only changes how
    a box is read: beside a text alone it is ignored. A Place is refused.
    """

    def __init__(self, folder: Path, card: ModelCard, device: str = "auto") -> None:
        """Open the files in ``folder``. Raises GeoLoupeError: bad_encoder (damaged), bad_device."""
        check_files(folder, card)
        self.folder = folder
        self.card = card
        self._tokens = WordPieces.load(folder / str(card.extra["pieces"]))
        chosen = choose_device(device, folder / "text.onnx")
        self.device, self.device_reason = chosen.kind, chosen.reason
        self._chips, self._query, self._text = (Graph(folder / f"{name}.onnx", chosen) for name in ("chips", "query", "text"))

    def encode(self, inputs: Sequence[Interleaved]) -> NDArray[np.float32]:
        """(n) inputs -> (n, dim) float32, unit length. Raises InputError for a place, or an image with two bands."""
        answer = np.zeros((len(inputs), self.card.dim), np.float32)
        words: list[tuple[int, str]] = []
        segments: list[Segment] = []
        for number, given in enumerate(inputs):
            if any(isinstance(part, Place) for part in given.parts):
                raise InputError(
                    "The compact encoder does not know places: leave the place out, or filter the results by an extent."
                )
            text = " ".join(part.text.strip() for part in given.parts if isinstance(part, Text))
            found = self._segments(number, given, text)
            segments += found
            if not found:
                words.append((number, text))
        for start in range(0, len(words), TEXT_BATCH):
            part = words[start : start + TEXT_BATCH]
            table = self._tokens.batch([text for _, text in part], TEXT_LIMIT)
            answer[[number for number, _ in part]] = self._text({"words": table})
        plain = [segment for segment in segments if not segment.text and not segment.instruction]
        asked = [segment for segment in segments if segment.text or segment.instruction]
        for group, run in ((plain, self._run_plain), (asked, self._run_asked)):
            for start in range(0, len(group), BATCH):
                part_ = group[start : start + BATCH]
                np.add.at(answer, [segment.owner for segment in part_], run(part_))
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
        for start in range(0, len(chips), BATCH):
            made, factor = to_chips(chips[start : start + BATCH], self.card.chip_size)
            parts.append(self._chips({"chips": made, "boxes": boxes[start : start + BATCH].astype(np.float32) * factor}))
        return np.concatenate(parts)

    def _segments(self, owner: int, given: Interleaved, text: str) -> list[Segment]:
        text = self._beside_box(text)
        instruction = "" if is_plain(given.instruction) else str(given.instruction).strip()
        found: list[Segment] = []
        image: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None
        boxed = True
        for part in [*given.parts, None]:
            if image is not None and not boxed and (part is None or isinstance(part, Image)):
                found.append(Segment(owner, image[0], np.array(WHOLE, np.float32) * image[1], text, instruction))
            if isinstance(part, Image):
                made, factor = to_chips(part.pixels[None], self.card.chip_size)
                image, boxed = (made[0], factor), False
            elif isinstance(part, Box) and image is not None:
                edges = np.array([part.x0, part.y0, part.x1, part.y1], np.float32)
                found.append(Segment(owner, image[0], edges * image[1], text, instruction))
                boxed = True
        return found

    def _beside_box(self, text: str) -> str:
        """The words put into the card's template for words beside a box, unless they are already said as a change."""
        if not text or set(split_words(text)) & SAID_AS_CHANGE:
            return text
        return str(self.card.extra.get("box_text_template", "{text}")).replace("{text}", text)

    def _run_plain(self, group: list[Segment]) -> NDArray[np.float32]:
        chips, boxes = np.stack([segment.chip for segment in group]), np.stack([segment.box for segment in group])
        return self._chips({"chips": chips, "boxes": boxes[:, None]})[:, 0]

    def _run_asked(self, group: list[Segment]) -> NDArray[np.float32]:
        words, segments = pack(self._tokens, [s.text for s in group], [s.instruction for s in group])
        chips, boxes = np.stack([segment.chip for segment in group]), np.stack([segment.box for segment in group])
        return self._query({"chips": chips, "boxes": boxes, "words": words, "segments": segments})


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


def check_files(folder: Path, card: ModelCard) -> None:
    """Raise GeoLoupeError(bad_encoder) when a file is missing, lies elsewhere or does not match the card's SHA-256."""
    if any(Path(name).name != name for name in card.files):
        raise GeoLoupeError(
            "bad_encoder", f"The card of the encoder “{card.id}” names files outside its folder: install it again."
        )
    try:
        found = files_hash(folder, card.files)
    except OSError as problem:
        raise GeoLoupeError(
            "bad_encoder", f"A file of the encoder “{card.id}” is missing: install it again.", str(problem)
        ) from problem
    if found != card.sha256:
        raise GeoLoupeError("bad_encoder", f"The files of the encoder “{card.id}” do not match their checksum: install it again.")
