"""Which candidates each query is asked among: shuffled and drawn with the seed, and kept in the report."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from .forms import Task

Indices = NDArray[np.int64]


class Pools:
    """For each query, its candidates in a shuffled order and which of them are right.

    With ``count``, a query sees its right candidates and ``count`` - 1 others, drawn once for all queries of a pool: so only
    those need vectors.
    """

    def __init__(self, task: Task, seed: int, count: int | None) -> None:
        self.task = task
        self.order = np.random.default_rng(seed).permutation(len(task.candidates))
        self._place = np.empty(len(self.order), np.int64)
        self._place[self.order] = np.arange(len(self.order))
        self._by_key: dict[str, list[int]] = defaultdict(list)
        pools: dict[str, list[int]] = defaultdict(list)
        for number in self.order.tolist():
            candidate = task.candidates[number]
            pools[candidate.pool].append(number)
            for key in candidate.keys:
                self._by_key[key].append(number)
        self._pool_names = {name: number for number, name in enumerate(pools)}
        self._pool_of = np.array([self._pool_names[candidate.pool] for candidate in task.candidates], np.int64)
        keep = None if count is None else max(1, count - 1)
        self._pools = {name: np.array(members[:keep], np.int64) for name, members in pools.items()}
        self._all = self.order[:keep]

    def right(self, query: int) -> Indices:
        """The right candidates of a query, unordered."""
        asked = self.task.queries[query]
        found = {number for key in asked.keys for number in self._by_key.get(key, ())}
        found -= self._excluded(query)
        if asked.pool is not None:
            found = {number for number in found if self.task.candidates[number].pool == asked.pool}
        if asked.avoid is not None:
            found = {number for number in found if self.task.candidates[number].pool != asked.avoid}
        return np.array(sorted(found), np.int64)

    def of(self, query: int) -> tuple[Indices, NDArray[np.bool_]]:
        """The candidates of a query in their shuffled order, and which are right."""
        asked = self.task.queries[query]
        base = self._all if asked.pool is None else self._pools.get(asked.pool, np.zeros(0, np.int64))
        if asked.avoid is not None and asked.avoid in self._pool_names:
            base = base[self._pool_of[base] != self._pool_names[asked.avoid]]
        excluded = self._excluded(query)
        if excluded:
            base = base[~np.isin(base, list(excluded))]
        right = self.right(query)
        if len(right):
            missing = right[~np.isin(right, base)]
            if len(missing):
                base = np.concatenate([base, missing])
                base = base[np.argsort(self._place[base], kind="stable")]
        return base, np.isin(base, right)

    def drawn(self) -> dict[str, list[int]]:
        """What was drawn, by pool, for the report; the right candidates of a query are always added to it."""
        if all(query.pool is None for query in self.task.queries):
            return {"": self._all.tolist()}
        return {name: members.tolist() for name, members in self._pools.items()}

    def _excluded(self, query: int) -> set[int]:
        return {number for key in self.task.queries[query].excluded for number in self._by_key.get(key, ())}
