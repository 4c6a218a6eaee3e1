"""Customers of now beside those a champion learned from, of the same age with the shop.

In a shop that grows older everything grows: first purchases lie further back, lost customers pile
up. That is no drift. So today's customers are drawn to the ages of those the model learned from,
and those who bought before the history began (and look younger than they are) are left out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from shopkeeper.apps.flows.learn_lives import Bools, Life, Said, purchases_start
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.ports import StoredModel
from shopkeeper.features.library_index import all_features
from shopkeeper.learn.domain import Domain, tell_apart
from shopkeeper.learn.drift import DriftFound, find_drift
from shopkeeper.learn.reference import Reference, load_reference, make_reference
from shopkeeper.learn.words import Names
from shopkeeper.predict.churn.words import COLUMNS
from shopkeeper.predict.history import DAY_US, Floats, Ints
from shopkeeper.predict.split import customer_folds

LEAST_AGE_DAYS = 1.0
"""A model trained less than this ago has nothing to be held against."""
TRUNCATED_DAYS = 30.0
"""Who first bought in the first days of the history may have bought before it began."""
LEAST_MATCHED = 200
"""Customers of the same ages below which nothing is said."""


def column_names() -> Names:
    """Names of columns in Chinese and English, from the feature library and the churn words."""
    named = {x.name: (x.zh, x.en) for x in all_features()}
    return {**named, **{name: (words[0], words[1]) for name, words in COLUMNS.items()}}


def reference_of(runtime: Runtime, life: Life, model: Any, as_of: datetime) -> Reference | None:
    """Count what a model reads, says and is measured by at the moment it is trained.

    Parameters
    ----------
    runtime
        The open shop.
    life
        The task's entry.
    model
        The trained model.
    as_of
        The moment.

    Returns
    -------
    Reference or None
        None where the task has no columns or too few customers.
    """
    said = life.said(runtime, model, to_us(as_of))
    if not said.columns:
        return None
    limit = oldest_days(runtime, to_us(as_of))
    old_enough = _young(said, life, limit)
    try:
        return make_reference(
            {name: values[old_enough] for name, values in said.columns.items()},
            to_us(as_of),
            prediction=said.value[old_enough],
            outcome=_outcome(runtime, life, model, said, to_us(as_of))[old_enough],
        )
    except NotEnoughDataError:
        return None


def oldest_days(runtime: Runtime, as_of_us: int) -> float:
    """Age above which customers may have bought before the history began.

    Parameters
    ----------
    runtime
        The open shop.
    as_of_us
        The moment, microseconds UTC.
    """
    first = purchases_start(runtime)
    return (as_of_us - first) / DAY_US - TRUNCATED_DAYS if first is not None else 0.0


def _young(said: Said, life: Life, limit_days: float) -> Bools:
    age = said.columns.get(life.age)
    return np.ones(len(said.value), dtype=bool) if age is None else age <= limit_days


def _outcome(runtime: Runtime, life: Life, model: Any, said: Said, now_us: int) -> Floats:
    """What happened in the last whole horizon to those known at its start; NaN to the others."""
    cut_us = now_us - round(life.horizon_days(model) * DAY_US)
    truth = life.happened(runtime, said.customers, cut_us, now_us)
    age = said.columns.get(life.age)
    return truth if age is None else np.where(age >= life.horizon_days(model), truth, np.nan)


def find_drift_of(
    runtime: Runtime, champion: StoredModel, life: Life, model: Any, as_of: datetime,
    *, together: bool = True,
) -> DriftFound | None:  # fmt: skip
    """Hold today's customers against those a champion learned from.

    Parameters
    ----------
    runtime
        The open shop.
    champion
        The stored champion.
    life
        The task's entry.
    model
        The same, opened.
    as_of
        The moment.
    together
        Whether to ask a classifier about columns that changed together.

    Returns
    -------
    DriftFound or None
        None where the model has no reference, was trained less than a day ago, or the shop has
        too few customers of the same ages.
    """
    before, now_us = load_reference(champion.folder), to_us(as_of)
    if before is None or now_us - before.as_of_us < LEAST_AGE_DAYS * DAY_US:
        return None
    said = life.said(runtime, model, now_us)
    limit = oldest_days(runtime, before.as_of_us)
    chosen = _matched(said, life, before, limit, runtime.settings.predict.seed)
    if chosen is None:
        return None
    now = before.count(
        {name: values[chosen] for name, values in said.columns.items()},
        now_us,
        prediction=said.value[chosen],
        outcome=_outcome(runtime, life, model, said, now_us)[chosen],
    )
    domain = None
    if together:
        then = life.said(runtime, model, before.as_of_us)
        young = np.flatnonzero(_young(then, life, limit))
        domain = _apart(then, young, said, chosen, runtime.settings.predict.seed)
    settings = runtime.settings.learn
    return find_drift(
        before, now, domain=domain, level=settings.drift_level, least_psi=settings.drift_psi
    )


def _matched(
    said: Said, life: Life, before: Reference, limit_days: float, seed: int
) -> Ints | None:
    """Rows of today with the ages of then; None where there are too few of some age."""
    age = said.columns.get(life.age)
    ages = next((x for x in before.columns if x.name == life.age), None)
    if age is None or ages is None:
        return np.arange(len(said.value))
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(age <= limit_days))
    band = np.searchsorted(np.array(ages.edges), age[drawn], side="left")
    share = np.array(ages.counts) / max(sum(ages.counts), 1.0)
    size = np.bincount(band, minlength=len(share))
    filled = share > 0
    most = float(np.min(size[filled] / share[filled])) if filled.any() else 0.0
    if most < LEAST_MATCHED:
        return None
    wanted = np.floor(most * share).astype(np.int64)
    by = np.argsort(band, kind="stable")
    place = np.empty(len(band), dtype=np.int64)
    place[by] = np.arange(len(band)) - np.repeat(np.cumsum(size) - size, size)
    return np.sort(drawn[place < wanted[band]])


def _apart(before: Said, then: Ints, now: Said, chosen: Ints, seed: int) -> Domain | None:
    """Ask the classifier, each customer on one side only."""
    ids = [before.customers.take(pa.array(then)), now.customers.take(pa.array(chosen))]
    everyone = pa.concat_arrays(ids).dictionary_encode()
    side = customer_folds(everyone.indices.to_numpy().astype(np.int64), 2, seed).astype(bool)
    names = [name for name in before.columns if name in now.columns]

    def rows(said: Said, kept: Ints) -> Floats:
        return np.column_stack([said.columns[name][kept] for name in names])

    try:
        return tell_apart(
            names, rows(before, then[~side[: len(then)]]), rows(now, chosen[side[len(then) :]]),
            seed=seed,
        )  # fmt: skip
    except NotEnoughDataError:
        return None
