"""Which capability is benched by which module; each is imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow
from shopkeeper.core.errors import InputError, NotFoundError

__all__ = ["ALL", "CAPABILITIES", "REFERENCE", "BenchFunction", "bench_function", "run_bench"]

BenchFunction = Callable[[BenchOptions], list[BenchRow]]

#: Capability → module with a function ``run(options) -> list[BenchRow]``.
CAPABILITIES: dict[str, str] = {
    "churn": "shopkeeper.apps.bench.churn",
    "value": "shopkeeper.apps.bench.value",
    "recommend": "shopkeeper.apps.bench.recommend",
    "intent": "shopkeeper.apps.bench.intent",
    "uplift": "shopkeeper.apps.bench.uplift",
    "response": "shopkeeper.apps.bench.response",
    "segment": "shopkeeper.apps.bench.segment",
    "basket": "shopkeeper.apps.bench.basket",
    "forecast": "shopkeeper.apps.bench.forecast",
    "text": "shopkeeper.apps.bench.text",
    "lookalike": "shopkeeper.apps.bench.lookalike",
    "features": "shopkeeper.apps.bench.features",
    "plan": "shopkeeper.apps.bench.plan",
    "store": "shopkeeper.apps.bench.store",
    "online": "shopkeeper.apps.bench.online",
    "connectors": "shopkeeper.apps.bench.connectors",
    "bots": "shopkeeper.apps.bench.bots",
    "fuzz": "shopkeeper.apps.bench.fuzz",
    "decide": "shopkeeper.apps.bench.decide",
    "ingest": "shopkeeper.apps.bench.ingest",
    "sdk": "shopkeeper.apps.bench.sdk",
    "durability": "shopkeeper.apps.bench.durability",
    "live": "shopkeeper.apps.bench.live",
    "life": "shopkeeper.apps.bench.life",
}

#: Capability → its reference data in the data folder; those not listed generate their own.
REFERENCE: dict[str, tuple[str, ...]] = {
    "churn": ("cdnow/CDNOW_master.txt",),
    "value": ("cdnow/CDNOW_sample.txt",),
    "recommend": ("s3rec/Toys_and_Games.txt", "s3rec/LastFM.txt"),
    "intent": ("yoochoose_100k/prepared", "sessions_gcegnn"),
    "response": ("caravan_oj_islp/Caravan.csv", "telco_churn/Telco-Customer-Churn.csv"),
    "segment": ("cdnow/CDNOW_master.txt",),
    "basket": ("groceries_arules/groceries.csv",),
    "forecast": ("bayesm/orangeJuice_yx.csv.gz", "bayesm/cheese.csv.gz"),
    "text": ("chinese_reviews/ChnSentiCorp_htl_all.csv", "chinese_reviews/waimai_10k.csv"),
}

#: The word that runs every capability, but for those that start servers and kill them.
ALL = "all"

#: Run one by one: each takes minutes and a machine of its own.
ALONE = frozenset(
    {
        "online",
        "connectors",
        "bots",
        "fuzz",
        "decide",
        "ingest",
        "sdk",
        "durability",
        "live",
    }
)

#: Protocol of a capability inside ``all``, where its others take long by themselves.
IN_ALL: dict[str, str] = {"uplift": "worlds"}


def bench_function(capability: str) -> BenchFunction:
    """Import and return the bench of one capability.

    Parameters
    ----------
    capability
        A key of `CAPABILITIES`.

    Returns
    -------
    BenchFunction
        Takes the options, returns the figures.

    Raises
    ------
    NotFoundError
        If no bench has that name.
    """
    module = CAPABILITIES.get(capability)
    if module is None:
        raise NotFoundError(
            f"there is no bench called {capability!r}",
            next_step=f"choose one of {', '.join(CAPABILITIES)}",
            capability=capability,
        )
    run: BenchFunction = import_module(module).run
    return run


def run_bench(
    capability: str,
    options: BenchOptions,
    *,
    skipped: Callable[[str, str], None] | None = None,
) -> list[BenchRow]:
    """Run the bench of one capability, or of all of them one after the other.

    Parameters
    ----------
    capability
        A key of `CAPABILITIES`, or ``all``.
    options
        Inputs and options of the command line.
    skipped
        Told, with ``all``, of each capability whose reference data is absent: its name and the
        path that is missing.

    Returns
    -------
    list of BenchRow
        The figures in the order they should be printed.

    Raises
    ------
    NotFoundError
        If no bench has that name.
    InputError
        If ``all`` is asked for together with what only one capability understands.
    """
    if capability != ALL:
        return bench_function(capability)(options)
    neutral = BenchOptions(data_folder=options.data_folder, seed=options.seed, peers=options.peers)
    sized = replace(neutral, customers=options.customers, events=options.events)
    if options != sized:
        raise InputError(
            "bench all runs on reference data and takes --seed, --customers, --events and --peers alone",
            next_step="name one capability to give it your own file or its own options",
        )
    rows: list[BenchRow] = []
    for name in (x for x in CAPABILITIES if x not in ALONE):
        missing = missing_reference(name, options)
        if missing is not None:
            if skipped is not None:
                skipped(name, missing)
            continue
        rows += bench_function(name)(replace(options, protocol=IN_ALL.get(name)))
    return rows


def missing_reference(capability: str, options: BenchOptions) -> str | None:
    """The reference data a capability needs and does not find.

    Parameters
    ----------
    capability
        A key of `CAPABILITIES`.
    options
        Says where the data lies.

    Returns
    -------
    str or None
        The first path; None when nothing is missing.
    """
    needed = (options.data_folder / path for path in REFERENCE.get(capability, ()))
    return next((str(path) for path in needed if not path.exists()), None)
