"""The whole library, found by looking into ``features.library``."""

from __future__ import annotations

import difflib
import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib import import_module

from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.tables import FEATURES, TableContract
from shopkeeper.features import library
from shopkeeper.features.definition import Feature, check_unique


@cache
def all_features() -> tuple[Feature, ...]:
    """Every feature of every module of ``features.library``.

    Returns
    -------
    tuple of Feature
        Modules in alphabetical order, features in the order of their module.
    """
    found: list[Feature] = []
    for module in sorted(x.name for x in pkgutil.iter_modules(library.__path__)):
        found.extend(import_module(f"{library.__name__}.{module}").FEATURES)
    check_unique(found)
    return tuple(found)


def select_features(names: Sequence[str] | None = None) -> tuple[Feature, ...]:
    """Features by name.

    Parameters
    ----------
    names
        Wanted features, in the wanted order; None means all.

    Returns
    -------
    tuple of Feature

    Raises
    ------
    NotFoundError
        If a name is not in the library; the nearest one is suggested.

    Examples
    --------
    >>> [x.unit for x in select_features(["recency_days", "orders_90d"])]
    ['days', 'orders']
    """
    if names is None:
        return all_features()
    known = {x.name: x for x in all_features()}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            raise NotFoundError(
                f"there is no feature {name!r}",
                next_step=f"Did you mean {near[0]}?" if near else "See docs/features.md",
                name=name,
            )
    return tuple(known[name] for name in names)


def with_needs(features: Sequence[Feature]) -> tuple[tuple[Feature, ...], ...]:
    """Features and everything they are computed from, in layers.

    Parameters
    ----------
    features
        The wanted ones.

    Returns
    -------
    tuple of tuple of Feature
        The first layer reads rows; each later one only features of earlier layers.
    """
    known = {x.name: x for x in all_features()}
    depth: dict[str, int] = {}

    def level(name: str) -> int:
        if name not in depth:
            depth[name] = max((level(x) + 1 for x in known[name].needs), default=0)
        return depth[name]

    deepest = max((level(x.name) for x in features), default=0)
    order = [x.name for x in all_features()]
    return tuple(
        tuple(known[n] for n in order if n in depth and depth[n] == layer)
        for layer in range(deepest + 1)
    )


def features_contract(names: Sequence[str] | None = None) -> TableContract:
    """The FEATURES contract with the columns of the library.

    Parameters
    ----------
    names
        Wanted features in the wanted order; None means all.

    Returns
    -------
    TableContract
        ``customer_id``, ``as_of``, then one column a feature.

    Raises
    ------
    NotFoundError
        If a name is not in the library.
    """
    return FEATURES.extended(x.column for x in select_features(names))
