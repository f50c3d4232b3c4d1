"""A checkpoint to what ships: half-precision weights, four ONNX graphs that read them, and the card.

    python models export --run DIR --to resources/models/compact [--facts facts.json]

The weights lie once, in ``weights.safetensors``; torch reads them by name and the graphs by offset.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import onnx
import torch

from .architecture import WIDTH, CompactNetwork
from .encoder import WEIGHTS, files_hash
from .graph_builder import Builder
from .graphs import chips_graph, query_graph, text_graph
from .half_weights import layout, write
from .packing import CHANGE
from .tokenizer import WordPieces

CHIP = 224
TRAINED_ON = (
    "AID/RSICD scenes with captions, UC Merced, ships in Google Earth, swimming pools, tree crowns, remote-sensing sentences"
    " (class C); EuroSAT, sen2ships, NAIP tree tiles, aerial vehicle frames, Open English WordNet glosses, Natural Earth"
    " countries (class A); starts from MobileNetV2 and MiniLM (Apache-2.0), taught by MiniLM and GeoCLIP (MIT)."
    " Class C is research data without a stated open licence."
)
INT8 = "regions_int8.onnx"
GRAPHS = {
    "chips.onnx": (chips_graph, False),
    "query.onnx": (query_graph, False),
    "text.onnx": (text_graph, False),
    INT8: (chips_graph, True),
}
FILES = (*GRAPHS, WEIGHTS, "pieces.txt")


def load_network(checkpoint: Path) -> CompactNetwork:
    """The network of a checkpoint with its weights rounded to half precision, as they will be shipped."""
    kept = torch.load(checkpoint, map_location="cpu", weights_only=True)["network"]
    network = CompactNetwork(len(kept["words.weight"])).eval()
    network.load_state_dict({name: value.half().float() for name, value in kept.items()})
    return network


def write_files(network: CompactNetwork, to: Path) -> None:
    """The weights and the graphs. Raises ValueError when a weight is used by no graph."""
    write(to / WEIGHTS, {name: value.numpy() for name, value in network.state_dict().items()})
    places = layout(to / WEIGHTS)
    unused = set(places)
    for name, (graph, quantised) in GRAPHS.items():
        builder = Builder(WEIGHTS, places, quantised)
        onnx.save(graph(builder, CHIP), str(to / name))
        unused -= builder.used
    if unused:
        raise ValueError(f"The graphs leave out weights of the network: {', '.join(sorted(unused))}.")


def write_card(to: Path, facts: dict) -> None:
    """card.json: what is fixed by the architecture, and ``facts`` (revision, figures, how it was trained)."""
    card = {
        "id": "compact", "name": "GeoLoupe compact", "family": "compact", "revision": "untrained",
        "sha256": files_hash(to, FILES), "dim": WIDTH, "chip_size": CHIP, "gsd_range": [0.05, 10.0],
        "bands": ["red", "green", "blue"],
        "region_method": "packed suffix: box token (mean of stem tokens, mean and spread of the fine map, box code), attention"
        " biased to the box",
        "licence": "see CARD.md: code GPL-2.0-or-later; weights trained in part on research data without a stated open licence",
        "trained_on": TRAINED_ON,
        "files": list(FILES), "pieces": "pieces.txt", "text_limit": 48, "text_beside_box_limit": 32, "instruction_limit": 16,
        "reads": ["text", "image", "box", "place", "instruction"], "background_phrases": "background_phrases.txt",
        "region_graph": INT8, "box_text_template": CHANGE, **facts,
    }  # fmt: skip
    (to / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def forget(to: Path) -> None:
    """Delete the files of an earlier encoder in the same folder that this one has no longer."""
    if (to / "card.json").exists():
        for name in json.loads((to / "card.json").read_text(encoding="utf-8"))["files"]:
            if name not in FILES and Path(name).name == name:
                (to / name).unlink(missing_ok=True)


def export(checkpoint: Path, pieces: Path, to: Path, facts: dict) -> None:
    """Everything :func:`load_encoder` needs, into ``to``."""
    network = load_network(checkpoint)
    if len(WordPieces.load(pieces)) != network.words.weight.shape[0]:
        raise ValueError("The list of word pieces does not fit the weights.")
    to.mkdir(parents=True, exist_ok=True)
    forget(to)
    write_files(network, to)
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
