"""The network of ``architecture.py`` as ONNX graphs: the same mathematics, in the order that ONNX Runtime does fastest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from .architecture import FINE_WIDTH, HEADS, INSTRUCTION, LAYERS, MOBILE, PATCH, WIDTH
from .graph_builder import MICROSOFT, Builder

DEPTH = WIDTH // HEADS
BANDS, GLOBE_BANDS = 6, 8
HIDDEN = -1e4  # added to the score of what is not there


class Network:
    """Writes the parts of the network into a graph. n is the number of chips, R of regions of each, t of tokens of all regions
    of a chip, L of tokens of one region."""

    def __init__(self, builder: Builder, chip: int) -> None:
        self.g, self.chip, self.side = builder, chip, chip // PATCH

    # --- the image

    def stem(self, chips: str) -> tuple[str, str]:
        """uint8 (n, chip, chip, 3) -> tokens (n, side^2, WIDTH) and the fine map (n, (2 side)^2, FINE_WIDTH)."""
        g, side = self.g, self.side
        pixels = g.node("DequantizeLinear", g.turn(chips, 0, 3, 1, 2), g.constant(1 / 127.5))
        pixels = g.node("Sub", pixels, g.constant(1.0))
        x, number, maps, channels = self.convolution(pixels, "stem.f.0.c", 3, 2, 1, True), 0, [], 32
        for expand, outputs, count, stride in MOBILE:
            for step in range(count):
                number += 1
                x = self.inverted(x, f"stem.f.{number}.l", channels, outputs, stride if step == 0 else 1, expand)
                channels = outputs
                maps.append(x)
        stride4, stride8, stride16, stride32 = maps[2], maps[5], maps[12], maps[16]
        small = g.node("Concat", self.pool(stride4, 2, 24), stride8, axis=1)
        fine = self.pool(pixels, 4, 3)
        colour = g.node("Conv", fine, g.weight("stem.colour.0.weight"), g.weight("stem.colour.0.bias"))
        colour = g.node("Conv", g.node("Gelu", colour), g.weight("stem.colour.2.weight"), g.weight("stem.colour.2.bias"))
        half = self.pool(colour, 2)
        wide = g.node("Resize", stride32, "", g.constant([1.0, 1.0, 2.0, 2.0]), mode="nearest",
                      coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
        parts = [
            g.norm(self.folded(stride8, 32, side, 2), "stem.norm8"), g.norm(self.rows(stride16, 96, side), "stem.norm16"),
            g.norm(self.rows(wide, 320, side), "stem.norm32"), self.folded(fine, 3, side, 4),
            self.rows(self.pool(half, 2), 32, side),
        ]  # fmt: skip
        near = [
            g.norm(self.rows(small, 24 + 32, 2 * side), "stem.norm_fine"),
            self.folded(fine, 3, 2 * side, 2),
            self.rows(half, 32, 2 * side),
        ]
        tokens = g.linear(g.node("Concat", *parts, axis=-1), "stem.out")
        return tokens, self.mlp(g.node("Concat", *near, axis=-1), "stem.fine", (0, 2))

    def convolution(self, x: str, name: str, size: int, stride: int, groups: int, act: bool) -> str:
        """As TensorFlow pads: the odd row and column at the end."""
        pads = [0, 0, 0, 0] if size == 1 else [1, 1, 1, 1] if stride == 1 else [0, 0, 1, 1]
        x = self.g.node("Conv", x, self.g.weight(f"{name}.weight"), self.g.weight(f"{name}.bias"), group=groups,
                        kernel_shape=[size, size], strides=[stride, stride], pads=pads)  # fmt: skip
        return self.g.node("Clip", x, self.g.constant(0.0), self.g.constant(6.0)) if act else x

    def inverted(self, x: str, name: str, inputs: int, outputs: int, stride: int, expand: int) -> str:
        hidden, step, made = inputs * expand, 0, x
        if expand != 1:
            made, step = self.convolution(made, f"{name}.0.c", 1, 1, 1, True), 1
        made = self.convolution(made, f"{name}.{step}.c", 3, stride, hidden, True)
        made = self.convolution(made, f"{name}.{step + 1}.c", 1, 1, 1, False)
        return self.g.node("Add", x, made) if stride == 1 and inputs == outputs else made

    def pool(self, x: str, size: int, channels: int = 0) -> str:
        """Means of size x size pixels. With ``channels`` as a convolution: ONNX Runtime pools slowly unless they are a multiple
        of 16."""
        window: dict[str, Any] = {"kernel_shape": [size, size], "strides": [size, size]}
        if not channels:
            return self.g.node("AveragePool", x, **window)
        kernel = np.eye(channels, dtype=np.float32)[:, :, None, None] / np.full((size, size), size * size, np.float32)
        return self.g.node("Conv", x, self.g.constant(kernel), **window)

    def rows(self, x: str, channels: int, side: int) -> str:
        """(n, channels, side, side) -> (n, side^2, channels)."""
        return self.g.turn(self.g.reshape(x, 0, channels, side * side), 0, 2, 1)

    def folded(self, x: str, channels: int, side: int, size: int) -> str:
        """(n, channels, side * size, side * size) -> (n, side^2, channels * size^2)."""
        split = self.g.reshape(x, 0, channels, side, size, side, size)
        return self.g.reshape(self.g.turn(split, 0, 2, 4, 1, 3, 5), 0, side * side, channels * size * size)

    def look(self, chips: str) -> tuple[str, str, list[tuple[str, str]]]:
        """Tokens, the fine map, and keys and values (n, HEADS, tokens, DEPTH) of every layer."""
        g = self.g
        tokens, fine = self.stem(chips)
        middle = (np.arange(self.side, dtype=np.float32) + 0.5) / self.side
        grid = np.stack([np.tile(middle, self.side), np.repeat(middle, self.side)], -1)
        x = g.node("Add", tokens, self.fourier(g.constant(grid), "place_of_token", BANDS, math.pi, 2))
        memory = []
        for number in range(LAYERS):
            layer = f"layers.{number}"
            normed = g.norm(x, f"{layer}.norm1")
            if number == LAYERS - 1:
                both = self.heads(g.linear(normed, f"{layer}.keyvalue", spread="normed"), 2 * HEADS)
                keys, values = g.nodes("Split", 2, both, axis=1, num_outputs=2)
            else:
                all_ = self.heads(g.linear(normed, f"{layer}.query", f"{layer}.keyvalue", spread="normed"), 3 * HEADS)
                query, keys, values = g.nodes("Split", 3, all_, axis=1, num_outputs=3)
            memory.append((keys, values))
            if number < LAYERS - 1:
                scores = self.scores(query, keys)
                mixed = g.node("MatMul", g.node("Softmax", scores, axis=-1), values)
                x = self.after(x, mixed, layer, number < LAYERS - 2)
        return tokens, fine, memory

    # --- what the layers share

    def mlp(self, x: str, name: str, steps: tuple[int, ...]) -> str:
        """Linear layers with a gelu between them."""
        for step in steps:
            x = self.g.node("Gelu", x) if step else x
            x = self.g.linear(x, f"{name}.{step}")
        return x

    def fourier(self, values: str, name: str, bands: int, first: float, numbers: int, steps: tuple[int, ...] = (0, 2)) -> str:
        """Numbers (..., numbers) and their sines and cosines, through an MLP."""
        g = self.g
        waves = g.constant(np.float32(first) * 2.0 ** np.arange(bands, dtype=np.float32))
        angles = g.node("Mul", g.unsqueeze(values, -1), waves)
        shape = g.node("Concat", self.but_last(values), g.constant([numbers * bands], np.int64), axis=0)
        angles = g.node("Reshape", angles, shape)
        x = g.node("Concat", values, g.node("Sin", angles), g.node("Cos", angles), axis=-1)
        return self.mlp(x, f"{name}.mlp", steps)

    def but_last(self, x: str) -> str:
        return self.g.node("Shape", x, end=-1)

    def heads(self, x: str, count: int) -> str:
        """(n, t, count * DEPTH) -> (n, count, t, DEPTH)."""
        return self.g.turn(self.g.reshape(x, 0, 0, count, DEPTH), 0, 2, 1, 3)

    def scores(self, query: str, keys: str) -> str:
        """(..., a, DEPTH) and (..., b, DEPTH) -> (..., a, b)."""
        return self.g.node("FusedMatMul", query, keys, domain=MICROSOFT, transB=1, alpha=DEPTH**-0.5)

    def after(self, x: str, mixed: str, layer: str, kept: bool = True, spread: str = "normed") -> str:
        """What follows the attention: mixed (n, HEADS, t, DEPTH) projected and added to x, then the MLP. ``kept``: the sum
        goes on as it is, not only through a norm. ``spread`` is that of the norm's output: errors of image tokens average out
        over a box, those of a suffix do not, so a suffix is quantised row by row."""
        g = self.g
        joined = g.reshape(g.turn(mixed, 0, 2, 1, 3), 0, 0, WIDTH)
        x = g.node("Add", x, g.linear(joined, f"{layer}.project", spread="even"))
        up = g.node("Gelu", g.linear(g.norm(x, f"{layer}.norm2"), f"{layer}.up", spread=spread), approximate="tanh")
        down = g.linear(up, f"{layer}.down", spread="gelu")
        # ONNX Runtime joins an Add with the norm after it into an operator that is slower than the two; it leaves a Sum alone
        return g.node("Add" if kept else "Sum", x, down)

    # --- the suffixes

    def box(self, boxes: str, tokens: str, fine: str) -> tuple[str, str]:
        """boxes (n, R, 4) -> the box token (n, R, WIDTH) and how near each image token is to the box (n, 1, R, 1, tokens)."""
        g = self.g
        part = self.overlap(boxes, self.side)
        last, least = g.constant([-1], np.int64), g.constant(1e-4)
        mean = g.node("MatMul", g.node("Div", part, g.node("Max", g.node("ReduceSum", part, last), least)), tokens)
        small = self.overlap(boxes, 2 * self.side)
        small = g.node("Div", small, g.node("Max", g.node("ReduceSum", small, last), least))
        both = g.node("MatMul", small, g.node("Concat", fine, g.node("Mul", fine, fine), axis=-1))
        first, square = g.part(both, 0, FINE_WIDTH, -1), g.part(both, FINE_WIDTH, 2 * FINE_WIDTH, -1)
        spread = g.node("Max", g.node("Sub", square, g.node("Mul", first, first)), g.constant(0.0))
        spread = g.node("Sqrt", g.node("Add", spread, least))
        token = g.node("Add", g.linear(mean, "box_content"),
                       g.linear(g.node("Concat", first, spread, axis=-1), "box_detail"))  # fmt: skip
        token = g.node("Add", token, self.fourier(boxes, "box_code", BANDS, math.pi, 4))
        near = g.node("Div", part, g.node("Max", g.node("ReduceMax", part, last), least))
        near = g.node("Log", g.node("Add", near, g.constant(0.05)))
        return token, g.unsqueeze(g.unsqueeze(near, 1), 3)

    def overlap(self, boxes: str, side: int) -> str:
        """boxes (n, R, 4) -> which part of each cell of a grid lies in a box (n, R, side^2)."""
        g = self.g
        start = np.arange(side, dtype=np.float32)
        x0, y0, x1, y1 = g.nodes("Split", 4, g.node("Mul", boxes, g.constant(side)), axis=-1, num_outputs=4)
        ways = []
        for low, high in ((x0, x1), (y0, y1)):
            length = g.node("Sub", g.node("Min", high, g.constant(start + 1)), g.node("Max", low, g.constant(start)))
            ways.append(g.node("Clip", length, g.constant(0.0), g.constant(1.0)))
        return g.reshape(g.node("Mul", g.unsqueeze(ways[1], 3), g.unsqueeze(ways[0], 2)), 0, 0, side * side)

    def said(self, words: str, segments: str, places: str) -> tuple[str, str]:
        """words, segments (n, L), places (n, 3) -> place, words and readout (n, 1 + L + 1, WIDTH); 1 where there is one of
        them, else 0 (n, 1 + L + 1)."""
        g = self.g
        one, zero = g.constant(1, np.int64), g.constant(0, np.int64)
        before = g.node("Cast", g.node("Equal", segments, g.constant(INSTRUCTION, np.int64)), to=TensorProto.INT64)
        first = g.node("ReduceSum", g.node("Sub", one, before), g.constant([-1], np.int64))
        length = g.node("Squeeze", g.node("Shape", words, start=1, end=2), g.constant([0], np.int64))
        order = g.node("Sub", g.node("Range", zero, length, one), g.node("Mul", before, first))
        text = g.node("Add", g.rows_of("words.weight", words), g.rows_of("word_place", order))
        text = g.node("Add", text, g.rows_of("segments", segments))
        place = self.fourier(g.unsqueeze(places, 1), "globe", GLOBE_BANDS, math.pi / 2, 3, (0, 2, 4))
        readout = g.node("Expand", g.weight("readout"), g.node("Shape", place))
        somewhere = g.node("ReduceMax", g.node("Abs", places), g.constant([-1], np.int64))
        there = [
            g.node("Cast", g.node("Greater", somewhere, g.constant(0.0)), to=TensorProto.FLOAT),
            g.node("Cast", g.node("Not", g.node("Equal", words, zero)), to=TensorProto.FLOAT),
            g.node("Expand", g.constant(1.0), g.node("Shape", somewhere)),
        ]
        return g.node("Concat", place, text, readout, axis=1), g.node("Concat", *there, axis=1)

    def answer(self, x: str, length: int, there: str | None, memory: list[tuple[str, str]] | None, near: str | None) -> str:
        """The layers of the suffixes, their mean, and its unit vector: x (n, t, WIDTH) -> (n, R, WIDTH).

        ``length`` is L, or -1 when there is one region of any length; ``there`` (n, L), 1 or 0, goes with that one region.
        """
        g = self.g
        split = (1, -1) if length < 0 else (-1, length)
        absent = None
        if there:
            absent = g.node("Mul", g.node("Sub", g.constant(1.0), there), g.constant(HIDDEN))
            for place in (1, 2, 3):
                absent = g.unsqueeze(absent, place)
        for number in range(LAYERS):
            layer = f"layers.{number}"
            x = self.suffix(x, split, absent, memory[number] if memory else None, near, layer)
        x = g.reshape(g.norm(x, "last_norm"), 0, *split, WIDTH)
        axis = g.constant([2], np.int64)
        if there:
            weight = g.unsqueeze(g.unsqueeze(there, 1), 3)
            total = g.node("ReduceSum", g.node("Mul", x, weight), axis, keepdims=0)
            mean = g.node("Div", total, g.node("ReduceSum", weight, axis, keepdims=0))
        else:
            mean = g.node("ReduceMean", x, axis, keepdims=0)
        vector = g.node("MatMul", mean, g.matrix("answer"))
        size = g.node("ReduceL2", vector, g.constant([-1], np.int64))
        return g.node("Div", vector, g.node("Max", size, g.constant(1e-12)))

    def suffix(
        self, x: str, split: tuple[int, int], absent: str | None, seen: tuple[str, str] | None, near: str | None, layer: str
    ) -> str:
        """One layer of the suffixes. Scores of the image's tokens are kept as (n, HEADS, R, L, tokens)."""
        g = self.g
        normed = g.norm(x, f"{layer}.norm1")
        # where a suffix first looks is decided by a few large scores: eight bits cost most there
        spread = None if layer == "layers.0" else "even"
        all_ = g.linear(normed, f"{layer}.query", f"{layer}.keyvalue", spread=spread)
        all_ = g.turn(g.reshape(all_, 0, *split, 3 * HEADS, DEPTH), 0, 3, 1, 2, 4)
        query, own_keys, own_values = g.nodes("Split", 3, all_, axis=1, num_outputs=3)
        own = self.scores(query, own_keys)
        own = g.node("Add", own, absent) if absent else own
        if seen is None or near is None:
            mixed = g.node("MatMul", g.node("Softmax", own, axis=-1), own_values)
            return self.after(x, g.reshape(mixed, 0, 0, -1, DEPTH), layer)
        tokens = self.side * self.side
        far = g.reshape(self.scores(g.reshape(query, 0, 0, -1, DEPTH), seen[0]), 0, 0, *split, tokens)
        gain = g.reshape(g.weight(f"{layer}.gain"), 1, HEADS, 1, 1, 1)
        far = g.node("Add", far, g.node("Mul", near, gain))
        weights = g.node("Softmax", g.node("Concat", far, own, axis=-1), axis=-1)
        image = g.reshape(g.part(weights, 0, tokens, -1), 0, 0, -1, tokens)
        beside = g.node("MatMul", g.part(weights, tokens, np.iinfo(np.int64).max, -1), own_values)
        mixed = g.node("Add", g.node("MatMul", image, seen[1]), g.reshape(beside, 0, 0, -1, DEPTH))
        return self.after(x, mixed, layer, spread="even")


