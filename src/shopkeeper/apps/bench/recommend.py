"""Bench of recommenders: full ranking, ties against us, baselines and peers beside."""

from __future__ import annotations

from functools import partial

import numpy as np

from shopkeeper.apps.bench.recommend_methods import BASELINES, OPTIONAL, blend_of, methods_of
from shopkeeper.apps.bench.recommend_tasks import PROTOCOLS, Task, own_tasks, reference_tasks
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.core.errors import InputError
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.evaluate import METRICS, Figures, evaluate
from shopkeeper.predict.recommend.ranker import Ranker

__all__ = ["PROTOCOLS", "run"]

_DRAWS = 1_000
_COMPARED = ("hr@10", "ndcg@10")


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure recommenders on reference data or on the user's files.

    Without input and protocol: leave-one-out on s3rec Toys and LastFM, temporal on MovieLens 100k
    and Taobao, next-in-session on yoochoose and Tmall sessions, next-basket on the Instacart
    sample, items nobody had before, and how long answers take.

    Parameters
    ----------
    options
        ``inputs``, ``protocol`` (leave-one-out for own files when left out), ``test``
        (next-in-session: file of test sessions; without it the last tenth of the sessions),
        ``cutoff`` and ``horizon_days`` (temporal; the last 28 days when left out), ``methods``
        (``sequence`` and ``ranker`` only when named), column names, ``seed``, ``peers``.

    Returns
    -------
    list of BenchRow
        hr@10, ndcg@10, recall@20, mrr@20 and coverage of every method, with 95 % intervals over
        users; ``blend - baseline`` is the paired difference to the strongest baseline, bootstrap.

    Raises
    ------
    InputError
        If a protocol or method is not known.
    """
    extra = ("cold", "speed")
    known = PROTOCOLS if options.inputs else (*PROTOCOLS, *extra)
    protocol = options.protocol or (PROTOCOLS[0] if options.inputs else None)
    if protocol is not None and protocol not in known:
        raise InputError(
            f"--protocol {protocol!r} is not known",
            next_step=f"choose one of {', '.join(known)}",
            protocol=protocol,
        )
    rows: list[BenchRow] = []
    for name in (protocol,) if protocol else known:
        if name in PROTOCOLS:
            tasks = own_tasks(name, options) if options.inputs else reference_tasks(name, options)
            for task in tasks:
                rows += _task_rows(task, options)
        else:
            rows += _extra(name, options)
    return rows


def _extra(name: str, options: BenchOptions) -> list[BenchRow]:
    if name == "cold":
        from shopkeeper.apps.bench.recommend_cold import cold_rows

        return cold_rows(options)
    from shopkeeper.apps.bench.recommend_speed import speed_rows

    return speed_rows(options)


def _task_rows(task: Task, options: BenchOptions) -> list[BenchRow]:
    known = methods_of(task)
    asked = options.methods or (*known, "blend")
    possible = (*known, "blend", "buy-again", "replenish", "own-frequent", *OPTIONAL)
    unknown = [name for name in asked if name not in possible]
    if unknown:
        raise InputError(
            f"there is no recommender called {unknown[0]!r}",
            next_step=f"choose among {', '.join((*known, 'blend', *OPTIONAL))}",
            method=unknown[0],
        )
    rows: list[BenchRow] = []
    found: dict[str, Figures] = {}
    for name in asked:
        if name not in known and name not in ("blend", *OPTIONAL):
            continue
        with measure() as took:
            model = _fitted(name, task, asked, options.seed)
            found[name] = evaluate(model, task.report, exclude_seen=task.exclude_seen)
        row = partial(_row, task, options, name, seconds=took.seconds, peak_mb=took.peak_mb)
        rows += [row(found[name], metric) for metric in METRICS]
    rows += _differences(task, options, found)
    if options.peers and not options.methods:
        from shopkeeper.apps.bench.recommend_peers import peer_rows

        rows += peer_rows(task, options)
    return rows


def _row(
    task: Task,
    options: BenchOptions,
    name: str,
    found: Figures,
    metric: str,
    *,
    seconds: float,
    peak_mb: float | None,
) -> BenchRow:
    value, error = found.values[metric], found.errors.get(metric)
    low = None if error is None else value - 1.96 * error
    high = None if error is None else value + 1.96 * error
    return BenchRow(
        "recommend", task.data, task.protocol, name, metric, value, low, high, found.n,
        seconds, peak_mb, options.seed,
    )  # fmt: skip


def _fitted(name: str, task: Task, asked: tuple[str, ...], seed: int) -> Recommender:
    known = methods_of(task)
    if name == "sequence" or (name == "blend" and "sequence" in asked):
        from shopkeeper.predict.sequence.recommender import SequenceRecommender

        settings = {"new_only": task.exclude_seen, "seconds": 240.0}
        known["sequence"] = partial(SequenceRecommender, **settings)
    if name == "blend":
        return blend_of(task, known, seed, ("sequence",) if "sequence" in asked else ())
    if name == "ranker":
        return Ranker(list(blend_of(task, known, seed).components)).fit(task.report.past, seed=seed)
    return known[name]().fit(task.report.past, seed=seed)


def _differences(task: Task, options: BenchOptions, found: dict[str, Figures]) -> list[BenchRow]:
    """The blend against the strongest baseline, on the same users."""
    baselines = [name for name in BASELINES if name in found]
    if "blend" not in found or not baselines:
        return []
    rows = []
    rng = np.random.default_rng(options.seed)
    n = found["blend"].n
    for metric in _COMPARED:
        best = max(baselines, key=lambda name: found[name].values[metric])
        gap = found["blend"].each[metric] - found[best].each[metric]
        # Poisson weights: the bootstrap of a mean without drawing indices.
        draws = np.array(
            [float(w @ gap / w.sum()) for w in (rng.poisson(1.0, n) for _ in range(_DRAWS))]
        )
        low, high = np.quantile(draws, [0.025, 0.975])
        rows.append(
            BenchRow(
                "recommend", task.data, task.protocol, f"blend - {best}", metric,
                float(gap.mean()), float(low), float(high), n, seed=options.seed,
            )
        )  # fmt: skip
    return rows
