"""estimate, index, info and check."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .context import Context
from .source_ops import Fetches, read_sources, required
from .speed import chips_per_second, learn

PROGRESS_SECONDS = 0.1  # between two progress messages: more would only keep QGIS's main thread busy
LEARN_CHIPS = 100  # a run this long says more of this machine's speed than a trial does


def estimate(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """{index, sources, encoder, object_size, gsds, extent} -> chips, regions, bytes, seconds, gsds, done_chips and speed."""
    from ..retrieval.estimate import estimate as estimate_sources

    sources = read_sources(params.get("sources"))
    encoder = context.encoders.get(params.get("encoder") or "compact", params.get("device") or "auto")
    speed = chips_per_second(encoder)
    context.check()
    folder = params.get("index")
    answer = estimate_sources(
        sources,
        encoder.card,
        Path(folder) if folder else None,
        gsds=params.get("gsds"),
        object_size=params.get("object_size"),
        extent=params.get("extent"),
        overlap=params.get("overlap", True),
        chips_per_second=speed,
    )
    return answer.to_json()


def index(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Like estimate, plus name -> rows, new_rows, chips, skipped_chips, seconds, index; progress on the way."""
    from ..retrieval.indexing import Progress, index_sources

    folder = Path(required(params, "index", "Choose where the index is to be kept first.")).expanduser()
    sources = read_sources(params.get("sources"))
    encoder = context.encoders.get(params.get("encoder") or "compact", params.get("device") or "auto")
    last = (0.0, "")

    def progress(state: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if state.phase != last[1] or now - last[0] >= PROGRESS_SECONDS or state.done >= state.total:
            last = (now, state.phase)
            context.progress(**state.to_json())

    report = index_sources(
        folder,
        sources,
        encoder,
        gsds=params.get("gsds"),
        object_size=params.get("object_size"),
        extent=params.get("extent"),
        overlap=params.get("overlap", True),
        progress=progress,
        cancelled=context.cancelled,
        between_batches=context.between_batches,
        fetch=Fetches(context),
    )
    if report.chips >= LEARN_CHIPS and report.seconds > 0:
        learn(encoder, report.chips / report.seconds)
    return {**report.to_json(), "index": str(folder)}


def info(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """{index} -> path, name, encoder, encoder_available, rows, sources, gsds, bytes, complete, being_written."""
    facts = context.indexes.get(params.get("index")).info()
    fingerprint = facts["encoder"]["fingerprint"]
    known = {card.id: card.fingerprint() for card in context.encoders.cards()}
    return {**facts, "encoder_available": fingerprint in known.values()}


def check(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """{index} -> ok, problems."""
    result: dict[str, Any] = context.indexes.get(params.get("index")).check()
    return result
