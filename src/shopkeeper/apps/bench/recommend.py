"""Bench of recommenders: full ranking, ties against us, baselines beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.apps.bench.sequences import read_histories, read_lines
from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.recommend.again import BuyAgain
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.blend import Blend, choose_weights
from shopkeeper.predict.recommend.ease import Ease
from shopkeeper.predict.recommend.evaluate import METRICS, evaluate
from shopkeeper.predict.recommend.interactions import DAY_US, Interactions
from shopkeeper.predict.recommend.popularity import Popularity, RecentPopularity
from shopkeeper.predict.recommend.similar import ItemGraph, ItemKnn, Markov
from shopkeeper.predict.recommend.split import (
    Split,
    leave_last_out,
    next_basket,
    next_in_session,
    temporal,
)

__all__ = ["PROTOCOLS", "run"]

PROTOCOLS = ("leave-one-out", "temporal", "next-in-session", "next-basket")

_HORIZON_DAYS = 28


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One question put to every method.

    Parameters
    ----------
    data
        Name of the data.
    protocol
        In words.
    validation, report
        Weights of the blend are chosen on the first, figures come from the second.
    exclude_seen
        Whether only new items are candidates.
    """

    data: str
    protocol: str
    validation: Split
    report: Split
    exclude_seen: bool


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure recommenders on reference data or on the user's files.

    Without input, leave-one-out runs on s3rec Toys and LastFM, temporal on MovieLens 100k,
    next-in-session on yoochoose and Tmall sessions, next-basket on the Instacart sample.

    Parameters
    ----------
    options
        ``inputs``, ``protocol`` (leave-one-out when left out), ``test`` (next-in-session: file of
        test sessions; without it the last tenth of the sessions), ``cutoff`` and ``horizon_days``
        (temporal; the last 28 days when left out), ``methods``, column names, ``seed``.

    Returns
    -------
    list of BenchRow
        hr@10, ndcg@10, recall@20, mrr@20 and coverage of every method, with 95 % intervals over
        users.

    Raises
    ------
    InputError
        If a protocol or method is not known.
    """
    protocol = options.protocol or PROTOCOLS[0]
    if protocol not in PROTOCOLS:
        raise InputError(
            f"--protocol {protocol!r} is not known",
            next_step=f"choose one of {', '.join(PROTOCOLS)}",
            protocol=protocol,
        )
    tasks = _own_tasks(protocol, options) if options.inputs else _reference(protocol, options)
    return [row for task in tasks for row in _figures(task, options)]


def _own_tasks(protocol: str, options: BenchOptions) -> list[Task]:
    tasks: list[Task] = []
    for path in options.inputs:
        histories = read_histories(path, options)
        test = read_histories(options.test, options) if options.test else None
        tasks += _tasks(path.stem, protocol, histories, test, options)
    return tasks


def _tasks(
    data: str,
    protocol: str,
    histories: Interactions,
    test: Interactions | None,
    options: BenchOptions,
) -> list[Task]:
    if protocol == "next-in-session":
        return [_session_task(data, histories, test)]
    if protocol == "temporal":
        return _temporal_tasks(data, histories, options)
    if protocol == "next-basket":
        pair = (next_basket(histories, skip=1), next_basket(histories))
        words = "next-basket, last basket of each user, full ranking"
        return [
            Task(data, f"{words}, repeats allowed", *pair, exclude_seen=False),
            Task(data, f"{words}, new items only", *pair, exclude_seen=True),
        ]
    words = "leave-one-out, full ranking"
    pair = (leave_last_out(histories, skip=1), leave_last_out(histories, hold=2))
    return [Task(data, words, *pair, exclude_seen=True)]


def _temporal_tasks(data: str, histories: Interactions, options: BenchOptions) -> list[Task]:
    if histories.times is None:
        raise NotEnoughDataError(
            f"{data} has no times, a temporal split cannot be made",
            next_step="give a CSV with a time column, or use --protocol leave-one-out",
        )
    days = options.horizon_days or _HORIZON_DAYS
    if options.cutoff is None:
        cut = int(histories.times.max()) + 1 - days * DAY_US
    else:
        cut = int(np.datetime64(options.cutoff, "us").astype(np.int64))
    length = days * DAY_US
    pair = (
        temporal(histories, cut - length, cut),
        temporal(histories, cut, cut + length),
    )
    words = f"temporal, next {days} days, full ranking"
    return [
        Task(data, f"{words}, new items only", *pair, exclude_seen=True),
        Task(data, f"{words}, repeats allowed", *pair, exclude_seen=False),
    ]


def _session_task(data: str, train: Interactions, test: Interactions | None) -> Task:
    words = "next-in-session, every prefix, full ranking"
    if test is None:
        words += ", last tenth of the sessions"
        train, test = _last_tenth(train)
    before, late = _last_tenth(train)
    pair = (next_in_session(before, late), next_in_session(train, test))
    return Task(data, words, *pair, exclude_seen=False)


def _last_tenth(sessions: Interactions) -> tuple[Interactions, Interactions]:
    """Cut sessions by their first time, or by their order in the file."""
    starts = sessions.starts()
    full = np.flatnonzero(np.diff(starts) > 0)
    moments = full if sessions.times is None else sessions.times[starts[full]]
    order = full[np.argsort(moments, kind="stable")]
    late = np.zeros(sessions.n_users, dtype=np.bool_)
    late[order[len(order) - max(len(order) // 10, 1) :]] = True
    return sessions.where(~late[sessions.users]), sessions.where(late[sessions.users])


def _reference(protocol: str, options: BenchOptions) -> list[Task]:
    folder = options.data_folder
    if protocol == "next-in-session":
        return [_yoochoose(folder / "yoochoose_100k/prepared"), _tmall(folder / "sessions_gcegnn")]
    if protocol == "next-basket":
        path = folder / "instacart_sample/df_sample.csv"
        columns = BenchOptions(customer="user_id", item="product_id", time="order_number")
        return _tasks("instacart", protocol, read_histories(path, columns), None, options)
    if protocol == "temporal":
        columns = BenchOptions(
            customer="user_id:token", item="item_id:token", time="timestamp:float"
        )
        histories = read_histories(folder / "ml100k/ml-100k.inter", columns)
        return _tasks("ml100k", protocol, histories, None, options)
    files = {"toys": "Toys_and_Games.txt", "lastfm": "LastFM.txt"}
    tasks: list[Task] = []
    for name, file in files.items():
        histories = read_histories(folder / "s3rec" / file, options)
        tasks += _tasks(name, protocol, histories, None, options)
    return tasks


def _yoochoose(folder: Path) -> Task:
    columns = BenchOptions(customer="SessionId", item="ItemId", time="Time")
    stem = "yoochoose-clicks-100k"
    train = read_histories(folder / f"{stem}_train_full.txt", columns)
    test = read_histories(folder / f"{stem}_test.txt", columns)
    return _session_task("yoochoose-100k", train, test)


def _tmall(folder: Path) -> Task:
    train = read_lines(folder / "Tmall_train_sessions.txt.gz")
    asked = [line.split("\t") for line in read_lines(folder / "Tmall_test.tsv.gz")]
    past = Interactions.from_sequences([line.split() for line in train])
    known = Interactions.from_sequences([prefix.split() for prefix, _ in asked])
    truth = Interactions.from_sequences([[target] for _, target in asked])
    before, late = _last_tenth(past)
    words = "next-in-session, published test prefixes, full ranking"
    report = Split(past, known, truth)
    return Task("tmall", words, next_in_session(before, late), report, exclude_seen=False)


def _methods(task: Task) -> dict[str, Callable[[], Recommender]]:
    known: dict[str, Callable[[], Recommender]] = {
        "popularity": Popularity,
        "popularity-7-days": RecentPopularity,
        "markov": Markov,
        "item-graph": ItemGraph,
        "item-knn": ItemKnn,
        "ease": partial(Ease, max_items=4_000, overflow="frequent"),
    }
    if not task.exclude_seen:
        known["buy-again"] = BuyAgain
    return known


def _figures(task: Task, options: BenchOptions) -> list[BenchRow]:
    known = _methods(task)
    asked = options.methods or (*known, "blend")
    unknown = [name for name in asked if name not in (*known, "blend", "buy-again")]
    if unknown:
        raise InputError(
            f"there is no recommender called {unknown[0]!r}",
            next_step=f"choose among {', '.join((*known, 'blend'))}",
            method=unknown[0],
        )
    rows: list[BenchRow] = []
    for name in asked:
        if name != "blend" and name not in known:
            continue
        with measure() as took:
            model = _fitted(name, task, known, options.seed)
            found = evaluate(model, task.report, exclude_seen=task.exclude_seen)
        for metric in METRICS:
            value, error = found.values[metric], found.errors.get(metric)
            rows.append(
                BenchRow(
                    "recommend",
                    task.data,
                    task.protocol,
                    name,
                    metric,
                    value,
                    None if error is None else value - 1.96 * error,
                    None if error is None else value + 1.96 * error,
                    found.n,
                    took.seconds,
                    took.peak_mb,
                    options.seed,
                )
            )
    return rows


def _fitted(
    name: str, task: Task, known: dict[str, Callable[[], Recommender]], seed: int
) -> Recommender:
    if name == "blend":
        return _blend(task, known, seed)
    return known[name]().fit(task.report.past, seed=seed)


def _blend(task: Task, known: dict[str, Callable[[], Recommender]], seed: int) -> Blend:
    """The personal models and, for those they know nothing about, recent popularity."""
    wanted = ("markov", "item-graph", "item-knn", "popularity-7-days", "buy-again")
    names = [name for name in wanted if name in known]
    parts: Sequence[Recommender] = [known[n]().fit(task.validation.past, seed=seed) for n in names]
    weights = choose_weights(
        parts,
        task.validation,
        exclude_seen=task.exclude_seen,
        users=2_000,
        seed=seed,
    )
    return Blend(parts, weights).fit(task.report.past, seed=seed)