def chips_graph(builder: Builder, chip: int) -> onnx.ModelProto:
    """uint8 chips (n, chip, chip, 3), boxes (n, R, 4) -> (n, R, WIDTH)."""
    network = Network(builder, chip)
    tokens, fine, memory = network.look("chips")
    token, near = network.box("boxes", tokens, fine)
    readout = builder.node("Expand", builder.weight("readout"), builder.node("Shape", token))
    pair = builder.node("Concat", builder.unsqueeze(token, 2), builder.unsqueeze(readout, 2), axis=2)
    vectors = network.answer(builder.reshape(pair, 0, -1, WIDTH), 2, None, memory, near)
    given = [
        helper.make_tensor_value_info("chips", TensorProto.UINT8, ["n", chip, chip, 3]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", "regions", 4]),
    ]
    return builder.model(given, vectors, ["n", "regions", WIDTH])


def query_graph(builder: Builder, chip: int) -> onnx.ModelProto:
    """chips as above with one box each (n, 4), words, segments (n, L), places (n, 3) -> (n, WIDTH)."""
    network = Network(builder, chip)
    tokens, fine, memory = network.look("chips")
    token, near = network.box(builder.unsqueeze("boxes", 1), tokens, fine)
    rest, there = network.said("words", "segments", "places")
    here = builder.part(there, -1, np.iinfo(np.int64).max, 1)  # the readout, which is always there, as the box is
    x, there = builder.node("Concat", token, rest, axis=1), builder.node("Concat", here, there, axis=1)
    vectors = builder.reshape(network.answer(x, -1, there, memory, near), -1, WIDTH)
    given = [
        helper.make_tensor_value_info("chips", TensorProto.UINT8, ["n", chip, chip, 3]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 4]),
        *_said(),
    ]
    return builder.model(given, vectors, ["n", WIDTH])


def text_graph(builder: Builder, chip: int) -> onnx.ModelProto:
    """words, segments (n, L), places (n, 3) -> (n, WIDTH)."""
    network = Network(builder, chip)
    x, there = network.said("words", "segments", "places")
    return builder.model(_said(), builder.reshape(network.answer(x, -1, there, None, None), -1, WIDTH), ["n", WIDTH])


def _said() -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info("words", TensorProto.INT64, ["n", "words"]),
        helper.make_tensor_value_info("segments", TensorProto.INT64, ["n", "words"]),
        helper.make_tensor_value_info("places", TensorProto.FLOAT, ["n", 3]),
    ]
