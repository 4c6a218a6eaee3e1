"""Questions put to recommenders: data, split, and whether bought items are asked about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.apps.bench.sequences import read_histories, read_lines
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.recommend.interactions import DAY_US, Interactions
from shopkeeper.predict.recommend.split import (
    Split,
    leave_last_out,
    next_basket,
    next_in_session,
    temporal,
)

__all__ = ["PROTOCOLS", "Task", "own_tasks", "reference_tasks"]

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
    sessions
        Whether users are visits that nobody saw before.
    """

    data: str
    protocol: str
    validation: Split
    report: Split
    exclude_seen: bool
    sessions: bool = False


def own_tasks(protocol: str, options: BenchOptions) -> list[Task]:
    """Questions about the user's own files.

    Parameters
    ----------
    protocol
        One of `PROTOCOLS`.
    options
        ``inputs`` and what goes with them.

    Returns
    -------
    list of Task
        At least one a file.
    """
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


def _temporal_tasks(
    data: str, histories: Interactions, options: BenchOptions, days: int = _HORIZON_DAYS
) -> list[Task]:
    if histories.times is None:
        raise NotEnoughDataError(
            f"{data} has no times, a temporal split cannot be made",
            next_step="give a CSV with a time column, or use --protocol leave-one-out",
        )
    days = options.horizon_days or days
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
    return Task(data, words, *pair, exclude_seen=False, sessions=True)


def _last_tenth(sessions: Interactions) -> tuple[Interactions, Interactions]:
    """Cut sessions by their first time, or by their order in the file."""
    starts = sessions.starts()
    full = np.flatnonzero(np.diff(starts) > 0)
    moments = full if sessions.times is None else sessions.times[starts[full]]
    order = full[np.argsort(moments, kind="stable")]
    late = np.zeros(sessions.n_users, dtype=np.bool_)
    late[order[len(order) - max(len(order) // 10, 1) :]] = True
    return sessions.where(~late[sessions.users]), sessions.where(late[sessions.users])


def reference_tasks(protocol: str, options: BenchOptions) -> list[Task]:
    """Questions about the reference data.

    Parameters
    ----------
    protocol
        One of `PROTOCOLS`.
    options
        ``data_folder``.

    Returns
    -------
    list of Task
        Data sets whose folder is absent are left out.
    """
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
        tasks = _tasks("ml100k", protocol, histories, None, options)[:1]
        return tasks + _temporal_tasks("taobao", _taobao(folder), options, days=91)
    files = {"toys": "Toys_and_Games.txt", "lastfm": "LastFM.txt"}
    tasks = []
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
    return Task(
        "tmall", words, next_in_session(before, late), report, exclude_seen=False, sessions=True
    )


def _taobao(folder: Path) -> Interactions:
    """Purchases of mother-and-baby products; the item is the narrow category."""
    path = folder / "taobao_mum_baby/sam_tianchi_mum_baby_trade_history.csv"
    table = csv.read_csv(path)
    day = pc.strptime(table["day"].cast(pa.string()), format="%Y%m%d", unit="us")
    plain = pa.table({"u": table["user_id"], "i": table["category_1"], "t": day.cast(pa.int64())})
    return Interactions.from_table(plain, customer="u", item="i", time="t")
