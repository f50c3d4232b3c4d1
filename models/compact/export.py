"""A checkpoint to ONNX: three small graphs over one file of half-precision weights, and the card.

    python models export --run DIR --to resources/models/compact [--facts facts.json]

Weights lie once in ``weights.bin``; the graphs read them as float16 and cast them to float32, which ONNX Runtime does once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from .architecture import WIDTH, CompactNetwork
from .encoder import files_hash
from .tokenizer import WordPieces

CHIP = 224
WEIGHTS = "weights.bin"
SMALL = 256  # numbers; shorter tensors stay in the graph
TRAINED_ON = (
    "AID/RSICD scenes with captions (class C), tree crowns and remote-sensing sentences (class C), NAIP tree tiles and aerial"
    " vehicle frames (class A), Open English WordNet glosses (class A); starts from MobileNetV2 and MiniLM (Apache-2.0)."
    " Class C is research data without a stated open licence."
)
FILES = ("chips.onnx", "query.onnx", "text.onnx", WEIGHTS, "pieces.txt")


class ChipsGraph(nn.Module):
    """uint8 chips (n, 224, 224, 3), boxes (n, R, 4) -> (n, R, 256)."""

    def __init__(self, network: CompactNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, chips: Tensor, boxes: Tensor) -> Tensor:
        return self.network.regions(self.network.look(chips), boxes)


class QueryGraph(ChipsGraph):
    """As above with one box for each chip (n, 4), words and segments (n, L) -> (n, 256)."""

    def forward(self, chips: Tensor, boxes: Tensor, words: Tensor, segments: Tensor) -> Tensor:  # type: ignore[override]
        return self.network.composed(self.network.look(chips), boxes[:, None], words[:, None], segments[:, None])[:, 0]


class TextGraph(ChipsGraph):
    """words (n, L) -> (n, 256)."""

    def forward(self, words: Tensor) -> Tensor:  # type: ignore[override]
        return self.network.texts(words)


def load_network(checkpoint: Path) -> CompactNetwork:
    """The network of a checkpoint with its weights rounded to half precision, as they will be shipped."""
    kept = torch.load(checkpoint, map_location="cpu", weights_only=True)["network"]
    network = CompactNetwork(len(kept["words.weight"])).eval()
    network.load_state_dict({name: value.half().float() for name, value in kept.items()})
    return network


def trace(network: CompactNetwork, folder: Path) -> dict[str, Path]:
    """Export the three graphs with torch's own exporter into ``folder``."""
    n, r, w = (torch.export.Dim(name, min=1, max=4096) for name in ("n", "regions", "words"))
    chips, boxes = torch.zeros(2, CHIP, CHIP, 3, dtype=torch.uint8), torch.rand(2, 3, 4).sort(-1).values
    words = torch.ones(2, 5, dtype=torch.long)
    given = {
        "chips": (ChipsGraph(network), {"chips": chips, "boxes": boxes}, {"chips": {0: n}, "boxes": {0: n, 1: r}}),
        "query": (QueryGraph(network), {"chips": chips, "boxes": boxes[:, 0], "words": words, "segments": words * 0},
                  {"chips": {0: n}, "boxes": {0: n}, "words": {0: n, 1: w}, "segments": {0: n, 1: w}}),
        "text": (TextGraph(network), {"words": words}, {"words": {0: n, 1: w}}),
    }  # fmt: skip
    paths = {}
    for name, (module, inputs, shapes) in given.items():
        paths[name] = folder / f"{name}.onnx"
        program = torch.onnx.export(
            module.eval(),
            (),
            kwargs=inputs,
            dynamic_shapes=shapes,
            dynamo=True,
            output_names=["vectors"],
            opset_version=18,
            verbose=False,
        )
        program.save(str(paths[name]))
    return paths


