"""Any table with a binary outcome as a bench: read, split honestly, every method on the same rows."""

from __future__ import annotations

import gzip
import io
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, Measured, measure
from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.leakage.inspect import inspect
from shopkeeper.predict.propensity.model import PropensityModel
from shopkeeper.predict.propensity.parse import as_day, as_number, as_outcome, day_format
from shopkeeper.predict.propensity.report import figures_of
from shopkeeper.predict.propensity.rows import TrainingRows, check_rows, folds_of
from shopkeeper.predict.propensity.table import Sheet, plan_layout

__all__ = ["METHODS", "TableTask", "bench_table", "read_file"]

FOLDS = 5
TEST_SHARE = 0.2
"""Least share of the rows in the latest part, whole time units each."""
MONTHS = {m: i for i, m in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TableTask:
    """A table and what is predicted of it.

    Parameters
    ----------
    data
        Name printed.
    table
        All columns.
    target
        Outcome column.
    group
        Column whose rows stay on one side; None: equal rows do.
    exclude
        Columns that are not learned from.
    protocol
        ``kfold`` or ``temporal``.
    time
        Column that orders the rows; needed by ``temporal``.
    """

    data: str
    table: pa.Table
    target: str
    group: str | None = None
    exclude: tuple[str, ...] = ()
    protocol: str = "kfold"
    time: str | None = None


def read_file(path: Path) -> pa.Table:
    """Read a CSV (comma, semicolon, tab or bar; also gzipped) or Parquet file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    pa.Table
        Columns as they are; an unnamed first column of row numbers is left out.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    try:
        if path.suffix in (".parquet", ".pq"):
            return pq.read_table(path)
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        head = raw[:20_000].split(b"\n", 1)[0].decode("utf-8", "replace")
        mark = max(",;\t|", key=head.count)
        table = pacsv.read_csv(
            io.BytesIO(raw),
            parse_options=pacsv.ParseOptions(delimiter=mark, newlines_in_values=True),
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"{path} cannot be read: {str(error).splitlines()[0]}",
            next_step="give a CSV or Parquet file with a header",
            path=str(path),
        ) from error
    first = table.column_names[0]
    return table.drop_columns([first]) if first.strip() in ("", "rownames") else table


def bench_table(
    capability: str, task: TableTask, options: BenchOptions, *, hint: str = ""
) -> list[BenchRow]:
    """Every method on the same test rows; columns that may leak are told, and taken away too.

    Parameters
    ----------
    capability
        The word of the command.
    task
        Table and split.
    options
        ``methods`` and ``seed``.
    hint
        Pattern of names of columns that are often computed from the outcome.

    Returns
    -------
    list of BenchRow
        ``auc``, ``average_precision``, ``brier`` and ``ece`` with 95 % intervals; once more
        without the columns that may leak, where there are any.
    """
    rows = _variant(capability, task, options, "")
    doubtful = doubtful_columns(task, options.seed, hint)
    if doubtful:
        sys.stderr.write(
            f"shopkeeper bench: {task.data}: {', '.join(doubtful)} may be known only after the "
            "outcome; figures follow with and without\n"
        )
        less = TableTask(
            task.data, task.table, task.target, task.group, (*task.exclude, *doubtful),
            task.protocol, task.time,
        )  # fmt: skip
        rows += _variant(capability, less, options, f"without {', '.join(doubtful)}")
    return rows


def doubtful_columns(task: TableTask, seed: int, hint: str = "") -> list[str]:
    """Columns that the leakage harness, or their name, calls into question.

    Parameters
    ----------
    task
        Table and target.
    seed
        Of the inspection's samples.
    hint
        Pattern of names.
    """
    data, _ = _rows(task)
    names = data.sheet.layout.names
    report = inspect(names, data.sheet.matrix(), data.outcome, seed=seed)
    found = [x.column for x in report.findings if x.column]
    named = [x for x in names if hint and re.search(hint, x, re.IGNORECASE)]
    return list(dict.fromkeys([*found, *named]))


def _rows(task: TableTask) -> tuple[TrainingRows, Ints | None]:
    """Rows as the learners take them, and the order of time."""
    table = task.table
    for name in (task.target, task.group, task.time):
        if name is not None and name not in table.column_names:
            raise InputError(
                f"there is no column {name!r} in {task.data}",
                next_step=f"columns are: {', '.join(table.column_names)}",
                column=name,
            )
    outcome, _ = as_outcome(table.column(task.target), task.target)
    temporal = task.protocol == "temporal"
    out = [task.target, *task.exclude, *([task.group] if task.group else [])]
    out += [task.time] if temporal and task.time else []
    layout = plan_layout(table, exclude=tuple(dict.fromkeys(out)))
    group = None
    if task.group:
        group = np.asarray(table.column(task.group).cast(pa.string()).to_pylist(), dtype=str)
    when = time_order(table.column(task.time), task.time) if temporal and task.time else None
    return TrainingRows(layout.read(table), outcome, group), when


def time_order(given: pa.ChunkedArray, name: str) -> Ints:
    """A time column as whole units that can be ordered.

    Parameters
    ----------
    given
        Dates, numbers, or names of months.
    name
        For errors.

    Returns
    -------
    Ints
        Units in order; months without a year are taken to be of one year.

    Raises
    ------
    InputError
        When it is none of these.
    """
    if pa.types.is_temporal(given.type):
        return as_day(given, "").astype(np.int64)
    number = as_number(given)
    if np.isfinite(number).all():
        return np.unique(number, return_inverse=True)[1].astype(np.int64)
    text = given.cast(pa.string())
    words = [(x or "").strip().lower()[:3] for x in text.to_pylist()]
    if set(words) <= set(MONTHS):
        return np.array([MONTHS[x] for x in words], dtype=np.int64)
    written = day_format(text)
    if not written:
        raise InputError(
            f"column {name!r} cannot be ordered in time",
            next_step="give dates, numbers or names of months",
            column=name,
        )
    moment = as_day(text, written)
    if not np.isfinite(moment).all():
        row = int(np.argmin(np.isfinite(moment)))
        raise InputError(
            f"row {row + 1} has no moment in column {name!r}",
            next_step="leave rows without a moment out",
            row=row + 1,
        )
    return moment.astype(np.int64)


def _splits(
    task: TableTask, data: TrainingRows, when: Ints | None, seed: int
) -> tuple[list[Bools], str]:
    """Test masks and the protocol in words."""
    if task.protocol == "temporal":
        if when is None:
            raise InputError(
                "the temporal protocol needs a column of time", next_step="name it with --time"
            )
        units, count = np.unique(when, return_counts=True)
        later = np.cumsum(count[::-1])[::-1] / len(when)
        start = units[np.flatnonzero(later >= TEST_SHARE)[-1]]
        if start == units[0]:
            raise NotEnoughDataError(
                f"column {task.time!r} has one unit of time: nothing lies before the test",
                next_step="use --protocol kfold",
            )
        test = when >= start
        return [test], f"temporal: test on the latest {test.mean():.0%} of the rows by {task.time}"
    if task.protocol != "kfold":
        raise InputError(
            f"protocol {task.protocol!r} is not known for a table",
            next_step="choose kfold or temporal",
        )
    fold = folds_of(data, FOLDS, seed)
    side = f"rows of one {task.group}" if task.group else "equal rows"
    return [fold == x for x in range(FOLDS) if (fold == x).any()], (
        f"{FOLDS} folds, {side} on one side, scores of all folds together"
    )


def _variant(capability: str, task: TableTask, options: BenchOptions, told: str) -> list[BenchRow]:
    data, when = _rows(task)
    check_rows(data)
    tests, protocol = _splits(task, data, when, options.seed)
    if told:
        protocol = f"{protocol}; {told}"
    seen = np.zeros(len(data.outcome), dtype=np.bool_)
    said = {name: np.zeros(len(seen)) for name in METHODS}
    took = {name: Measured() for name in METHODS}
    wanted = [x for x in METHODS if not options.methods or x in options.methods]
    for test in tests:
        seen |= test
        known, asked = data.take(~test), data.sheet.take(test)
        for name in wanted:
            with measure() as spent:
                said[name][test] = METHODS[name](known, asked, options.seed)
            took[name].seconds += spent.seconds
            peaks = [x for x in (took[name].peak_mb, spent.peak_mb) if x is not None]
            took[name].peak_mb = max(peaks, default=None)
    # one rate for all folds: rates of folds would rank against the outcome
    said["base rate"][seen] = said["base rate"][seen].mean()
    outcome = data.outcome[seen]
    figures = figures_of(outcome, {x: said[x][seen] for x in wanted}, seed=options.seed, draws=200)
    return [
        BenchRow(
            capability, task.data, protocol, x.method, x.metric, x.value, x.low, x.high, x.n,
            took[x.method].seconds, took[x.method].peak_mb, options.seed,
        )
        for x in figures
    ]  # fmt: skip


def _ours(known: TrainingRows, asked: Sheet, seed: int) -> Floats:
    return PropensityModel().fit(known, seed=seed).predict(asked)


def _base(known: TrainingRows, asked: Sheet, seed: int) -> Floats:  # noqa: ARG001
    return np.full(len(asked), float(known.outcome.mean()))


def _single(known: TrainingRows, asked: Sheet, seed: int) -> Floats:
    from shopkeeper.predict.propensity.learners import best_column

    return best_column(known.sheet, known.outcome, folds_of(known, FOLDS, seed)).score(asked)


def _logistic(known: TrainingRows, asked: Sheet, seed: int) -> Floats:  # noqa: ARG001
    """What everybody writes first: median for missing, one-hot words, scikit-learn's defaults."""
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    model = make_pipeline(fill, StandardScaler(), LogisticRegression(max_iter=2_000))
    model.fit(_one_hot(known.sheet), known.outcome)
    said: Floats = model.predict_proba(_one_hot(asked))[:, 1]
    return said


def _one_hot(sheet: Sheet) -> Floats:
    parts = [sheet.values]
    for at, column in enumerate(sheet.layout.columns[sheet.layout.numbers :]):
        marks = sheet.codes[:, at][:, None] == np.arange(len(column.levels))[None, :]
        parts.append(marks.astype(np.float64))
    return np.hstack(parts)


def _lightgbm(known: TrainingRows, asked: Sheet, seed: int) -> Floats:
    """LightGBM with its own defaults, words as its categories."""
    words = list(range(known.sheet.layout.numbers, len(known.sheet.layout.columns)))
    data = lgb.Dataset(
        known.sheet.matrix(), known.outcome.astype(np.float64), categorical_feature=words or "auto"
    )
    options = {"objective": "binary", "seed": seed, "num_threads": 1, "verbose": -1}
    said: Any = lgb.train(options, data, 100).predict(asked.matrix())
    return np.asarray(said, dtype=np.float64)


METHODS: dict[str, Callable[[TrainingRows, Sheet, int], Floats]] = {
    "shopkeeper": _ours,
    "base rate": _base,
    "best single column": _single,
    "logistic": _logistic,
    "lightgbm default": _lightgbm,
}
"""Each learns from known rows and answers for others."""


def tasks_of(
    options: BenchOptions, reference: Sequence[TableTask], default_protocol: str = "kfold"
) -> list[TableTask]:
    """The user's tables, or the reference ones.

    Parameters
    ----------
    options
        ``inputs``, ``target``, ``group``, ``exclude``, ``protocol``, ``time``.
    reference
        Used where no input is given.
    default_protocol
        Where none is named.

    Raises
    ------
    InputError
        When an input is given without ``--target``.
    """
    if not options.inputs:
        return list(reference)
    if options.target is None:
        raise InputError(
            "which column is the outcome?", next_step="name it with --target", option="--target"
        )
    protocol = options.protocol or default_protocol
    return [
        TableTask(
            path.name, read_file(path), options.target, options.group, options.exclude, protocol,
            options.time,
        )
        for path in options.inputs
    ]  # fmt: skip
