"""Bench of intent: next item in a session, purchase in a session, or any table with a target."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from functools import partial
from importlib import import_module
from typing import Any, Literal

import numpy as np

from shopkeeper.apps.bench.intent_sessions import Sessions, simulate_sessions
from shopkeeper.apps.bench.recommend_methods import methods_of
from shopkeeper.apps.bench.recommend_tasks import Task, own_tasks, reference_tasks
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, Measured, measure
from shopkeeper.core.errors import InputError, MissingExtraError
from shopkeeper.predict.cards import bootstrap_interval
from shopkeeper.predict.intent.events import Bools, Floats, Ints, read_events
from shopkeeper.predict.intent.model import IntentData, IntentModel
from shopkeeper.predict.intent.settings import IntentSettings
from shopkeeper.predict.intent.train import intent_figures
from shopkeeper.predict.recommend.again import OwnFrequent
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.blend import Blend, choose_weights
from shopkeeper.predict.recommend.evaluate import evaluate
from shopkeeper.predict.recommend.interactions import Interactions
from shopkeeper.predict.recommend.rank import top_items
from shopkeeper.predict.recommend.split import Split
from shopkeeper.predict.sequence.neighbours import Stan, tuned_stan
from shopkeeper.predict.sequence.recommender import SequenceRecommender

__all__ = ["PROTOCOLS", "next_item_rows", "run"]

PROTOCOLS = ("next-in-session", "buy-in-session")

Make = Callable[[], Recommender]

NET = {
    "window": 20, "negatives": 2_048, "dropout": 0.3, "scale": 12.0, "new_only": False,
    "patience": 3, "seconds": 120.0,
}  # fmt: skip
"""Chosen on the last tenth of the training sessions of both data sets."""

BLENDED = ("transformer", "stan", "session-knn", "sequential-rules", "markov", "item-graph",
           "own-frequent", "popularity")  # fmt: skip
ORDER = ("popularity", "own-frequent", "sequential-rules", "markov", "item-knn", "session-knn",
         "stan", "gru", "transformer", "blend")  # fmt: skip
"""``own-frequent`` shows what the session had already: where visitors return, it shames."""
BUY_ORDER = ("has-added-to-cart", "boosting", "boosting+gru", "boosting+transformer", "truth")
"""``truth`` is the chance itself, known to who simulates."""
SESSIONS = 20_000
POSITIONS = (3, 5, 10)
_TIMED = 200
_SHARP = "-sharp"


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure intent.

    With ``--target``: any table, as `response` is benched. Without: the next item of public
    sessions, and the purchase in simulated sessions whose chance is known.

    Parameters
    ----------
    options
        ``target`` and its companions; or ``protocol`` (both when left out), ``inputs`` (sessions,
        for next-in-session), ``test``, ``methods``, ``customers`` (simulated sessions), ``seed``.

    Returns
    -------
    list of BenchRow
        Next item: hr@20 (one item is the truth: P@20 and recall@20 are the same number), mrr@20,
        hr@10, ndcg@10, p99_ms of one prefix. Purchase: auc, average_precision, brier, ece after
        3, 5 and 10 events.

    Raises
    ------
    InputError
        If a protocol or method is not known, or a file comes without a target or protocol.
    """
    if options.target is not None:
        rows: list[BenchRow] = import_module("shopkeeper.apps.bench.intent_table").run(options)
        return rows
    if options.protocol is not None and options.protocol not in PROTOCOLS:
        raise InputError(
            f"--protocol {options.protocol!r} is not known",
            next_step=f"choose one of {', '.join(PROTOCOLS)}, or name the outcome with --target",
            protocol=options.protocol,
        )
    if options.inputs and options.protocol != "next-in-session":
        raise InputError(
            "a file of sessions needs to know what is asked",
            next_step="name its outcome with --target COL, or ask --protocol next-in-session",
        )
    rows = []
    if options.protocol in {None, "next-in-session"}:
        tasks = (
            own_tasks("next-in-session", options)
            if options.inputs
            else reference_tasks("next-in-session", options)
        )
        for task in tasks:
            rows += next_item_rows(task, options)
    if options.protocol in {None, "buy-in-session"} and not options.inputs:
        rows += _buy_rows(options)
    return rows


