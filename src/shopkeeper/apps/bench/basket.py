"""Bench of association rules: how many item sets and rules, and the rules themselves."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.apps.bench.sequences import read_baskets
from shopkeeper.predict.recommend.basket import frequent_sets, rules
from shopkeeper.predict.recommend.interactions import Interactions

__all__ = ["CONFIDENCE", "SUPPORT", "run"]

SUPPORT = 0.01
CONFIDENCE = 0.5
_SHOWN = 50


def run(options: BenchOptions) -> list[BenchRow]:
    """Count item sets and rules on the groceries baskets or on the user's file.

    Parameters
    ----------
    options
        ``inputs``: one basket a line, or a table basket, item. ``support``: smallest share of
        baskets; 0.01 when left out. Rules need a confidence of 0.5.

    Returns
    -------
    list of BenchRow
        First the counts (baskets, items, item sets by size, rules) of method ``apriori``, then
        support, confidence, lift and count of the 50 rules with the largest lift; their method
        is ``left, left => right``.
    """
    if options.inputs:
        inputs = [(path.stem, path) for path in options.inputs]
    else:
        folder = options.data_folder / "groceries_arules"
        inputs = [("groceries", folder / "groceries.csv")]
    return [row for name, path in inputs for row in _one(name, path, options)]


def _one(name: str, path: Path, options: BenchOptions) -> list[BenchRow]:
    baskets: Interactions = read_baskets(path, options)
    support = SUPPORT if options.support is None else options.support
    with measure() as took:
        sets = frequent_sets(baskets, support)
        found = rules(sets, CONFIDENCE)
    figure = partial(
        BenchRow,
        "basket",
        name,
        f"support ≥ {support:g}, confidence ≥ {CONFIDENCE:g}, one item on the right",
        n=baskets.n_users,
        seconds=took.seconds,
        peak_mb=took.peak_mb,
        seed=options.seed,
    )
    counts = {"baskets": baskets.n_users, "items": baskets.n_items, "itemsets": sets.total}
    counts |= {f"itemsets_{size + 1}": len(rows) for size, rows in enumerate(sets.by_size)}
    counts |= {"rules": found.num_rows}
    rows = [figure("apriori", metric, value) for metric, value in counts.items()]
    for rule in found.slice(0, _SHOWN).to_pylist():
        method = f"{', '.join(rule['left'])} => {rule['right']}"
        rows += [figure(method, m, rule[m]) for m in ("support", "confidence", "lift", "count")]
    return rows
