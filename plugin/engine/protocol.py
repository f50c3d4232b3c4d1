"""The frames both sides exchange over the engine's stdin and stdout.

A frame is a 4-byte big-endian length, a JSON header of that many bytes in UTF-8, and the blobs named by the header's
``blobs`` (their byte lengths), back to back. The header carries ``v``, the protocol's version. Sizes are checked before
anything is read, so garbage ends in a clear :class:`ProtocolError` and never in a huge allocation.
"""

from __future__ import annotations

import json
import struct
from typing import IO, Any, Callable, Dict, List, NamedTuple, Optional, Sequence

VERSION = 1
MAX_HEADER = 32 * 1024 * 1024
MAX_BLOBS = 1024 * 1024 * 1024
MAX_BLOB_COUNT = 100_000

_LENGTH = struct.Struct(">I")


class ProtocolError(Exception):
    """What arrived is not a frame of this protocol; the stream cannot be read any further."""


class Message(NamedTuple):
    """One frame: its header (without ``blobs``) and its blobs."""

    header: Dict[str, Any]
    blobs: List[bytes]


def encode_header(header: Dict[str, Any], blobs: Sequence[bytes] = (), default: Optional[Callable[[Any], Any]] = None) -> bytes:
    """The frame's length and header as bytes; the blobs follow it. Raises ProtocolError when it is over the limits.

    ``default`` turns values that JSON does not know into ones that it does.
    """
    sizes = [len(blob) for blob in blobs]
    full = dict(header, v=VERSION, blobs=sizes)
    try:
        data = json.dumps(full, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default).encode("utf-8")
    except (TypeError, ValueError, UnicodeEncodeError) as error:
        raise ProtocolError(f"This message cannot be written as JSON: {error}") from error
    if len(data) > MAX_HEADER or sum(sizes) > MAX_BLOBS or len(sizes) > MAX_BLOB_COUNT:
        raise ProtocolError(f"This message is too large to send: {len(data)} bytes of header, {sum(sizes)} bytes of data.")
    return _LENGTH.pack(len(data)) + data


def write_message(
    stream: IO[bytes],
    header: Dict[str, Any],
    blobs: Sequence[bytes] = (),
    default: Optional[Callable[[Any], Any]] = None,
) -> None:
    """Write one frame and flush it. The caller holds the stream's lock. Nothing is written when it is over the limits."""
    stream.write(encode_header(header, blobs, default))
    for blob in blobs:
        stream.write(blob)
    stream.flush()


def read_message(stream: IO[bytes]) -> Optional[Message]:
    """Read one frame; None at a clean end of file. Raises ProtocolError on anything that is not a frame."""
    prefix = _read_exactly(stream, _LENGTH.size, may_end=True)
    if prefix is None:
        return None
    (length,) = _LENGTH.unpack(prefix)
    if not 2 <= length <= MAX_HEADER:
        raise ProtocolError(f"This is not a GeoLoupe message: it starts with {prefix!r}.")
    data = _read_exactly(stream, length) or b""
    try:
        header = json.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"A message's header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise ProtocolError("A message's header is not a JSON object.")
    if header.get("v") != VERSION:
        raise ProtocolError(
            f"The other side speaks protocol version {header.get('v')!r}, this one {VERSION}: "
            "the plugin and its engine are of different versions."
        )
    return Message(header, [_read_exactly(stream, size) or b"" for size in _blob_sizes(header)])


def _blob_sizes(header: Dict[str, Any]) -> List[int]:
    sizes = header.pop("blobs", [])
    good = isinstance(sizes, list) and len(sizes) <= MAX_BLOB_COUNT
    good = good and all(type(size) is int and size >= 0 for size in sizes)
    if not good or sum(sizes) > MAX_BLOBS:
        raise ProtocolError("A message announces data of an impossible size.")
    return list(sizes)


def _read_exactly(stream: IO[bytes], size: int, may_end: bool = False) -> Optional[bytes]:
    """``size`` bytes from the stream; None when it ends before the first one and ``may_end``."""
    parts: List[bytes] = []
    missing = size
    while missing > 0:
        part = stream.read(min(missing, 1 << 20) if size > 1 << 24 else missing)
        if not part:
            if may_end and missing == size:
                return None
            raise ProtocolError("The stream ended in the middle of a message.")
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
