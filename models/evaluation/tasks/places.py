"""Semantic geospatial retrieval: an image to its place, words and a place to the image, both to its neighbours."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ..forms import PLACES, Candidate, Input, Plan, Query, Task, Way
from ..metrics import kilometres
from ..records import Located, Material

NEAR_KM = 25.0  # images this near to each other are neighbours


def build(material: Material, plan: Plan) -> list[Task]:
    """Tasks for images with places; none when there are fewer than two."""
    images = material.located
    if len(images) < 2:
        return []
    tasks = [to_place(images, plan), by_other_images(images), near_it(images, plan)]
    if sum(bool(image.caption) for image in images) > 1:
        tasks.append(words_and_place(images, plan))
    return tasks


def place_of(image: Located) -> tuple[float, float]:
    return image.lat, image.lon


def to_place(images: list[Located], plan: Plan) -> Task:
    """An image, among the places of all images; equal places are one candidate."""
    places = dict.fromkeys(place_of(image) for image in images)
    candidates = [
        Candidate(f"{lat:.5f}, {lon:.5f}", Input(place=(lat, lon)), frozenset([f"{lat} {lon}"]), place=(lat, lon))
        for lat, lon in places
    ]
    queries = [
        Query(image.name, frozenset([f"{image.lat} {image.lon}"]), unit=image.name, place=place_of(image)) for image in images
    ]
    return Task(
        "image to its place",
        PLACES,
        queries,
        candidates,
        [Way("encoder", ([Input(picture=image.picture, instruction=plan.instruction) for image in images],))],
    )


def by_other_images(images: list[Located]) -> Task:
    """What an encoder without places can do: the place of the most similar other image."""
    near = neighbours(images)
    queries = [
        Query(image.name, near[image.name], excluded=frozenset([f"image {image.name}"]), unit=image.name, place=place_of(image))
        for image in images
    ]
    return Task(
        "image to the place of the most similar other image",
        PLACES,
        queries,
        gallery(images),
        [Way("encoder", ([Input(picture=image.picture) for image in images],))],
        keep_unanswerable=True,
        notes=[f"right: another image within {NEAR_KM:g} km; an image without one is a miss"],
    )


def near_it(images: list[Located], plan: Plan) -> Task:
    """An image and its place, among all other images: are the first ones its neighbours?"""
    near = neighbours(images)
    kept = [image for image in images if near[image.name]]
    pictures = [Input(picture=image.picture) for image in kept]
    places = [Input(place=place_of(image)) for image in kept]
    both = [Input(picture=image.picture, place=place_of(image), instruction=plan.instruction) for image in kept]
    queries = [
        Query(image.name, near[image.name], excluded=frozenset([f"image {image.name}"]), unit=image.name, place=place_of(image))
        for image in kept
    ]
    ways = [
        Way("encoder", (both,)),
        Way("image alone", (pictures,)),
        Way("place alone", (places,)),
        Way("average of the two vectors", (pictures, places)),
    ]
    return Task(
        "image and place to other images near it",
        PLACES,
        queries,
        gallery(images),
        ways,
        notes=[f"right: another image within {NEAR_KM:g} km"],
        left_out=Counter({f"images without another within {NEAR_KM:g} km": len(images) - len(kept)}),
    )


def words_and_place(images: list[Located], plan: Plan) -> Task:
    """A caption and a place, among all images: right is the image that has both."""
    told = [image for image in images if image.caption]
    same: dict[tuple[str, float, float], set[str]] = {}
    for image in told:
        same.setdefault((image.caption, *place_of(image)), set()).add(f"image {image.name}")
    queries = [
        Query(image.name, frozenset(same[image.caption, image.lat, image.lon]), unit=image.name, place=place_of(image))
        for image in told
    ]
    words = [Input(texts=(image.caption,)) for image in told]
    places = [Input(place=place_of(image)) for image in told]
    ways = [
        Way("encoder", ([Input(texts=(image.caption,), place=place_of(image), instruction=plan.instruction) for image in told],)),
        Way("caption alone", (words,)),
        Way("place alone", (places,)),
        Way("average of the two vectors", (words, places)),
    ]
    left_out = Counter({"images without a caption": len(images) - len(told)})
    return Task("caption and place to image", PLACES, queries, gallery(images), ways, left_out=left_out)


def gallery(images: list[Located]) -> list[Candidate]:
    return [
        Candidate(image.name, Input(picture=image.picture), frozenset([f"image {image.name}"]), place=place_of(image))
        for image in images
    ]


def neighbours(images: list[Located]) -> dict[str, frozenset[str]]:
    """For each image, the keys of the others within ``NEAR_KM``."""
    points = np.array([place_of(image) for image in images])
    found = {}
    for number, image in enumerate(images):
        near = np.flatnonzero(kilometres(points[number], points) <= NEAR_KM)
        found[image.name] = frozenset(f"image {images[other].name}" for other in near if other != number)
    return found
