"""Which candidates each query is asked among: shuffled and drawn with the seed, and kept in the report."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from .forms import Query, Task

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
        self._pools = {name: members[:keep] for name, members in pools.items()}
        self._all = self.order[:keep]
        self._there = np.ones(len(self.order), bool)

    def of(self, query: int) -> tuple[Indices, NDArray[np.bool_]]:
        """The candidates of a query in their shuffled order, and which are right. Made anew each time: kept, it would be
        queries times candidates."""
        asked = self.task.queries[query]
        if asked.pool is not None:
            return self._of_pool(asked)
        allowed = self._there.copy()
        if asked.avoid is not None and asked.avoid in self._pool_names:
            allowed &= self._pool_of != self._pool_names[asked.avoid]
        allowed[self._with(asked.excluded)] = False
        right = np.zeros(len(allowed), bool)
        right[self._with(asked.keys)] = True
        right &= allowed
        base = self._all[allowed[self._all]]
        missing = right.copy()
        missing[base] = False
        if missing.any():
            base = np.concatenate([base, np.flatnonzero(missing)])
            base = base[np.argsort(self._place[base], kind="stable")]
        return base, right[base]

    def _of_pool(self, asked: Query) -> tuple[Indices, NDArray[np.bool_]]:
        """Of one pool: few candidates, so nothing as long as all of them is made."""
        excluded = set(self._with(asked.excluded))
        own = self._pool_names.get(asked.pool or "", -1)
        right = {number for number in self._with(asked.keys) if self._pool_of[number] == own} - excluded
        members = set(self._pools.get(asked.pool or "", ())) - excluded | right
        base = np.array([number for number in members if self._there[number]], np.int64)
        base = base[np.argsort(self._place[base], kind="stable")]
        return base, np.array([number in right for number in base.tolist()], bool)

    def leave_out(self, there: NDArray[np.bool_]) -> None:
        """From now on, only candidates with True (candidates) are given."""
        self._there &= there

    def drawn(self) -> dict[str, list[int]]:
        """What was drawn, by pool, for the report; the right candidates of a query are always added to it."""
        if all(query.pool is None for query in self.task.queries):
            return {"": self._all.tolist()}
        return dict(self._pools)

    def _with(self, keys: frozenset[str]) -> list[int]:
        return [number for key in keys for number in self._by_key.get(key, ())]
