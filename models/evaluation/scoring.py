"""One task, asked in all its ways: figures with n, chance and intervals, and what was asked and answered."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..interleaved import InputError
from . import metrics
from .embedding import Embedder, unit
from .forms import Plan, Task, Way
from .geometry import Geometry
from .sampling import Pools

DEPTHS = (1, 5, 10)
IOUS = (0.5, 0.7)
KILOMETRES = (1, 25, 200, 750, 2500)
IN_GROUPS = ("P@1", "AP")
SHOWN = 5  # answers kept for each query
BLOCK = 8192  # candidates in one product, in float64
TOGETHER = 64  # queries in one product
Vectors = NDArray[np.float32]


def measure(task: Task, embedder: Embedder, plan: Plan) -> dict[str, Any]:
    """The result of one task as JSON-able facts. Raises Stop."""
    began = time.perf_counter()
    left_out = Counter(task.left_out)
    pools = Pools(task, plan.seed, plan.candidates)
    asked, used = answerable(task, pools, range(len(task.queries)), left_out)
    facts: dict[str, Any] = {"task": task.title, "kind": task.kind, "n": 0, "notes": list(task.notes), "left_out": {}}
    ready: list[tuple[Way, list[Vectors], Vectors]] = []
    refused: dict[str, str] = {}
    reads, there = np.ones(len(task.queries), bool), np.ones(len(task.candidates), bool)
    for way in task.ways if asked else ():
        try:
            parts, whole, candidates, found = vectors_of(task, way, asked, np.flatnonzero(used), embedder)
        except InputError as reason:
            refused[way.name] = str(reason)
            if way is task.ways[0]:
                break
            continue
        reads &= whole
        there &= found
        ready.append((way, parts, candidates))
    if ready and not (reads[asked].all() and there[used].all()):
        left_out["queries whose picture cannot be read"] += int((~reads[asked]).sum())
        left_out["candidates whose picture cannot be read"] += int((~there[used]).sum())
        pools.leave_out(there)
        asked, _ = answerable(task, pools, [number for number in asked if reads[number]], left_out)
    if task.ways[0].name in refused:
        facts["not_answered"] = refused[task.ways[0].name]
    elif not asked:
        facts["not_answered"] = "nothing is left to ask: see what was left out."
    else:
        facts |= figures(task, pools, asked, ready, plan)
        facts["refused"] = refused
        facts |= {"candidates": [candidate.name for candidate in task.candidates], "drawn": pools.drawn()}
    facts["left_out"] = {reason: count for reason, count in left_out.items() if count}
    facts["seconds"] = round(time.perf_counter() - began, 2)
    return facts


def answerable(task: Task, pools: Pools, numbers: Iterable[int], left_out: Counter[str]) -> tuple[list[int], NDArray[np.bool_]]:
    """Queries that have something to choose between, and the candidates (n) of any of them; other queries are counted."""
    kept: list[int] = []
    used = np.zeros(len(task.candidates), bool)
    for number in numbers:
        pool, right = pools.of(number)
        if not right.any() and not task.keep_unanswerable:
            left_out["queries without a right candidate"] += 1
        elif len(pool) < 2 or right.all():
            left_out["queries whose candidates are all right"] += 1
        else:
            kept.append(number)
            used[pool] = True
    return kept, used


def vectors_of(
    task: Task, way: Way, queries: Sequence[int], candidates: NDArray[np.int64], embedder: Embedder
) -> tuple[list[Vectors], NDArray[np.bool_], Vectors, NDArray[np.bool_]]:
    """The vectors of each part (queries, dim), which queries have all of them (queries); the candidates' vectors
    (candidates, dim) and which there are (candidates). Rows that were not asked for are zero. Raises InputError, Stop."""
    what = f"{task.title}: {way.name}"
    parts, whole = [], np.ones(len(task.queries), bool)
    for part in way.parts:
        found, there = embedder.vectors([part[number] for number in queries], what)
        full = np.zeros((len(task.queries), found.shape[1]), np.float32)
        full[queries] = found
        parts.append(full)
        whole[queries] &= there
    inputs = way.candidates if way.candidates is not None else [candidate.input for candidate in task.candidates]
    found, there = embedder.vectors([inputs[number] for number in candidates], what)
    full, full_there = np.zeros((len(inputs), found.shape[1]), np.float32), np.ones(len(inputs), bool)
    full[candidates], full_there[candidates] = found, there
    return parts, whole, full, full_there


def figures(
    task: Task, pools: Pools, numbers: list[int], ready: list[tuple[Way, list[Vectors], Vectors]], plan: Plan
) -> dict[str, Any]:
    """Means, intervals and chance of every way; groups and single answers of the first."""
    units = np.unique([task.queries[number].unit or task.queries[number].name for number in numbers], return_inverse=True)[1]
    where = Geometry(task.candidates)
    lines, sizes, goods = [], [], []
    for number in numbers:
        pool, right = pools.of(number)
        lines.append(by_chance(task, where, number, pool, right))
        sizes.append(len(pool))
        goods.append(int(right.sum()))
    facts: dict[str, Any] = {
        "n": len(numbers),
        "units": int(units.max()) + 1,
        "candidates_per_query": {"least": min(sizes), "median": float(np.median(sizes)), "most": max(sizes)},
        "right_per_query": float(np.mean(goods)),
        "ways": {},
    }
    facts["chance"] = {name: round(float(np.mean([line[name] for line in lines])), 5) for name in lines[0]}
    for way, parts, candidates in ready:
        outcomes, answers = [], []
        for number, pool, right, scores in rows_of(task, pools, way, parts, candidates, numbers):
            found, answer = outcome(task, where, number, pool, right, scores)
            outcomes.append(found)
            answers.append(answer)
        table = np.array([list(each.values()) for each in outcomes])
        names = list(outcomes[0])
        low, high = metrics.interval(table, units, plan.seed)
        facts["ways"][way.name] = {
            name: {"value": round(float(value), 5), "low": _rounded(least), "high": _rounded(most)}
            for name, value, least, most in zip(names, table.mean(0), low, high, strict=True)
        }
        if "km" in names:
            facts["ways"][way.name]["median km"] = {"value": round(float(np.median(table[:, names.index("km")])), 3)}
        if way is ready[0][0]:
            facts["groups"] = by_group(task, numbers, table, names, lines)
            facts["queries"] = [
                {"query": task.queries[number].name, "right": good, **answer}
                for number, good, answer in zip(numbers, goods, answers, strict=True)
            ]
    if task.constant_answer:
        facts["constant_answer"] = constant_answer(task, pools, numbers)
    return facts


def outcome(
    task: Task, where: Geometry, number: int, pool: NDArray[np.int64], right: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[dict[str, float], dict[str, Any]]:
    """The figures of one query, and what was answered."""
    grades = task.grades(number, pool) if task.grades else None
    worth = right.astype(float) if grades is None else np.maximum(grades, right)
    order, tied = metrics.order_against(scores, worth)
    ranked = right[order]
    found = {
        "P@1": metrics.precision_at(ranked, 1),
        "P@5": metrics.precision_at(ranked, 5),
        "P@10": metrics.precision_at(ranked, 10),
        **{f"R@{depth}": metrics.any_at(ranked, depth) for depth in DEPTHS},
        "share@10": metrics.share_at(ranked, 10),
        "MRR": metrics.reciprocal_rank(ranked),
        "AP": metrics.average_precision(ranked),
    }
    if grades is not None:
        found["nDCG@10"] = metrics.ndcg_at(worth[order], 10)
    best = pool[order[:tied]]
    query = task.queries[number]
    if query.target:
        # Of several in the first place, the worst counts.
        found |= {f"Acc@{least}": float((where.overlap(best, query.target) >= least).all()) for least in IOUS}
    if query.place:
        away = float(where.kilometres(best, query.place).max())
        found |= {f"{limit} km": float(away <= limit) for limit in KILOMETRES} | {"km": away}
    first = int(np.argmax(ranked)) + 1 if ranked.any() else None
    return found, {"rank": first, "first": [int(one) for one in pool[order[:SHOWN]]]}


def rows_of(
    task: Task, pools: Pools, way: Way, parts: list[Vectors], candidates: Vectors, numbers: Sequence[int]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]]:
    """Each query with its candidates, which are right, and their scores by the way's own rule; queries go together."""
    asking = [unit(np.mean([unit(part) for part in parts], axis=0))] if way.weight is None and len(parts) > 1 else parts
    for start in range(0, len(numbers), TOGETHER):
        some = numbers[start : start + TOGETHER]
        open_ = [number for number in some if task.queries[number].pool is None]
        whole = [product(part[open_], candidates) for part in asking] if open_ else []
        row = {number: place for place, number in enumerate(open_)}
        for number in some:
            pool, right = pools.of(number)
            if number in row:
                found = [table[row[number], pool] for table in whole]
            else:
                found = [product(part[number : number + 1], candidates[pool])[0] for part in asking]
            yield number, pool, right, found[0] if way.weight is None else weighted(found[0], found[1], way.weight)