def share_weights(paths: dict[str, Path], to: Path) -> None:
    """Write the graphs to ``to`` and their weights once, in half precision, even where one graph has a tensor turned."""
    places: dict[str, tuple[int, int]] = {}
    with (to / WEIGHTS).open("wb") as weights:
        for name, path in paths.items():
            model = onnx.load(str(path))
            graph = model.graph
            casts = []
            for tensor in list(graph.initializer):
                values = numpy_helper.to_array(tensor)
                if values.dtype != np.float32 or values.size < SMALL:
                    inline = numpy_helper.from_array(values, tensor.name)
                    graph.initializer.remove(tensor)
                    graph.initializer.append(inline)
                    continue
                steps, stored, place = find_or_write(values, places, weights)
                graph.initializer.remove(tensor)
                graph.initializer.append(outside(f"{tensor.name}.half", stored, place))
                source = f"{tensor.name}.half"
                if steps:
                    casts.append(helper.make_node("Transpose", [source], [f"{source}.turned"], perm=[1, 0]))
                    source = f"{source}.turned"
                casts.append(helper.make_node("Cast", [source], [tensor.name], to=TensorProto.FLOAT))
            nodes = list(graph.node)
            del graph.node[:]
            graph.node.extend(casts + nodes)
            del graph.value_info[:]
            del model.metadata_props[:]
            for node in graph.node:
                del node.metadata_props[:]
                node.doc_string = ""
            onnx.save(model, str(to / f"{name}.onnx"))


def find_or_write(
    values: np.ndarray, places: dict[str, tuple[int, int]], weights
) -> tuple[bool, tuple[int, ...], tuple[int, int]]:
    """Where the half-precision bytes of a tensor lie: (must be turned, shape as stored, (offset, length))."""
    half = values.astype(np.float16)
    for turned in (False, True):
        if turned and half.ndim != 2:
            break
        stored = np.ascontiguousarray(half.T if turned else half)
        key = hashlib.sha256(stored.tobytes() + str(stored.shape).encode()).hexdigest()
        if key in places:
            return turned, stored.shape, places[key]
    data = np.ascontiguousarray(half)
    key = hashlib.sha256(data.tobytes() + str(data.shape).encode()).hexdigest()
    weights.write(b"\0" * (-weights.tell() % 64))
    places[key] = (weights.tell(), data.nbytes)
    weights.write(data.tobytes())
    return False, data.shape, places[key]


def outside(name: str, shape: tuple[int, ...], place: tuple[int, int]) -> TensorProto:
    """A half-precision tensor that lies in the weights file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT16, dims=shape, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", WEIGHTS), ("offset", str(place[0])), ("length", str(place[1]))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def write_card(to: Path, facts: dict) -> None:
    """card.json: what is fixed by the architecture, and ``facts`` (revision, figures, how it was trained)."""
    card = {
        "id": "compact", "name": "GeoLoupe compact", "family": "compact", "revision": "untrained",
        "sha256": files_hash(to, FILES), "dim": WIDTH, "chip_size": CHIP, "gsd_range": [0.05, 10.0],
        "bands": ["red", "green", "blue"],
        "region_method": "packed suffix: box token (mean of stem tokens + box code), attention biased to the box",
        "licence": "see CARD.md: code GPL-2.0-or-later; weights trained in part on research data without a stated open licence",
        "trained_on": TRAINED_ON,
        "files": list(FILES), "pieces": "pieces.txt", "text_limit": 48, "text_beside_box_limit": 32, "instruction_limit": 16,
        "reads": ["text", "image", "box", "instruction"], "background_phrases": "background_phrases.txt", **facts,
    }  # fmt: skip
    (to / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def export(checkpoint: Path, pieces: Path, to: Path, facts: dict) -> None:
    """Everything :func:`load_encoder` needs, into ``to``."""
    to.mkdir(parents=True, exist_ok=True)
    network = load_network(checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        share_weights(trace(network, Path(folder)), to)
    if len(WordPieces.load(pieces)) != network.words.weight.shape[0]:
        raise ValueError("The list of word pieces does not fit the weights.")
    shutil.copyfile(pieces, to / "pieces.txt")
    write_card(to, facts)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Export the compact encoder to ONNX.")
    parser.add_argument("--run", type=Path, required=True, help="the folder of a training run")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--facts", type=Path, help="a JSON file with facts for the card")
    given = parser.parse_args()
    facts = json.loads(given.facts.read_text(encoding="utf-8")) if given.facts else {}
    export(given.run / "checkpoint.pt", given.run / "cache" / "pieces.txt", given.to, facts)
