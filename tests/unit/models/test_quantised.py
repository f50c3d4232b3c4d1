"""Regions in eight bits: true to full precision, the same in any batch, and eight bits wherever they are said to be."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from geoloupe.models import Box, Image, Interleaved, load_encoder

onnx = pytest.importorskip("onnx")

from geoloupe.models.compact import half_weights  # noqa: E402
from geoloupe.models.compact.graph_builder import Builder  # noqa: E402

# With three threads and more, full precision rounds differently for one chip than for two, by 1e-7; an eight-bit value that this
# tips over is seen as up to 3e-4. One step for a whole batch would change as many as 9e-4.
TIPPED = 4e-4
# Linear layers that stay in full precision: they read wide inputs, few rows, or decide where a suffix first looks.
FULL = ("stem.", "place_of_token", "box_", "answer", "layers.0.query", "layers.0.keyvalue")


@pytest.fixture(scope="module")
def encoder(current):
    made = load_encoder(current, "cpu")
    if made.card.extra.get("region_graph") != "regions_int8.onnx":
        pytest.skip("the card chooses regions in full precision")
    return made


@pytest.fixture(scope="module")
def vectors(encoder, exact, pictures, layout):
    """Regions of all pictures in full precision and in eight bits (24, 46, 256)."""
    boxes = np.stack([layout] * len(pictures))
    return load_encoder(exact, "cpu").encode_regions(pictures, boxes), encoder.encode_regions(pictures, boxes)


def test_eight_bits_are_true_to_full_precision(encoder, vectors):
    full, eight = vectors
    least = 0.9995 if encoder.card.revision == "untrained" else 0.9999
    assert float((full * eight).sum(-1).min()) >= least
    assert not np.array_equal(full, eight), "these are not eight bits"


def test_the_first_ten_hits_stay(vectors):
    full, eight = (part.reshape(-1, 256) for part in vectors)
    shared = []
    for query in full[:: len(full) // 100]:
        scores, others = full @ query, eight @ query
        wanted, got = (set(np.argsort(-found)[:10].tolist()) for found in (scores, others))
        shared.append(len(wanted & got) / 10)
        worst = min(float(scores[place]) for place in got)
        assert worst > np.sort(scores)[-10] - 0.005, "a hit that came in scores much less than one that went out"
    assert np.mean(shared) > 0.97


def test_the_rest_of_the_batch_changes_nothing(encoder, pictures, layout):
    noise = np.random.default_rng(0).integers(0, 2, (3, 224, 224, 3)).astype(np.uint8) * 255
    boxes = np.stack([layout] * 4)
    alone = encoder.encode_regions(pictures[:1], boxes[:1])[0]
    for companions in (noise, np.zeros_like(noise), pictures[9:12]):
        for chips, row in ((np.concatenate([pictures[:1], companions]), 0), (np.concatenate([companions, pictures[:1]]), 3)):
            assert np.abs(encoder.encode_regions(chips, boxes)[row] - alone).max() < TIPPED
    for number in (0, 20, 45):
        assert (
            np.abs(encoder.encode_regions(pictures[:1], layout[None, number : number + 1])[0, 0] - alone[number]).max() < TIPPED
        )


def test_a_box_as_an_input_is_the_same_region(encoder, pictures, layout):
    asked = encoder.encode([Interleaved([Image(pictures[3]), Box(*map(float, box))]) for box in layout[:5]])
    assert np.abs(asked - encoder.encode_regions(pictures[3:4], layout[None, :5])[0]).max() < TIPPED


def test_no_float_multiplication_is_left_where_eight_bits_are_meant(encoder):
    graph = onnx.load(str(encoder.folder / "regions_int8.onnx"), load_external_data=False).graph
    made_by = {name: node for node in graph.node for name in node.output}

    def weights_of(name):
        node = made_by.get(name)
        if node is None:
            return {name} if name.endswith(".half") else set()
        if node.op_type not in ("Cast", "Transpose", "Concat", "Reshape"):
            return set()
        return {weight for source in node.input for weight in weights_of(source)}

    in_float = {weight for node in graph.node if node.op_type == "MatMul" for weight in weights_of(node.input[1])}
    assert in_float and all(weight.startswith(FULL) for weight in in_float), in_float
    in_integers = sum(node.op_type == "MatMulIntegerToFloat" for node in graph.node)
    assert in_integers == 3 * 4 + 1 + 4 * 4 - 1  # layers of the image, its last keys, layers of the suffixes, the first look
    assert not [node for node in graph.node if node.op_type == "Identity" and node.output[0] != "vectors"]


@pytest.mark.parametrize("spread", ["normed", "even", "gelu"])
@pytest.mark.parametrize("kind", ["usual", "extreme"])
def test_a_linear_layer_in_eight_bits(tmp_path, spread, kind):
    """Also with weights that would overflow sixteen bits where a processor adds two products at once."""
    rng = np.random.default_rng(5)
    weights = rng.normal(size=(32, 64)) if kind == "usual" else np.full((32, 64), 3.0)
    tensors = {"a.weight": weights, "a.bias": rng.normal(size=32), "n.weight": np.ones(64), "n.bias": np.zeros(64)}
    half_weights.write(tmp_path / "weights.safetensors", tensors)
    builder = Builder("weights.safetensors", half_weights.layout(tmp_path / "weights.safetensors"), quantised=True)
    given = builder.norm("x", "n") if spread == "normed" else "x"
    answer = builder.linear(given, "a", spread=spread)
    eight, _ = builder._eight_bits(builder.matrix("a"))
    bare = builder.node("Cast", eight, to=onnx.TensorProto.FLOAT)
    info = onnx.helper.make_tensor_value_info
    model = builder.model([info("x", onnx.TensorProto.FLOAT, ["n", "t", 64])], answer, ["n", "t", 32])
    model.graph.output.append(info(bare, onnx.TensorProto.FLOAT, [64, 32]))
    onnx.save(model, str(tmp_path / "a.onnx"))
    x = rng.normal(size=(2, 7, 64)).astype(np.float32)
    x[1, 3] *= 40  # one row of another size must not blur the others
    if spread == "gelu":
        x = np.maximum(x, -0.17)
    found, integers = onnxruntime.InferenceSession(str(tmp_path / "a.onnx"), providers=["CPUExecutionProvider"]).run(
        None, {"x": x}
    )
    if spread == "normed":
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    stored = half_weights.read(tmp_path / "weights.safetensors")
    wanted = x @ stored["a.weight"].astype(np.float32).T + stored["a.bias"].astype(np.float32)
    size = np.linalg.norm(x, axis=-1) * np.linalg.norm(stored["a.weight"].astype(np.float32), axis=1).mean()
    assert (np.abs(found - wanted).max(-1) / size).max() < 0.02
    assert np.abs(integers).max() > 60
    assert np.abs(integers.reshape(32, 2, 32).sum(1)).max() <= 128