# --- next item ----------------------------------------------------------------------------------


def next_item_rows(task: Task, options: BenchOptions) -> list[BenchRow]:
    """Figures of every method on one set of sessions.

    Parameters
    ----------
    task
        Sessions to learn from, prefixes and what came next.
    options
        ``methods``, ``seed``.

    Returns
    -------
    list of BenchRow
        Baselines first.

    Raises
    ------
    InputError
        If a method is not known.
    """
    makers = _makers(task, options)
    asked = [name for name in options.methods or ORDER if name not in BUY_ORDER]
    unknown = [name for name in asked if name not in {*makers, "blend"}]
    if unknown:
        raise InputError(
            f"there is no method called {unknown[0]!r}",
            next_step=f"choose among {', '.join((*makers, 'blend', *BUY_ORDER))}",
            method=unknown[0],
        )
    fitted: dict[str, Recommender] = {}
    rows: list[BenchRow] = []
    for name in asked:
        with measure() as took:
            try:
                model = _fitted(name, task, makers, fitted, options.seed)
            except MissingExtraError:
                if options.methods:
                    raise
                continue  # the nets need an extra; what does without is measured
            fitted[name] = model
            found = evaluate(model, task.report, exclude_seen=False)
        values = {
            "hr@20": found.values["recall@20"], "mrr@20": found.values["mrr@20"],
            "hr@10": found.values["hr@10"], "ndcg@10": found.values["ndcg@10"],
        }  # fmt: skip
        errors = {**found.errors, "hr@20": found.errors["recall@20"]}
        for metric, value in values.items():
            margin = 1.96 * errors[metric]
            rows.append(
                _row(task.data, task.protocol, name, metric, value, found.n, took, options,
                     (value - margin, value + margin))
            )  # fmt: skip
        slow = _p99_ms(model, task.report)
        rows.append(
            _row(task.data, task.protocol, name, "p99_ms", slow, _TIMED, took, options, None)
        )
    return rows


def _makers(task: Task, options: BenchOptions) -> dict[str, Make]:
    known = methods_of(task)
    tuned: list[dict[str, Any]] = []

    def stan() -> Recommender:
        if not tuned:
            tuned.append(tuned_stan(task.validation, seed=options.seed).parameters())
        return Stan(**tuned[0])

    wanted = ("popularity", "sequential-rules", "markov", "item-graph", "item-knn", "session-knn")
    return {
        **{name: known[name] for name in wanted},
        "own-frequent": OwnFrequent,
        "stan": stan,
        "gru": partial(SequenceRecommender, kind="gru", **NET),
        "transformer": partial(SequenceRecommender, kind="transformer", **NET),
    }


def _fitted(
    name: str, task: Task, makers: dict[str, Make], fitted: dict[str, Recommender], seed: int
) -> Recommender:
    if name != "blend":
        return makers[name]().fit(task.report.past, seed=seed)
    parts = _parts(makers, task.validation, seed)
    weights = choose_weights(
        list(parts.values()), task.validation, exclude_seen=False, users=4_000, seed=seed
    )
    used = {part: weight for part, weight in zip(parts, weights, strict=True) if weight > 0}
    for part in used:
        plain = part.removesuffix(_SHARP)
        if plain not in fitted:
            fitted[plain] = makers[plain]().fit(task.report.past, seed=seed)
    whole = [_sharpened(fitted, part) for part in used]
    return Blend(whole, list(used.values())).take_fitted()


def _parts(makers: dict[str, Make], split: Split, seed: int) -> dict[str, Recommender]:
    """What may be blended, fitted; a network both flat and sharp, as it was learned once."""
    parts: dict[str, Recommender] = {}
    for name in BLENDED:
        try:
            parts[name] = makers[name]().fit(split.past, seed=seed)
        except MissingExtraError:
            continue
        if isinstance(parts[name], SequenceRecommender):
            parts[f"{name}{_SHARP}"] = _sharpened(parts, f"{name}{_SHARP}")
    return parts


