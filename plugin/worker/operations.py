"""Every operation of the engine, and the lane it runs in."""

from __future__ import annotations

from . import hello_ops, index_ops, search_ops, source_ops
from .server import Operation

OPERATIONS: dict[str, Operation] = {
    "hello": Operation(hello_ops.hello, "look"),
    "inspect": Operation(source_ops.inspect, "look"),
    "estimate": Operation(index_ops.estimate, "measure"),
    "index": Operation(index_ops.index, "index"),
    "info": Operation(index_ops.info, "look"),
    "check": Operation(index_ops.check, "measure"),
    "search": Operation(search_ops.search, "search", urgent=True),
    "thumbnails": Operation(search_ops.thumbnails, "look"),
}
