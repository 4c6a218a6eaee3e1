"""Which capability is benched by which module; each is imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow
from shopkeeper.core.errors import NotFoundError

__all__ = ["CAPABILITIES", "BenchFunction", "bench_function", "run_bench"]

BenchFunction = Callable[[BenchOptions], list[BenchRow]]

#: Capability → module with a function ``run(options) -> list[BenchRow]``.
CAPABILITIES: dict[str, str] = {
    "churn": "shopkeeper.apps.bench.churn",
    "value": "shopkeeper.apps.bench.value",
    "recommend": "shopkeeper.apps.bench.recommend",
    "segment": "shopkeeper.apps.bench.segment",
    "basket": "shopkeeper.apps.bench.basket",
    "features": "shopkeeper.apps.bench.features",
    "plan": "shopkeeper.apps.bench.plan",
    "store": "shopkeeper.apps.bench.store",
}


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


def run_bench(capability: str, options: BenchOptions) -> list[BenchRow]:
    """Run the bench of one capability.

    Parameters
    ----------
    capability
        A key of `CAPABILITIES`.
    options
        Inputs and options of the command line.

    Returns
    -------
    list of BenchRow
        The figures in the order they should be printed.

    Raises
    ------
    NotFoundError
        If no bench has that name.
    """
    return bench_function(capability)(options)
