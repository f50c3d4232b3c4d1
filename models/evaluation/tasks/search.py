"""Cross-modal search: an image to its captions, and a caption to its image, with graded relevance beside right and wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..forms import SEARCH, Candidate, Input, Plan, Query, Task, Way
from ..records import Captioned, Material

TO_TEXT, TO_IMAGE = "image to caption", "caption to image"
COMMON = frozenset(
    re.split(
        " ",
        "a an the of in on at and or is are be to with by from near there this that it its some many several one two three very"
        " next around beside between into other others as has have can we see which",
    )
)
WORD = re.compile(r"[a-z]+")


def build(material: Material, plan: Plan) -> list[Task]:
    """Both directions; none when there are fewer than two images with captions."""
    images = material.captioned
    if len(images) < 2:
        return []
    said_of: dict[str, list[int]] = {}
    for number, image in enumerate(images):
        for text in dict.fromkeys(" ".join(text.split()) for text in image.texts):
            said_of.setdefault(text, []).append(number)
    texts = list(said_of)
    keys = {text: frozenset(f"image {images[number].name}" for number in said_of[text]) for text in texts}
    pictures = [Candidate(image.name, Input(picture=image.picture), frozenset([f"image {image.name}"])) for image in images]
    sentences = [Candidate(text, Input(texts=(text,)), keys[text]) for text in texts]
    likeness = Likeness(images, texts, [said_of[text] for text in texts])
    notes = [
        "any caption of an image counts; a caption that several images have is one candidate, right for each of them",
        "nDCG@10: 1 for the image's own, else half for the same kind and half for the share of the caption's words that are"
        " said of the other image" + ("" if any(image.kind for image in images) else "; the kinds are not known here"),
    ]
    return [
        Task(
            TO_TEXT,
            SEARCH,
            [
                Query(image.name, picture.keys, unit=image.name, group=image.kind)
                for image, picture in zip(images, pictures, strict=True)
            ],
            sentences,
            [Way("encoder", ([picture.input for picture in pictures],))],
            grades=likeness.of_image,
            notes=notes,
        ),
        Task(
            TO_IMAGE,
            SEARCH,
            [Query(text, keys[text], unit=images[said_of[text][0]].name, group=images[said_of[text][0]].kind) for text in texts],
            pictures,
            [Way("encoder", ([sentence.input for sentence in sentences],))],
            grades=likeness.of_text,
            notes=notes,
        ),
    ]


class Likeness:
    """How well a caption would do for another image: 1 for its own, else by kind and by words."""

    def __init__(self, images: Sequence[Captioned], texts: Sequence[str], owners: Sequence[Sequence[int]]) -> None:
        words = [frozenset(WORD.findall(text.lower())) - COMMON for text in texts]
        number_of = {word: number for number, word in enumerate(sorted(set().union(*words)))}
        self._said = np.zeros((len(texts), max(1, len(number_of))), np.float32)
        for row, found in enumerate(words):
            self._said[row, [number_of[word] for word in found]] = 1
        self._of_images = np.zeros((len(images), self._said.shape[1]), np.float32)
        for row, members in enumerate(owners):
            for image in members:
                self._of_images[image] = np.maximum(self._of_images[image], self._said[row])
        self._sizes = np.maximum(self._said.sum(1), 1)
        kinds = {kind: number for number, kind in enumerate(sorted({image.kind for image in images if image.kind}))}
        self._kinds = np.array([kinds.get(image.kind, -1) for image in images])
        self._owners = [np.array(members, np.int64) for members in owners]

    def of_text(self, text: int, images: NDArray[np.int64]) -> NDArray[np.float64]:
        """Grades of images for one caption."""
        overlap = self._of_images[images] @ self._said[text] / self._sizes[text]
        kinds = self._kinds[self._owners[text]]
        same = np.isin(self._kinds[images], kinds[kinds >= 0])
        return np.where(np.isin(images, self._owners[text]), 1.0, (overlap + same) / 2)

    def of_image(self, image: int, texts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Grades of captions for one image."""
        overlap = self._said[texts] @ self._of_images[image] / self._sizes[texts]
        own = np.array([image in self._owners[text] for text in texts])
        kind = self._kinds[image]
        same = np.array([kind >= 0 and kind in self._kinds[self._owners[text]] for text in texts])
        return np.where(own, 1.0, (overlap + same) / 2)


def mean_recall(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The mean of R@1, R@5 and R@10 in both directions, as papers on these data sets report it."""
    found = [
        result["ways"]["encoder"][f"R@{depth}"]["value"]
        for result in results
        if result["task"] in (TO_TEXT, TO_IMAGE) and "ways" in result
        for depth in (1, 5, 10)
    ]
    return {"mean recall (R@1, R@5, R@10, both directions)": round(sum(found) / 6, 5)} if len(found) == 6 else {}
