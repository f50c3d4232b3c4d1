"""Encoders are found, checked and refused."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from geoloupe.models import list_encoders, load_encoder
from geoloupe.models.catalogue import BUNDLED
from geoloupe.plugin.errors import GeoLoupeError


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(BUNDLED / "compact", tmp_path / "copy")
    return tmp_path / "copy"


def test_the_bundled_encoder_is_listed_with_its_card():
    card = {card.id: card for card in list_encoders()}["compact"]
    assert (card.dim, card.chip_size, card.bands) == (256, 224, ("red", "green", "blue"))
    assert card.revision and len(card.sha256) == 64 and "class C" in card.trained_on
    assert card.fingerprint()["weights"] == card.sha256


def test_the_users_own_folder_is_listed_too(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOLOUPE_HOME", str(tmp_path))
    (tmp_path / "models" / "mine").mkdir(parents=True)
    card = json.loads((BUNDLED / "compact" / "card.json").read_text(encoding="utf-8"))
    (tmp_path / "models" / "mine" / "card.json").write_text(json.dumps({**card, "id": "mine"}), encoding="utf-8")
    (tmp_path / "models" / "broken").mkdir()
    (tmp_path / "models" / "broken" / "card.json").write_text("{}", encoding="utf-8")
    assert [card.id for card in list_encoders()] == ["compact", "mine"]


def test_an_unknown_name_gets_a_sentence_with_the_known_ones():
    with pytest.raises(GeoLoupeError, match="compact") as caught:
        load_encoder("no-such-encoder")
    assert caught.value.code == "unknown_encoder"


def test_a_changed_weight_is_refused(copy):
    (file,) = copy.glob("weights.*")
    weights = bytearray(file.read_bytes())
    weights[100_000] ^= 1
    file.write_bytes(weights)
    with pytest.raises(GeoLoupeError, match="checksum"):
        load_encoder(copy)


def test_a_missing_file_is_refused(copy):
    (copy / "text.onnx").unlink()
    with pytest.raises(GeoLoupeError, match="missing"):
        load_encoder(copy)


@pytest.mark.parametrize(
    "change", [{"files": ["../card.json"]}, {"files": []}, {"region_graph": "unlisted.onnx"}, {"family": "other"}]
)
def test_a_card_that_points_outside_leaves_files_out_or_has_an_unknown_family_is_refused(copy, change):
    card = json.loads((copy / "card.json").read_text(encoding="utf-8"))
    (copy / "card.json").write_text(json.dumps({**card, **change}), encoding="utf-8")
    with pytest.raises(GeoLoupeError) as caught:
        load_encoder(copy)
    assert caught.value.code == "bad_encoder"


def test_a_runtime_that_is_not_there_is_refused(copy):
    with pytest.raises(GeoLoupeError, match="onnx or torch"):
        load_encoder(copy, "cpu", "abacus")


def test_without_pytorch_its_runtime_is_refused_in_a_sentence(copy, monkeypatch):
    for name in ("torch_encoder", "architecture"):
        monkeypatch.delitem(sys.modules, f"geoloupe.models.compact.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(GeoLoupeError, match="PyTorch is not installed") as caught:
        load_encoder(copy, "cpu", "torch")
    assert caught.value.code == "bad_device"


def test_a_device_that_is_not_there_is_refused_and_auto_says_why(copy):
    import onnxruntime

    with pytest.raises(GeoLoupeError, match="auto, cpu or cuda"):
        load_encoder(copy, "abacus")
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(GeoLoupeError, match="CUDA"):
            load_encoder(copy, "cuda")
        encoder = load_encoder(copy, "auto")
        assert encoder.device == "cpu" and "CUDA" in encoder.device_reason and encoder.device_reason.endswith(".")
