"""Bench of items nobody had before: found by what is written about them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.apps.bench.sequences import read_histories
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.content import Content, Words
from shopkeeper.predict.recommend.evaluate import METRICS, Figures, figures_of
from shopkeeper.predict.recommend.interactions import Bools, Floats, Interactions
from shopkeeper.predict.recommend.popularity import Popularity
from shopkeeper.predict.recommend.rank import blocks, target_ranks
from shopkeeper.predict.recommend.split import Split, leave_last_out

__all__ = ["cold_rows"]

_SHARE = 0.1
_PROTOCOL = (
    "cold items: a tenth of the items lost all interactions before the cut; "
    "rank the one that came among all of that tenth"
)


@dataclass(frozen=True, slots=True, eq=False)
class Cold:
    """One data set with items taken out of the past.

    Parameters
    ----------
    split
        Past and histories without them; truth of them alone.
    cold
        Which items.
    words
        What is written about items.
    """

    split: Split
    cold: Bools
    words: Words


def cold_rows(options: BenchOptions) -> list[BenchRow]:
    """Content against chance and popularity on items that have no interactions.

    Parameters
    ----------
    options
        ``data_folder``, ``seed``.

    Returns
    -------
    list of BenchRow
        The usual metrics, coverage among the cold items.
    """
    rows: list[BenchRow] = []
    folder = options.data_folder / "s3rec"
    for name, stem in (("toys", "Toys_and_Games"), ("lastfm", "LastFM")):
        if (folder / f"{stem}.txt").exists():
            histories = read_histories(folder / f"{stem}.txt", options)
            words = _attributes(folder / f"{stem}_item2attributes.json")
            rows += _rows(name, _without(histories, words, options.seed), options)
    path = options.data_folder / "ml100k"
    if path.exists():
        columns = BenchOptions(
            customer="user_id:token", item="item_id:token", time="timestamp:float"
        )
        histories = read_histories(path / "ml-100k.inter", columns)
        words = _films(path / "ml-100k.item")
        rows += _rows("ml100k", _without(histories, words, options.seed), options)
    return rows


def _attributes(path: Path) -> Words:
    found: dict[str, list[int]] = json.loads(path.read_text(encoding="utf-8"))
    # An attribute counts once an item: repetitions in the file are its own noise.
    words = [sorted({str(code) for code in codes}) for codes in found.values()]
    return Words(pa.array(list(found), pa.string()), words)


def _films(path: Path) -> Words:
    table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter="\t"))
    columns = {name.split(":")[0]: table[name].to_pylist() for name in table.column_names}
    words = [
        [*str(kinds).split(), f"decade:{str(year)[:3]}"]
        for kinds, year in zip(columns["class"], columns["release_year"], strict=True)
    ]
    return Words(pa.array([str(x) for x in columns["item_id"]], pa.string()), words)


def _without(histories: Interactions, words: Words, seed: int) -> Cold:
    cold = np.zeros(histories.n_items, dtype=np.bool_)
    drawn = np.random.default_rng(seed).permutation(histories.n_items)
    cold[drawn[: max(1, int(_SHARE * histories.n_items))]] = True
    split = leave_last_out(histories)
    return Cold(
        Split(
            split.past.where(~cold[split.past.items]),
            split.histories.where(~cold[split.histories.items]),
            split.truth.where(cold[split.truth.items]),
        ),
        cold,
        words,
    )


def _rows(data: str, asked: Cold, options: BenchOptions) -> list[BenchRow]:
    rows: list[BenchRow] = []
    methods: dict[str, Recommender] = {
        "popularity": Popularity(),
        "content": Content(words=asked.words),
    }
    for name, model in methods.items():
        with measure() as took:
            model.fit(asked.split.past, seed=options.seed)
            found = _judge(model, asked)
        row = partial(
            BenchRow, "recommend", data, _PROTOCOL, name, n=found.n, seconds=took.seconds,
            peak_mb=took.peak_mb, seed=options.seed,
        )  # fmt: skip
        for metric in METRICS:
            error = found.errors.get(metric)
            value = found.values[metric]
            ends = (None, None) if error is None else (value - 1.96 * error, value + 1.96 * error)
            rows.append(row(metric=metric, value=value, low=ends[0], high=ends[1]))
    chance = min(10 / int(asked.cold.sum()), 1.0)
    rows.append(
        BenchRow(
            "recommend", data, _PROTOCOL, "chance", "hr@10", chance, n=asked.split.truth.n,
            seed=options.seed,
        )
    )  # fmt: skip
    return rows


def _judge(model: Recommender, asked: Cold) -> Figures:
    """Ranks among the cold items only, ties against us."""
    truth, histories = asked.split.truth, asked.split.histories
    codes = np.cumsum(asked.cold) - 1
    ranks = np.empty(truth.n, dtype=np.int64)
    shown = np.zeros(int(asked.cold.sum()), dtype=np.bool_)
    for start, stop in blocks(histories.n_users, histories.n_items):
        own = slice(*np.searchsorted(truth.users, [start, stop]))
        if own.start == own.stop:
            continue
        rows = truth.users[own] - start
        scores: Floats = model.score(histories.slice_users(start, stop))[rows][:, asked.cold]
        every = np.arange(len(rows))
        ranks[own] = target_ranks(scores, every, codes[truth.items[own]], 20)
        shown[np.argsort(-scores, axis=1)[:, :10][scores.max(axis=1) > 0].ravel()] = True
    return figures_of(ranks, truth.users, float(shown.mean()))
