"""Frames: what is written is read back, and garbage never gets through or blows up memory."""

from __future__ import annotations

import io
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloupe.plugin.engine import protocol
from geoloupe.plugin.engine.protocol import ProtocolError, read_message, write_message


def frame(header: bytes, rest: bytes = b"") -> io.BytesIO:
    return io.BytesIO(struct.pack(">I", len(header)) + header + rest)


def test_what_is_written_is_read_back():
    stream = io.BytesIO()
    write_message(stream, {"id": 1, "op": "search", "params": {"text": "blaues Dach, крыша"}}, [b"abc", b"", bytes(1000)])
    write_message(stream, {"id": 2, "op": "hello", "params": {}})
    stream.seek(0)
    first, second = read_message(stream), read_message(stream)
    assert first.header == {"v": 1, "id": 1, "op": "search", "params": {"text": "blaues Dach, крыша"}}
    assert first.blobs == [b"abc", b"", bytes(1000)]
    assert second.header["id"] == 2 and second.blobs == []
    assert read_message(stream) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None)
@given(params=st.dictionaries(st.text(), json_values, max_size=4), blobs=st.lists(st.binary(max_size=50), max_size=4))
def test_any_json_survives(params, blobs):
    stream = io.BytesIO()
    try:
        write_message(stream, {"id": 7, "params": params}, blobs)
    except ProtocolError:  # lone surrogates are no UTF-8: refused before a byte is written
        assert stream.getvalue() == b""
        return
    stream.seek(0)
    message = read_message(stream)
    assert message.header["params"] == params
    assert message.blobs == blobs


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_refused_and_never_crashes(data):
    stream = io.BytesIO(data)
    try:
        while read_message(stream) is not None:
            pass
    except ProtocolError:
        pass


@pytest.mark.parametrize(
    "stream",
    [
        io.BytesIO(b"hello world, this is a print"),
        frame(b"not json"),
        frame(b"[1, 2]"),
        frame(b"\xff\xfe{}"),
        frame(b"[" * 100_000),
        frame(b'{"v": 1, "blobs": [-1]}'),
        frame(b'{"v": 1, "blobs": [true]}', b"x"),
        frame(b'{"v": 1, "blobs": [99999999999999]}'),
        frame(b'{"v": 1, "blobs": "many"}'),
        frame(b'{"v": 1, "blobs": [10]}', b"short"),
        io.BytesIO(b"\x00\x00"),
        io.BytesIO(struct.pack(">I", 10) + b"{}"),
    ],
)
def test_each_kind_of_garbage_is_named(stream):
    with pytest.raises(ProtocolError, match=r"\w+ \w+"):
        read_message(stream)


def test_another_version_is_named():
    with pytest.raises(ProtocolError, match=r"version 2.*different versions"):
        read_message(frame(json.dumps({"v": 2, "id": 1}).encode()))


def test_too_much_is_refused_before_anything_is_written(monkeypatch):
    monkeypatch.setattr(protocol, "MAX_BLOBS", 10)
    stream = io.BytesIO()
    with pytest.raises(ProtocolError, match="too large"):
        write_message(stream, {"id": 1}, [b"123456", b"123456"])
    with pytest.raises(ProtocolError):
        write_message(stream, {"id": float("nan")})
    assert stream.getvalue() == b""
