"""What a bench reports: one row a figure, how it is timed, how it is printed."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.table import Table

__all__ = ["BenchOptions", "BenchRow", "Measured", "measure", "print_json", "print_table"]


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One figure of one method on one data set.

    Parameters
    ----------
    capability
        The word of the command: ``churn``, ``recommend``, ...
    data
        Name of the data set or of the user's file.
    protocol
        How the figure was taken (split, ranking, horizon), in words.
    method
        The model, baseline or peer the figure belongs to.
    metric
        Name of the figure; lower case, as in docs/benchmarks.md.
    value
        The figure. Not finite means it does not exist here and is printed as null.
    low, high
        Ends of the interval where one was computed, else None.
    n
        How many units (customers, sessions, baskets) the figure rests on.
    seconds
        Wall time of the method: fit and score.
    peak_mb
        Highest resident memory of the process meanwhile, in MiB; None where the system
        cannot tell.
    seed
        The seed everything random came from.
    """

    capability: str
    data: str
    protocol: str
    method: str
    metric: str
    value: float | int | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    seconds: float | None = None
    peak_mb: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What was asked on the command line; a capability reads the fields it knows.

    Parameters
    ----------
    inputs
        The user's own files; empty means the reference data.
    data_folder
        Folder of the reference data.
    methods
        Only these methods; empty means all of them.
    seed
        Decides everything random.
    customer, time, amount, item
        Column names of a user's CSV or Parquet file; None means guess by common names.
    cutoff
        Day at which the past ends and the truth begins.
    horizon_days
        Length of the truth window, in days.
    unit
        ``day`` or ``week``: the time unit of a value model.
    protocol
        Name of the evaluation protocol; None means the capability's first.
    test
        A separate file with the test rows.
    support
        Smallest share of baskets an item set must reach.
    customers, events
        Size of generated data.
    kills
        How many processes a durability run kills.
    log
        Event log of a durability run: ``sqlite`` or ``kafka``.
    target, group, exclude
        Outcome column of a table, column whose rows stay on one side of a split, and columns a
        model must not read.
    treatment, control, treated, outcome, cost
        Column of an experiment's arm, its two values, the outcome column, and the cost of treating
        one unit in units of the outcome.
    series, value, steps
        Columns that name a series, its value column, and how many time steps are forecast
        (``--horizon`` of ``forecast``).
    text, label
        Columns of a text and its label.
    peers
        Whether libraries installed by ``make peers`` are run beside ours.
    """

    inputs: tuple[Path, ...] = ()
    data_folder: Path = field(default_factory=lambda: Path("../shared/data"))
    methods: tuple[str, ...] = ()
    seed: int = 7
    customer: str | None = None
    time: str | None = None
    amount: str | None = None
    item: str | None = None
    cutoff: date | None = None
    horizon_days: int | None = None
    unit: str | None = None
    protocol: str | None = None
    test: Path | None = None
    support: float | None = None
    customers: int | None = None
    events: int | None = None
    kills: int | None = None
    log: str | None = None
    target: str | None = None
    group: str | None = None
    exclude: tuple[str, ...] = ()
    treatment: str | None = None
    control: str | None = None
    treated: str | None = None
    outcome: str | None = None
    cost: float | None = None
    series: tuple[str, ...] = ()
    value: str | None = None
    steps: int | None = None
    text: str | None = None
    label: str | None = None
    peers: bool = True


@dataclass(slots=True)
class Measured:
    """Filled when the ``measure`` block ends: wall seconds and peak memory (MiB)."""

    seconds: float = 0.0
    peak_mb: float | None = None


@contextmanager
def measure() -> Iterator[Measured]:
    """Time a block and watch the highest resident memory of the process in it.

    On Linux the kernel's high-water mark is reset at the start, so that each block has its
    own peak; elsewhere the mark of the whole process so far is reported.

    Yields
    ------
    Measured
        Its fields are set when the block ends, also by an exception.

    Examples
    --------
    >>> with measure() as took:
    ...     total = sum(range(10))
    >>> took.seconds >= 0
    True
    """
    took = Measured()
    _reset_peak()
    start = time.perf_counter()
    try:
        yield took
    finally:
        took.seconds = time.perf_counter() - start
        took.peak_mb = _peak_mb()


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        # Not Linux, or not permitted: the mark then covers the whole process.
        return


def _peak_mb() -> float | None:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def print_json(rows: Sequence[BenchRow], stream: IO[str]) -> None:
    """Write one JSON array with one object a figure, keys in the order of `BenchRow`.

    Parameters
    ----------
    rows
        The figures, printed in the given order.
    stream
        Where to write; one line, UTF-8 text, ends with a newline.
    """
    stream.write(json.dumps([_as_json(row) for row in rows], ensure_ascii=False, allow_nan=False))
    stream.write("\n")


def _as_json(row: BenchRow) -> dict[str, object]:
    plain: dict[str, object] = {}
    for name, value in asdict(row).items():
        # numpy numbers know item(); JSON has no NaN and no infinity.
        scalar = value.item() if hasattr(value, "item") else value
        if isinstance(scalar, float):
            scalar = _json_float(scalar, digits=3 if name in ("seconds", "peak_mb") else None)
        plain[name] = scalar
    return plain


def _json_float(value: float, digits: int | None) -> float | None:
    if not math.isfinite(value):
        return None
    return value if digits is None else round(value, digits)


def print_table(rows: Sequence[BenchRow], stream: IO[str]) -> None:
    """Print the figures as one table for each data set and protocol: methods × metrics.

    Parameters
    ----------
    rows
        The figures; order of first appearance decides the order of lines and columns.
    stream
        Where to print.
    """
    console = Console(file=stream, soft_wrap=False)
    groups: dict[tuple[str, str, str], list[BenchRow]] = {}
    for row in rows:
        groups.setdefault((row.capability, row.data, row.protocol), []).append(row)
    for (capability, data, protocol), members in groups.items():
        for table in _alike(members):
            console.print(_table(f"{capability} · {data} · {protocol}", table))


def _alike(rows: Sequence[BenchRow]) -> list[list[BenchRow]]:
    """Part rows so that methods without a common metric do not share a table."""
    metrics: dict[str, set[str]] = {}
    for row in rows:
        metrics.setdefault(row.method, set()).add(row.metric)
    tables: list[tuple[set[str], list[BenchRow]]] = []
    place: dict[str, int] = {}
    for row in rows:
        if row.method not in place:
            fits = (n for n, (known, _) in enumerate(tables) if known & metrics[row.method])
            place[row.method] = next(fits, len(tables))
            if place[row.method] == len(tables):
                tables.append((set(), []))
            tables[place[row.method]][0].update(metrics[row.method])
        tables[place[row.method]][1].append(row)
    return [members for _, members in tables]


def _table(title: str, rows: Sequence[BenchRow]) -> Table:
    """Methods and their figures; whichever is fewer runs across."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    grid: dict[str, dict[str, str]] = {}
    for method in dict.fromkeys(row.method for row in rows):
        own = {row.metric: row for row in rows if row.method == method}
        sizes = sorted({row.n for row in own.values()})
        last = list(own.values())[-1]
        grid[method] = {metric: _cell(own.get(metric)) for metric in metrics} | {
            "n": "…".join(f"{size:,}" for size in dict.fromkeys((sizes[0], sizes[-1]))),
            "seconds": "" if last.seconds is None else f"{last.seconds:.2f}",
            "peak MB": "" if last.peak_mb is None else f"{last.peak_mb:,.0f}",
        }
    figures = [*metrics, "n", "seconds", "peak MB"]
    table = Table(title=title, title_justify="left", caption=f"seed {rows[0].seed}")
    if len(figures) > len(grid):
        table.add_column("")
        for method in grid:
            table.add_column(method, justify="right", overflow="fold")
        for figure in figures:
            table.add_row(figure, *(cells[figure] for cells in grid.values()))
        return table
    table.add_column("method", overflow="fold", min_width=12)
    for figure in figures:
        table.add_column(figure, justify="right", overflow="fold")
    for method, cells in grid.items():
        table.add_row(method, *cells.values())
    return table


def _cell(row: BenchRow | None) -> str:
    if row is None or row.value is None:
        return ""
    text = _short(float(row.value))
    if row.low is not None and row.high is not None:
        text += f"\n[{_short(row.low)}, {_short(row.high)}]"
    return text


def _short(value: float) -> str:
    """As many digits as tell methods apart."""
    if value.is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:,.4f}"
