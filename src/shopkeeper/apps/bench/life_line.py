"""A small model with a whole life: a logistic line on rhythm and basket, saved as JSON.

The bench of model life and its tests need many nights; this task ("again": comes again within the
horizon) trains in milliseconds and joins `LIVES` as any other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from shopkeeper.apps.bench.life_world import HORIZON_DAYS
from shopkeeper.apps.flows.learn_lives import LIVES, Life, Said, net_days, purchases_between
from shopkeeper.apps.flows.learn_train import Trained, lived
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError, SourceError
from shopkeeper.core.ports import StoredModel
from shopkeeper.predict.calibrate import auc, calibration_error
from shopkeeper.predict.churn.features import bought_within
from shopkeeper.predict.history import DAY_US, Floats, read_history

TASK = "again"
COLUMNS = ("age_days", "days_since_last", "purchases", "amount_mean", "pace")


@dataclass(frozen=True)
class Line:
    """A logistic line.

    Parameters
    ----------
    centre, spread, weight : tuple[float, ...]
        Of each column.
    level : float
        Log-odds at the centre.
    """

    centre: tuple[float, ...]
    spread: tuple[float, ...]
    weight: tuple[float, ...]
    level: float

    def said(self, matrix: Floats) -> Floats:
        """Chance of coming again.

        Parameters
        ----------
        matrix : Floats
            Values, shape (customers, columns).
        """
        scaled = (_shaped(matrix) - np.array(self.centre)) / np.array(self.spread)
        return np.asarray(expit(self.level + scaled @ np.array(self.weight)))

    def save(self, folder: Path) -> None:
        """Write `line.json`.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "line.json").write_text(json.dumps(self.__dict__))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path
            Folder given to `save`.

        Raises
        ------
        SourceError
            When the folder holds no line.
        """
        try:
            stored = json.loads((folder / "line.json").read_text())
            centre, spread, weight = (tuple(stored[k]) for k in ("centre", "spread", "weight"))
            return cls(centre, spread, weight, float(stored["level"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"{folder} holds no line that can be read ({type(error).__name__})",
                next_step="train the task again",
                path=str(folder),
            ) from error

    def spoiled(self, noise: float, seed: int) -> Line:
        """The same line with weights disturbed.

        Parameters
        ----------
        noise : float
            Standard deviation of what is added to the weights.
        seed : int
            Decides it.
        """
        added = np.random.default_rng(seed).normal(0.0, noise, len(self.weight))
        return replace(self, weight=tuple((np.array(self.weight) + added).tolist()))


def _shaped(matrix: Floats) -> Floats:
    return np.log1p(np.maximum(matrix, 0.0))


def columns_at(runtime: Runtime, as_of_us: int) -> Said:
    """What the line reads of everybody who bought before a moment.

    Parameters
    ----------
    runtime : Runtime
        The open shop.
    as_of_us : int
        The moment, microseconds UTC.
    """
    orders = read_history(purchases_between(runtime, None, as_of_us))
    if len(orders) == 0:
        raise NotEnoughDataError("no orders before the moment", next_step="choose a later one")
    start = np.flatnonzero(np.append(True, np.diff(orders.code) != 0))
    count = np.diff(np.append(start, len(orders.code))).astype(np.float64)
    age = (as_of_us - orders.ts_us[start]) / DAY_US
    since = (as_of_us - orders.ts_us[np.append(start[1:], len(orders.code)) - 1]) / DAY_US
    mean = np.add.reduceat(orders.amount_minor.astype(np.float64), start) / count
    values = (age, since, count, mean, count / np.maximum(age, 1.0) * 30.0)
    return Said(orders.customers, np.zeros(len(count)), dict(zip(COLUMNS, values, strict=True)))


def _said(runtime: Runtime, model: Line, as_of_us: int) -> Said:
    known = columns_at(runtime, as_of_us)
    matrix = np.column_stack([known.columns[name] for name in COLUMNS])
    return replace(known, value=model.said(matrix))


def _happened(runtime: Runtime, customers: pa.Array, from_us: int, end_us: int) -> Floats:
    days, _ = net_days(purchases_between(runtime, from_us, end_us), customers)
    return np.asarray(days > 0, dtype=np.float64)


def fit_line(runtime: Runtime, _task: str, as_of_us: int) -> Line:
    """Learn from the last two horizons whose truth is known at a moment.

    Parameters
    ----------
    runtime : Runtime
        The open shop.
    _task : str
        Not read: there is one.
    as_of_us : int
        The moment, microseconds UTC.
    """
    horizon = HORIZON_DAYS * DAY_US
    orders = read_history(purchases_between(runtime, None, as_of_us))
    parts, truths = [], []
    for back in (horizon, 2 * horizon):
        cut = as_of_us - back
        known = columns_at(runtime, cut)
        parts.append(np.column_stack([known.columns[name] for name in COLUMNS]))
        place = {one: at for at, one in enumerate(orders.customers.to_pylist())}
        code = np.array([place[one] for one in known.customers.to_pylist()], dtype=np.int64)
        count, _ = bought_within(orders, code, cut, float(HORIZON_DAYS))
        truths.append(count > 0)
    matrix, truth = _shaped(np.vstack(parts)), np.concatenate(truths)
    centre, spread = matrix.mean(axis=0), np.maximum(matrix.std(axis=0), 1e-9)
    line = LogisticRegression(C=10.0).fit((matrix - centre) / spread, truth)
    return Line(
        tuple(centre.tolist()), tuple(spread.tolist()), tuple(line.coef_[0].tolist()),
        float(line.intercept_[0]),
    )  # fmt: skip


def again_life() -> Life:
    """The entry of the task."""
    return Life("auc", Line.load, fit_line, _said, _happened, lambda _: float(HORIZON_DAYS))


def train_again(runtime: Runtime, as_of: datetime, *, spoil: float = 0.0) -> Trained[Line]:
    """Train with everything known, with the figures of a rehearsal on the card.

    Parameters
    ----------
    runtime : Runtime
        The open shop.
    as_of : datetime
        The moment.
    spoil : float
        Noise added to the weights of the kept model: a planted fault.
    """
    now_us = to_us(as_of)
    cut = now_us - HORIZON_DAYS * DAY_US
    rehearsed = _said(runtime, fit_line(runtime, TASK, cut), cut)
    truth = _happened(runtime, rehearsed.customers, cut, now_us).astype(bool)
    model = fit_line(runtime, TASK, now_us)
    figures = [
        {"method": "line", "metric": "auc", "value": auc(truth, rehearsed.value), "slice": ""},
        {"method": "line", "metric": "ece", "value": calibration_error(truth, rehearsed.value),
         "slice": ""},
    ]  # fmt: skip
    card = {"name": "again:line", "as_of_us": now_us, "figures": figures, "n": len(truth)}
    return Trained("again:line", model.spoiled(spoil, 3) if spoil else model, card)


def predict_again(runtime: Runtime, as_of: datetime) -> StoredModel:
    """Train where that is due, settle, and give the champion.

    Parameters
    ----------
    runtime : Runtime
        The open shop.
    as_of : datetime
        The moment.
    """
    return lived(runtime, TASK, as_of, lambda: train_again(runtime, as_of), Line.load)[0]


def join() -> None:
    """Let the task take part in model life."""
    LIVES[TASK] = again_life()
