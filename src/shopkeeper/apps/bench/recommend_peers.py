"""The library implicit on the same splits, its settings chosen on the same validation."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from shopkeeper.apps.bench.peers import PeerRun, peer_python, run_peer
from shopkeeper.apps.bench.recommend_tasks import Task
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow
from shopkeeper.predict.recommend.evaluate import DEPTH, METRICS, Figures, Truth, list_figures
from shopkeeper.predict.recommend.interactions import Interactions
from shopkeeper.predict.recommend.popularity import Popularity
from shopkeeper.predict.recommend.rank import Lists
from shopkeeper.predict.recommend.split import Split

__all__ = ["peer_rows"]

_ENVIRONMENT = "recommend"
_SCRIPT = "implicit_models.py"
_MOST_ITEMS = 20_000

_SETTINGS: dict[str, list[dict[str, Any]]] = {
    "als": [
        {"factors": 64, "regularization": reg, "alpha": alpha, "iterations": 15}
        for reg, alpha in ((0.01, 1.0), (0.1, 1.0), (0.1, 10.0), (1.0, 10.0))
    ],
    "bm25": [{"K": 100, "K1": 1.2, "B": 0.75}, {"K": 50, "K1": 0.1, "B": 0.3}],
    "bpr": [
        {"factors": 64, "learning_rate": 0.05, "regularization": 0.01, "iterations": 100},
        {"factors": 64, "learning_rate": 0.1, "regularization": 0.001, "iterations": 100},
    ],
}


def peer_rows(task: Task, options: BenchOptions) -> list[BenchRow]:
    """ALS, BM25 neighbours and BPR of implicit.

    Parameters
    ----------
    task
        The question; its validation decides among each model's settings.
    options
        ``seed``.

    Returns
    -------
    list of BenchRow
        Empty where the peer is not installed or the data has too many items for its dense answer.
    """
    if peer_python(_ENVIRONMENT) is None or task.report.past.n_items > _MOST_ITEMS:
        return []
    validation, report = _for_past(task.validation), _for_past(task.report)
    rows: list[BenchRow] = []
    for name, settings in _SETTINGS.items():
        # BPR knows only customers it was trained on.
        if name == "bpr" and task.sessions:
            continue
        arrays = _matrices("val", validation) | _matrices("rep", report)
        facts = {
            "model": name,
            "settings": settings,
            "exclude_seen": task.exclude_seen,
            "known_users": not task.sessions,
            "k": DEPTH,
            "seed": options.seed,
        }
        run = run_peer(_ENVIRONMENT, _SCRIPT, arrays, facts, timeout_s=900.0)
        rows += _rows(name, run, task, options, len(settings))
    return rows


def _matrices(name: str, split: Split) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    judged = np.unique(split.truth.users)
    for part, held in (("past", split.past), ("histories", split.histories)):
        matrix: sp.csr_array = held.weights()
        arrays |= {
            f"{name}_{part}_data": np.ones(matrix.nnz, dtype=np.float32),
            f"{name}_{part}_indices": matrix.indices,
            f"{name}_{part}_indptr": matrix.indptr,
            f"{name}_{part}_shape": np.array(matrix.shape),
        }
    return arrays | {f"{name}_judged": judged}


def _figures(split: Split, items: Any, scores: Any, exclude_seen: bool) -> Figures:
    """Figures of the lists a peer gave, in its own order."""
    model = Popularity().fit(split.past)
    truth = Truth.of(split, model, new_only=exclude_seen)
    judged = np.unique(split.truth.users)
    ranks = np.tile(np.arange(1, items.shape[1] + 1), (len(judged), 1))
    users = np.repeat(judged, items.shape[1]).reshape(ranks.shape)
    good = (items >= 0) & np.isfinite(scores) & (scores > np.finfo(np.float32).min / 2)
    lists = Lists(
        users[good], items[good].astype(np.int64), ranks[good], scores[good],
        np.zeros(int(good.sum()), dtype=np.bool_),
    )  # fmt: skip
    return list_figures(lists, truth, split.past.n_items)


def _for_past(split: Split) -> Split:
    """Histories in the item codes of the past, as the matrices are."""
    ids = split.past.item_ids
    histories: Interactions = split.histories.for_items(ids)
    return Split(split.past, histories, split.truth)


def _rows(
    name: str, run: PeerRun, task: Task, options: BenchOptions, settings: int
) -> list[BenchRow]:
    row = partial(
        BenchRow, "recommend", task.data, task.protocol, f"implicit {name}",
        seconds=run.seconds, peak_mb=run.peak_mb, seed=options.seed,
    )  # fmt: skip
    if run.failed:
        return [row(metric="ndcg@10", value=None)]
    tried = [
        _figures(
            _for_past(task.validation), run.arrays[f"val_items_{i}"], run.arrays[f"val_scores_{i}"],
            task.exclude_seen,
        ).values["ndcg@10"]
        for i in range(settings)
    ]  # fmt: skip
    best = int(np.argmax(tried))
    found = _figures(
        _for_past(task.report), run.arrays[f"rep_items_{best}"], run.arrays[f"rep_scores_{best}"],
        task.exclude_seen,
    )  # fmt: skip
    seconds = float(run.facts["seconds_by_setting"][best])
    answer = []
    for metric in METRICS:
        value, error = found.values[metric], found.errors.get(metric)
        low = None if error is None else value - 1.96 * error
        high = None if error is None else value + 1.96 * error
        answer.append(row(metric=metric, value=value, low=low, high=high, n=found.n))
    return [_with_seconds(one, seconds) for one in answer]


def _with_seconds(row: BenchRow, seconds: float) -> BenchRow:
    return replace(row, seconds=seconds)
