"""Bench of intent on a table of sessions: whether a session ends in a purchase."""

from __future__ import annotations

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow
from shopkeeper.apps.bench.tables import bench_table, tasks_of

__all__ = ["run"]

OFTEN_DERIVED = r"page.?value|revenue|transaction|order.?(value|amount|total)|conversion"
"""Names of columns that shop software computes from the outcome of the session."""


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure the propensity model on the user's sessions, one a row.

    Columns that may be computed from the outcome, such as the page value, are named on standard
    error, and every figure is printed with and without them.

    Parameters
    ----------
    options
        ``inputs``, ``target``, ``exclude``, ``group``, ``time``, ``protocol``, ``methods``,
        ``seed``. With ``time`` the default protocol is ``temporal``; months may be words.

    Returns
    -------
    list of BenchRow
        ``auc``, ``average_precision``, ``brier``, ``ece`` of each method.
    """
    default = "temporal" if options.time else "kfold"
    rows: list[BenchRow] = []
    for task in tasks_of(options, (), default):
        rows += bench_table("intent", task, options, hint=OFTEN_DERIVED)
    return rows