def weighted(first: NDArray[np.float64], second: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """WeiCom: both similarities through the normal function first, so that neither outweighs the other by its range."""
    return (1 - weight) * metrics.normal_function(first) + weight * metrics.normal_function(second)


def product(queries: Vectors, candidates: Vectors) -> NDArray[np.float64]:
    """Dot products (queries, candidates) in float64, so that equal vectors score the same wherever they stand."""
    wide = queries.astype(np.float64)
    blocks = [wide @ candidates[start : start + BLOCK].astype(np.float64).T for start in range(0, len(candidates), BLOCK)]
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((len(queries), 0))


def by_chance(task: Task, where: Geometry, number: int, pool: NDArray[np.int64], right: NDArray[np.bool_]) -> dict[str, float]:
    """What a random order scores on one query."""
    total, good = len(pool), int(right.sum())
    found = {
        **{f"P@{depth}": metrics.chance_precision(total, good, depth) for depth in DEPTHS},
        **{f"R@{depth}": metrics.chance_any(total, good, depth) for depth in DEPTHS},
        "share@10": metrics.chance_share(total, good, 10),
        "MRR": metrics.chance_reciprocal(total, good),
        "AP": metrics.chance_average_precision(total, good),
    }
    if task.grades:
        found["nDCG@10"] = metrics.chance_ndcg(np.maximum(task.grades(number, pool), right), 10)
    query = task.queries[number]
    if query.target:
        overlaps = where.overlap(pool, query.target)
        found |= {f"Acc@{least}": float((overlaps >= least).mean()) for least in IOUS}
    if query.place:
        away = where.kilometres(pool, query.place)
        found |= {f"{limit} km": float((away <= limit).mean()) for limit in KILOMETRES} | {"km": float(away.mean())}
    return found


def by_group(
    task: Task, numbers: list[int], table: NDArray[np.float64], names: list[str], lines: list[dict[str, float]]
) -> dict[str, Any]:
    """P@1 and AP of the first way for each group of queries that the data set names, with chance."""
    members: dict[str, list[int]] = {}
    for row, number in enumerate(numbers):
        members.setdefault(task.queries[number].group, []).append(row)
    if len(members) < 2:
        return {}
    found: dict[str, Any] = {}
    for group, rows in sorted(members.items()):
        found[group] = {"n": len(rows)}
        for name in IN_GROUPS:
            found[group][name] = round(float(table[rows, names.index(name)].mean()), 4)
            found[group][f"chance {name}"] = round(float(np.mean([lines[row][name] for row in rows])), 4)
    return found


def constant_answer(task: Task, pools: Pools, numbers: Sequence[int]) -> float:
    """P@1 of always giving the one answer that is right most often, chosen for each pool with the truth at hand."""
    counts: dict[tuple[str | None, int], int] = Counter()
    for number in numbers:
        pool, right = pools.of(number)
        for one in pool[right]:
            counts[task.queries[number].pool, int(one)] += 1
    best: dict[str | None, int] = {}
    for (name, _), count in counts.items():
        best[name] = max(best.get(name, 0), count)
    return round(sum(best.values()) / len(numbers), 5)


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 5)
