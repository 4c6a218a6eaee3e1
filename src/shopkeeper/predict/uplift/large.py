"""Trials too large for a table in memory: read in chunks, kept as one byte a value.

All rows are binned and kept (rows × columns bytes) for the honest forest; learners with trees and
lines take all rows with an outcome and a part of the others, weighted back. Held-out chunks are
scored and counted into a curve; nothing of them is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from shopkeeper.predict.history import Bools, Floats
from shopkeeper.predict.memory import require_memory
from shopkeeper.predict.uplift.bins import Binner, Codes
from shopkeeper.predict.uplift.curve import CurveSketch
from shopkeeper.predict.uplift.effects import Mixture
from shopkeeper.predict.uplift.forest import Forest, ForestSettings, grow_forest
from shopkeeper.predict.uplift.model import LIMIT_MB, MOST_LEARNED, UpliftModel, training_bytes
from shopkeeper.predict.uplift.trial import Matrix, Trial, row_hash

HELD_OUT = 5
"""One row in so many is held out for the curve, by its hash."""
FOREST = ForestSettings(trees=24, depth=7, sample=1.0, most_rows=1_000_000, least_rows=200)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a large trial.

    Parameters
    ----------
    matrix : Matrix
        Features.
    treated : Bools
        Arms.
    outcome : Floats
        Outcomes.
    """

    matrix: Matrix
    treated: Bools
    outcome: Floats


@dataclass(frozen=True, slots=True)
class LargeModel:
    """What was learned from chunks.

    Parameters
    ----------
    model : UpliftModel
        All learners, fitted on the kept sample.
    forest : Forest
        Grown over all rows.
    effect : Mixture
        Both, equally weighted.
    rows : int
        Rows learned from.
    """

    model: UpliftModel
    forest: Forest
    effect: Mixture
    rows: int


def held_out(chunk: Chunk) -> Bools:
    """Rows that are not learned from, by their hash: the same whenever a chunk is read.

    Parameters
    ----------
    chunk : Chunk
        Rows.

    Returns
    -------
    Bools
        True for one row in `HELD_OUT`.
    """
    return np.asarray(row_hash(chunk.matrix, chunk.treated, chunk.outcome) % HELD_OUT == 0)


def fit_chunks(
    chunks: Iterable[Chunk], columns: tuple[str, ...], rows: int, *, seed: int,
    most: int = MOST_LEARNED, forest: ForestSettings = FOREST,
) -> LargeModel:  # fmt: skip
    """Learn from chunks; rows held out by hash are passed over.

    Parameters
    ----------
    chunks : Iterable[Chunk]
        The trial, read once.
    columns : tuple[str, ...]
        Names of the features.
    rows : int
        Rows expected at most, for the estimate of memory.
    seed : int
        Decides everything random.
    most : int
        Rows kept for the learners.
    forest : ForestSettings
        How the forest over all rows grows.

    Returns
    -------
    LargeModel
        The mixture and its parts.

    Raises
    ------
    TooLargeError
        When the estimate is above 8 GiB.
    NotEnoughDataError
        When an arm is missing or too small, or nothing varies.
    """
    need = rows * (len(columns) + 10) + 2 * training_bytes(min(rows, most), len(columns))
    require_memory(
        "training uplift", need, LIMIT_MB, "take a sample of the customers, or fewer columns",
        size=rows,
    )  # fmt: skip
    random = np.random.default_rng([seed, 5])
    binner: Binner | None = None
    codes: list[Codes] = []
    arms: list[Bools] = []
    outcomes: list[Floats] = []
    sample: list[tuple[Matrix, Bools, Floats, Floats]] = []
    keep = min(1.0, most / max(rows * (1 - 1 / HELD_OUT), 1))
    for chunk in chunks:
        mine = ~held_out(chunk)
        binner = binner or Binner.of(chunk.matrix)
        codes.append(binner.codes(chunk.matrix[mine]))
        arms.append(chunk.treated[mine])
        y = chunk.outcome[mine].astype(np.float32)
        outcomes.append(y)  # type: ignore[arg-type]
        # Rows with an outcome say most about rare ones: kept three times as often.
        rare = float((y != 0).mean()) < 0.1
        chance = np.where(y != 0, min(1.0, 3 * keep), keep * (0.8 if rare else 1.0))
        taken = random.random(len(y)) < chance
        places = np.flatnonzero(mine)[taken]
        sample.append((
            chunk.matrix[places], chunk.treated[places], chunk.outcome[places], 1.0 / chance[taken]
        ))  # fmt: skip
    parts = [np.concatenate(part) for part in zip(*sample, strict=True)]
    del sample
    trial = Trial(columns, parts[0], parts[1].astype(bool), parts[2], None, parts[3])
    model = UpliftModel(ForestSettings(trees=20), folds=3).fit(trial, seed=seed)
    assert binner is not None
    whole, arm, y = np.concatenate(codes), np.concatenate(arms), np.concatenate(outcomes)
    codes.clear()
    # Outcomes less their mean by arm: centring by a model would need all features again.
    grown, _ = grow_forest(
        whole, binner, arm, y.astype(np.float32), np.ones(len(y), dtype=np.float32), forest, seed
    )
    effect = Mixture((0.5, 0.5), (model.learned.effect, grown))
    return LargeModel(model, grown, effect, len(y))


def curve_of_chunks(
    model: LargeModel, chunks: Iterable[Chunk], *, seed: int, bins: int = 1_000
) -> CurveSketch:
    """Curve over the rows that were held out.

    Parameters
    ----------
    model : LargeModel
        Fitted.
    chunks : Iterable[Chunk]
        The trial, read again.
    seed : int
        Decides the blocks of the bootstrap.
    bins : int
        Bins of scores.

    Returns
    -------
    CurveSketch
        Sums of all held-out rows.
    """
    random = np.random.default_rng([seed, 6])
    sketch: CurveSketch | None = None
    for chunk in chunks:
        rows = held_out(chunk)
        score = model.effect.predict(chunk.matrix[rows])
        sketch = sketch or CurveSketch.of_sample(score, bins)
        block = random.integers(0, len(sketch.sums), int(rows.sum())).astype(np.float64)
        sketch.add(score, chunk.treated[rows], chunk.outcome[rows], block)
    assert sketch is not None
    return sketch
