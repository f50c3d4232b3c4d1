"""ONNX graphs written node by node over one file of half-precision weights.

What depends on weights alone (casts, turns, quantised copies) is written as nodes too: ONNX Runtime works it out once, when it
opens the graph, and the file holds each weight once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from .half_weights import Place

OPSET = 20
IR_VERSION = 9
MICROSOFT = "com.microsoft"  # ONNX Runtime's own operators
NORMED_REACH = 5.5  # times the largest weight of a layer norm: what goes beyond is cut off in eight bits
# How a row is laid into eight bits: what stands for zero, the steps above it, the finest step. A gelu is never below -0.17005.
SPREADS = {"even": (128, 127.0, 1e-12), "gelu": (32, 223.0, 0.17005 / 32)}


class Builder:
    """A graph in the making. Tensors are known by name; every method adds nodes and returns the name of what they give."""

    def __init__(self, weights: str, places: Mapping[str, Place], quantised: bool = False) -> None:
        """``weights`` is the name of the file beside the graph, ``places`` what lies where in it; ``quantised``: whether
        :meth:`linear` multiplies eight-bit integers where it is told how its input is spread."""
        self._weights, self._places, self.quantised = weights, places, quantised
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: dict[str, TensorProto] = {}
        self._made: dict[tuple, str] = {}
        self._outputs: dict[str, int] = {}  # of the matrices
        self._norms: dict[str, str] = {}  # what a layer norm gave, and its weight
        self._count = 0

    @property
    def used(self) -> set[str]:
        """The names of the weights that the graph reads."""
        return {name.removesuffix(".half") for name in self._tensors} & set(self._places)

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """One output of one operator."""
        return self.nodes(operator, 1, *inputs, domain=domain, **attributes)[0]

    def nodes(self, operator: str, outputs: int, *inputs: str, domain: str = "", **attributes: Any) -> list[str]:
        """Several outputs of one operator."""
        self._count += 1
        name = f"{operator}_{self._count}"
        made = [name if outputs == 1 else f"{name}_{number}" for number in range(outputs)]
        self._nodes.append(helper.make_node(operator, list(inputs), made, name, domain=domain, **attributes))
        return made

    def constant(self, values: ArrayLike, kind: type = np.float32) -> str:
        """A small tensor inside the graph."""
        array: NDArray = np.asarray(values, kind)
        key = ("constant", array.dtype.str, array.shape, array.tobytes())
        if key not in self._made:
            self._made[key] = name = f"constant_{len(self._made)}"
            self._tensors[name] = numpy_helper.from_array(array, name)
        return self._made[key]

    def half(self, name: str) -> str:
        """A tensor of the weights file as it lies there."""
        inside = f"{name}.half"
        if inside not in self._tensors:
            place = self._places[name]
            tensor = TensorProto(name=inside, data_type=TensorProto.FLOAT16, dims=place.shape, data_location=TensorProto.EXTERNAL)
            for fact, value in (("location", self._weights), ("offset", place.offset), ("length", place.length)):
                tensor.external_data.add(key=fact, value=str(value))
            self._tensors[inside] = tensor
        return inside

    def weight(self, name: str) -> str:
        """A tensor of the weights file in full precision."""
        key = ("weight", name)
        if key not in self._made:
            self._made[key] = self.node("Cast", self.half(name), to=TensorProto.FLOAT)
        return self._made[key]

    def rows_of(self, name: str, numbers: str) -> str:
        """Some rows of a tensor of the weights file, in full precision."""
        return self.node("Cast", self.node("Gather", self.half(name), numbers, axis=0), to=TensorProto.FLOAT)

    def reshape(self, x: str, *shape: int) -> str:
        """Sides of 0 stay as they are, one side of -1 is worked out."""
        return self.node("Reshape", x, self.constant(shape, np.int64))

    def turn(self, x: str, *order: int) -> str:
        return self.node("Transpose", x, perm=order)

    def unsqueeze(self, x: str, axis: int) -> str:
        return self.node("Unsqueeze", x, self.constant([axis], np.int64))

    def part(self, x: str, start: int, end: int, axis: int) -> str:
        """x[..., start:end] along an axis."""
        return self.node("Slice", x, *(self.constant([value], np.int64) for value in (start, end, axis)))

    def norm(self, x: str, name: str) -> str:
        """A layer norm over the last axis."""
        weight = self.weight(f"{name}.weight")
        normed = self.node("LayerNormalization", x, weight, self.weight(f"{name}.bias"), epsilon=1e-5)
        self._norms[normed] = weight
        return normed

    def matrix(self, *names: str) -> str:
        """The weights of a linear layer, or of several side by side, as (inputs, outputs)."""
        key = ("matrix", *names)
        if key not in self._made:
            parts = [self.weight(f"{name}.weight") for name in names]
            self._made[key] = self.turn(parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0), 1, 0)
            self._outputs[self._made[key]] = sum(self._places[f"{name}.weight"].shape[0] for name in names)
        return self._made[key]

    def bias(self, *names: str) -> str:
        """The biases that go with :meth:`matrix`."""
        key = ("bias", *names)
        if key not in self._made:
            parts = [self.weight(f"{name}.bias") for name in names]
            self._made[key] = parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)
        return self._made[key]

    def linear(self, x: str, *names: str, spread: str | None = None) -> str:
        """x (..., inputs) through one or several linear layers side by side. ``spread`` says how x is spread where it may be
        quantised: "normed" (what a layer norm gave, in steps that its weights decide), "even" (about zero, in steps that each row
        decides) or "gelu" (what a gelu gave, likewise)."""
        matrix, bias = self.matrix(*names), self.bias(*names)
        if not (self.quantised and spread):
            return self.node("Add", self.node("MatMul", x, matrix), bias)
        weights, weight_scale = self._eight_bits(matrix)
        if spread == "normed":
            values, step, zero = self._normed(x)
            return self.node("MatMulIntegerToFloat", values, weights, step, weight_scale, zero, "", bias, domain=MICROSOFT)
        values, scale, zero = self._rows(x, self._places[f"{names[0]}.weight"].shape[1], spread)
        product = self.node("MatMulIntegerToFloat", values, weights, self.constant(1.0), weight_scale, zero, domain=MICROSOFT)
        product = self.node("Add", self.node("Mul", product, self.unsqueeze(scale, -1)), bias)
        shape = self.node("Concat", self.node("Shape", x, end=-1), self.constant([-1], np.int64), axis=0)
        return self.node("Reshape", product, shape)

    def _eight_bits(self, matrix: str) -> tuple[str, str]:
        """Weights as int8 and the scale of each output. No two weights that follow each other add to more than 128, for
        processors without VNNI add their products with inputs up to 255 in sixteen bits, which must not overflow."""
        key, scale_key = ("int8", matrix), ("int8 scale", matrix)
        if key not in self._made:
            pairs = self.node(
                "ReduceSum", self.reshape(matrix, -1, 2, self._outputs[matrix]), self.constant([1], np.int64), keepdims=0
            )
            both = self.node("Abs", self.node("Concat", matrix, pairs, axis=0))
            most = self.node("ReduceMax", both, self.constant([0], np.int64), keepdims=0)
            scale = self.node("Max", self.node("Mul", most, self.constant(1 / 127)), self.constant(1e-12))
            rounded = self.node("Round", self.node("Div", matrix, scale))
            self._made[key], self._made[scale_key] = self.node("Cast", rounded, to=TensorProto.INT8), scale
        return self._made[key], self._made[scale_key]

    def _normed(self, x: str) -> tuple[str, str, str]:
        """What a layer norm gave as uint8: values, the step, which its weights decide, and what stands for zero."""
        zero = self.constant(128, np.uint8)
        if ("quantised", x) not in self._made:
            largest = self.node("ReduceMax", self.node("Abs", self._norms[x]), keepdims=0)
            step = self.node("Mul", largest, self.constant(NORMED_REACH / 127))
            self._made["quantised", x], self._made["step", x] = self.node("QuantizeLinear", x, step, zero), step
        return self._made["quantised", x], self._made["step", x], zero

    def _rows(self, x: str, inputs: int, spread: str) -> tuple[str, str, str]:
        """x as uint8 (rows, inputs), each row (token) by a scale of its own, so that no other token can change it: values, scale
        (rows) and what stands for zero."""
        zero, steps, finest = SPREADS[spread]
        flat = self.reshape(x, -1, inputs)
        size = flat if spread == "gelu" else self.node("Abs", flat)
        most = self.node("ReduceMax", size, self.constant([-1], np.int64), keepdims=0)
        scale = self.node("Max", self.node("Mul", most, self.constant(1 / steps)), self.constant(finest))
        zero_point = self.constant(zero, np.uint8)
        zeros = self.node("Expand", zero_point, self.node("Shape", scale))
        return self.node("QuantizeLinear", flat, scale, zeros, axis=0), scale, zero_point

    def model(self, inputs: Sequence[onnx.ValueInfoProto], output: str, shape: Sequence[int | str]) -> onnx.ModelProto:
        """The finished graph; its one output is called "vectors"."""
        self._nodes.append(helper.make_node("Identity", [output], ["vectors"], "vectors"))
        given = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, shape)
        graph = helper.make_graph(self._nodes, "compact", inputs, [given], list(self._tensors.values()))
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