def _sharpened(fitted: dict[str, Recommender], name: str) -> Recommender:
    """The method, or a view of its network whose scores are probabilities as they are."""
    model = fitted[name.removesuffix(_SHARP)]
    if not name.endswith(_SHARP) or not isinstance(model, SequenceRecommender):
        return model
    sharp = copy(model)
    sharp.power = 1.0
    return sharp


def _p99_ms(model: Recommender, split: Split) -> float:
    """Time of one prefix at a time: score every item, take the best twenty."""
    histories = split.histories.for_items(model.item_ids)
    took = []
    for at in np.linspace(0, histories.n_users - 1, _TIMED).astype(int).tolist():
        one: Interactions = histories.slice_users(at, at + 1)
        start = time.perf_counter()
        top_items(model.score(one), 20)
        took.append(time.perf_counter() - start)
    return float(np.quantile(took[5:], 0.99) * 1e3)


# --- purchase in the session --------------------------------------------------------------------


def _buy_rows(options: BenchOptions) -> list[BenchRow]:
    shop = simulate_sessions(options.customers or SESSIONS, seed=options.seed, positions=POSITIONS)
    rows_of = read_events(shop.table)
    data = f"simulated shop, {len(shop.start_us):,} sessions"
    rows: list[BenchRow] = []
    told: set[str] = set()
    for net in _nets(options):
        with measure() as took:
            try:
                settings = IntentSettings(net=net, net_seconds=60.0)
                model = IntentModel(settings).fit(
                    IntentData(rows_of, shop.end_us), seed=options.seed
                )
            except MissingExtraError:
                if options.methods:
                    raise
                model = IntentModel().fit(IntentData(rows_of, shop.end_us), seed=options.seed)
        past = model.rehearsal
        assert past is not None
        said = {**past.said, "truth": _truth(shop, past.session, past.position)}
        for method, chance in said.items():
            wanted = not options.methods or method in options.methods
            if method not in told and wanted:
                told.add(method)
                rows += _method_rows(
                    data, method, past.position, past.bought, chance, took, options
                )
    return sorted(rows, key=lambda row: (row.protocol, BUY_ORDER.index(row.method)))


def _nets(options: BenchOptions) -> tuple[Literal["none", "gru", "transformer"], ...]:
    if not options.methods:
        return ("gru", "transformer")
    wanted: list[Literal["none", "gru", "transformer"]] = []
    if "boosting+gru" in options.methods:
        wanted.append("gru")
    if "boosting+transformer" in options.methods:
        wanted.append("transformer")
    return tuple(wanted) or ("none",)


def _truth(shop: Sessions, session: Ints, position: Ints) -> Floats:
    """The chance of who knows what the visitor came for: no method can be better."""
    chance = np.full(len(session), np.nan)
    for length, known in shop.truth.items():
        at = position == length
        chance[at] = known[session[at]]
    return chance


def _method_rows(
    data: str,
    method: str,
    position: Ints,
    bought: Bools,
    chance: Floats,
    took: Measured,
    options: BenchOptions,
) -> list[BenchRow]:
    rows = []
    for length in POSITIONS:
        at = (position == length) & np.isfinite(chance)
        protocol = f"buy-in-session after {length:02d} events, last 15 % of sessions by start"
        came, said = bought[at], chance[at]
        for metric, value in intent_figures(came, said).items():
            interval = None
            if metric in {"auc", "brier"}:

                def statistic(
                    drawn: Ints, metric: str = metric, came: Bools = came, said: Floats = said
                ) -> float:
                    return intent_figures(came[drawn], said[drawn])[metric]

                interval = bootstrap_interval(statistic, len(came), seed=options.seed)
            rows.append(
                _row(data, protocol, method, metric, value, len(came), took, options, interval)
            )
    return rows


def _row(
    data: str,
    protocol: str,
    method: str,
    metric: str,
    value: float,
    n: int,
    took: Measured,
    options: BenchOptions,
    interval: tuple[float, float] | None,
) -> BenchRow:
    low, high = interval or (None, None)
    return BenchRow(
        "intent", data, protocol, method, metric, value, low, high, n, took.seconds, took.peak_mb,
        options.seed,
    )  # fmt: skip
