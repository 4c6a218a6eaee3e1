"""Bench of time and memory: one answer, 10,000 items, a million items."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pyarrow as pa

from shopkeeper.apps.bench.recommend_tasks import reference_tasks
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.predict.recommend.alike import SessionKnn
from shopkeeper.predict.recommend.als import Ials
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.blend import Blend
from shopkeeper.predict.recommend.ease import Ease
from shopkeeper.predict.recommend.interactions import Interactions
from shopkeeper.predict.recommend.model import ShopRecommender
from shopkeeper.predict.recommend.popularity import RecentPopularity
from shopkeeper.predict.recommend.retrieve import Retrieval, exact_top
from shopkeeper.predict.recommend.similar import ItemGraph, ItemKnn, Markov

__all__ = ["speed_rows"]

_ASKED = 400
_K = 100


def speed_rows(options: BenchOptions) -> list[BenchRow]:
    """How long one answer takes, how long 10,000 items take to learn, and a million to search.

    Parameters
    ----------
    options
        ``data_folder``, ``seed``; ``events`` is the number of items searched (a million).

    Returns
    -------
    list of BenchRow
        p50_ms and p99_ms of 100 candidates; seconds and peak memory of the others; recall@100 of
        the search against the exact answer.
    """
    rows = _learning(options)
    if (options.data_folder / "s3rec" / "Toys_and_Games.txt").exists():
        rows = _answers(options) + rows
    return rows + _searching(options)


def _percentiles(
    protocol: str, data: str, method: str, millis: list[float], options: BenchOptions
) -> list[BenchRow]:
    row = partial(BenchRow, "recommend", data, protocol, method, n=len(millis), seed=options.seed)
    return [
        row(metric=f"p{share}_ms", value=float(np.percentile(millis, share))) for share in (50, 99)
    ]


def _answers(options: BenchOptions) -> list[BenchRow]:
    """Answers of the whole blend with reasons, one customer at a time."""
    past = reference_tasks("leave-one-out", options)[0].report.past
    members: list[Recommender] = [
        Markov(), ItemGraph(), ItemKnn(), SessionKnn(), Ials(), RecentPopularity(),
        Ease(max_items=4_000, overflow="frequent"),
    ]  # fmt: skip
    blend = Blend(members, [1.0 / len(members)] * len(members))
    model = ShopRecommender(blend).fit(past, seed=options.seed)
    ids = past.item_ids.to_pylist()
    starts = past.starts()
    drawn = np.random.default_rng(options.seed).permutation(past.n_users)[:_ASKED]
    whole, candidates = [], []
    # Each is one request; the first ten warm caches and do not count.
    for number, user in enumerate(drawn.tolist()):
        prefix = [ids[code] for code in past.items[starts[user] : starts[user + 1]]]
        start = time.perf_counter()
        model.serve("for_you", prefix=prefix, k=_K)
        middle = time.perf_counter()
        model.new.score(past.slice_users(user, user + 1))
        end = time.perf_counter()
        if number >= 10:
            whole.append(1e3 * (middle - start))
            candidates.append(1e3 * (end - middle))
    words = f"one request, {_K} candidates of {past.n_items:,} items, seven members"
    rows = _percentiles(words, "toys", "serve with reasons", whole, options)
    return rows + _percentiles(words, "toys", "scores alone", candidates, options)


def _learning(options: BenchOptions) -> list[BenchRow]:
    """10,000 items, 50,000 customers, a million interactions with popular and rare items."""
    rng = np.random.default_rng(options.seed)
    n_users, n_items, n = 50_000, 10_000, 1_000_000
    users = np.sort(rng.integers(0, n_users, n))
    items = np.minimum(rng.zipf(1.3, n) - 1, 10**9) * 7_919 % n_items
    starts = np.searchsorted(users, np.arange(n_users))
    steps = np.arange(n) - starts[users]
    past = Interactions(
        users, items.astype(np.int64), steps, None,
        pa.array(np.arange(n_users).astype(str)), pa.array(np.arange(n_items).astype(str)),
    )  # fmt: skip
    rows = []
    models: list[Recommender] = [Ease(), Markov(), ItemGraph(), ItemKnn(neighbours=200), Ials()]
    for model in models:
        with measure() as took:
            model.fit(past, seed=options.seed)
        rows.append(
            BenchRow(
                "recommend", "generated", "learning 10,000 items from 1,000,000 interactions",
                model.name, "seconds", took.seconds, n=n, seconds=took.seconds,
                peak_mb=took.peak_mb, seed=options.seed,
            )
        )  # fmt: skip
    return rows


def _searching(options: BenchOptions) -> list[BenchRow]:
    """A million factors around thousands of tastes, as matrix factorisation leaves them."""
    rng = np.random.default_rng(options.seed)
    n, width = options.events or 1_000_000, 64
    tastes = rng.normal(size=(4_000, width)).astype(np.float32)
    vectors = tastes[rng.integers(0, len(tastes), n)]
    vectors += 0.6 * rng.standard_normal((n, width), dtype=np.float32)
    queries = tastes[rng.integers(0, len(tastes), 264)]
    queries = queries + 0.6 * rng.standard_normal(queries.shape, dtype=np.float32)
    words = f"{_K} nearest of {n:,} items × {width} dimensions"
    with measure() as took:
        index = Retrieval().build(vectors, seed=options.seed, queries=queries[:64])
    rows = [
        BenchRow("recommend", "generated", words, "inverted file", "build_seconds", took.seconds,
                 n=n, seconds=took.seconds, peak_mb=took.peak_mb, seed=options.seed)
    ]  # fmt: skip
    quick, slow, found = [], [], []
    # The first 64 decided how many cells are probed; the others are judged.
    for query in queries[64:]:
        start = time.perf_counter()
        near, _ = index.search(query, _K)
        middle = time.perf_counter()
        truth, _ = exact_top(vectors, query, _K)
        end = time.perf_counter()
        quick.append(1e3 * (middle - start))
        slow.append(1e3 * (end - middle))
        found.append(len(np.intersect1d(near, truth)) / _K)
    rows += _percentiles(words, "generated", "inverted file", quick, options)
    rows += _percentiles(words, "generated", "exact", slow, options)
    return [
        *rows,
        BenchRow("recommend", "generated", words, "inverted file", f"recall@{_K}",
                 float(np.mean(found)), n=len(found), seed=options.seed),
        BenchRow("recommend", "generated", words, "inverted file", "probes",
                 index.probes, n=len(found), seed=options.seed),
    ]  # fmt: skip
