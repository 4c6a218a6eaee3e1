"""Bench of propensity: who will respond, on any table with a binary outcome."""

from __future__ import annotations

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow
from shopkeeper.apps.bench.tables import TableTask, bench_table, read_file, tasks_of

__all__ = ["run"]

REFERENCE = (
    ("caravan", "caravan_oj_islp/Caravan.csv", "Purchase"),
    ("telco churn", "telco_churn/Telco-Customer-Churn.csv", "Churn"),
    ("ifood campaign", "ifood_marketing_campaign/marketing_campaign.csv", "Response"),
)


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure the propensity model beside baselines on the reference tables or the user's.

    Parameters
    ----------
    options
        ``inputs``, ``target``, ``exclude``, ``group``, ``protocol``, ``time``, ``methods``,
        ``seed``.

    Returns
    -------
    list of BenchRow
        ``auc``, ``average_precision``, ``brier``, ``ece`` of each method.
    """
    reference = []
    if not options.inputs:
        reference = [
            TableTask(name, read_file(options.data_folder / path), target)
            for name, path, target in REFERENCE
            if (options.data_folder / path).exists()
        ]
    rows: list[BenchRow] = []
    for task in tasks_of(options, reference):
        rows += bench_table("response", task, options)
    return rows
