"""Shards: FAISS's own layout, byte for byte, and what happens to files that are not."""

from __future__ import annotations

import errno

import faiss
import numpy as np
import pytest

from geoloupe.plugin.retrieval.records import RECORD, curve, interleave
from geoloupe.plugin.retrieval.shards import (
    HEADER_BYTES,
    DamagedShard,
    Shard,
    disk_full,
    header,
    inspect_files,
    verify_sums,
    write_shard,
)


def unit_rows(rows, dim, seed=0):
    values = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def records(rows):
    made = np.zeros(rows, dtype=RECORD)
    made["id"] = np.arange(rows)
    return made


@pytest.mark.parametrize(("dim", "rows"), [(256, 1000), (7, 1), (768, 0), (3584, 3)])
def test_the_header_is_faiss_own(dim, rows):
    index = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    values = unit_rows(rows, dim).astype(np.float16).astype(np.float32)  # FAISS and numpy round halves apart
    if rows:
        index.add(values)
    theirs = faiss.serialize_index(index).tobytes()
    assert theirs == header(dim, rows) + values.astype(np.float16).tobytes() and len(header(dim, rows)) == HEADER_BYTES


def test_search_is_exact_with_and_without_a_selector(tmp_path):
    values = unit_rows(5000, 64)
    facts = write_shard(tmp_path, 3, values.astype(np.float16), records(5000))
    shard = Shard(tmp_path, facts, 64)
    query = unit_rows(1, 64, seed=9)[0]
    truth = values.astype(np.float16).astype(np.float32) @ query
    scores, rows = shard.search(query, 20, None)
    assert rows.tolist() == np.argsort(-truth)[:20].tolist() and scores == pytest.approx(truth[rows], abs=1e-5)
    allowed = np.zeros(5000, dtype=bool)
    allowed[[5, 17, 4999]] = True
    scores, rows = shard.search(query, 20, allowed)
    assert rows.tolist() == sorted([5, 17, 4999], key=lambda row: -truth[row])
    assert (np.asarray(shard.records["id"])[rows] == rows).all()


@pytest.mark.parametrize("name", ["1.f16", "1.rows"])
@pytest.mark.parametrize("harm", ["cut", "flip", "remove", "header"])
def test_damage_is_found(tmp_path, name, harm):
    facts = write_shard(tmp_path, 1, unit_rows(50, 8).astype(np.float16), records(50))
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    if harm == "remove":
        path.unlink()
    else:
        if harm == "cut":
            del content[-10:]
        else:
            content[3 if harm == "header" else -1] ^= 1
        path.write_bytes(content)
    problems = (DamagedShard, FileNotFoundError)
    if harm in ("cut", "remove") or (harm == "header" and name == "1.f16"):
        with pytest.raises(problems):
            inspect_files(tmp_path, facts, 8)
        with pytest.raises(problems):
            Shard(tmp_path, facts, 8)
    else:
        inspect_files(tmp_path, facts, 8)
    with pytest.raises(problems):
        inspect_files(tmp_path, facts, 8)
        verify_sums(tmp_path, facts)


def test_a_shard_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space") as caught:
        write_shard(tmp_path, 1, unit_rows(5, 8).astype(np.float16), records(5))
    assert not list(tmp_path.iterdir()) and disk_full(caught.value, tmp_path).code == "disk_full"


def test_the_curve_keeps_neighbours_together():
    made = np.zeros(4, dtype=RECORD)
    made["west"] = made["east"] = [3.0, 3.0001, 100.0, 3.0002]
    made["south"] = made["north"] = [45.0, 45.0001, -30.0, 45.0]
    order = np.argsort(curve(made)).tolist()
    assert order.index(2) in (0, 3)
    assert interleave(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])).tolist() == [0, 1, 2, 3]
