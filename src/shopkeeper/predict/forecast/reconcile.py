"""Forecasts that add up: bottom-up sums, or MinT with a shrunk covariance.

Wickramasuriya, Athanasopoulos, Hyndman, "Optimal forecast reconciliation … through trace
minimization", JASA 114 (2019); shrinkage: Schäfer and Strimmer, Stat. Appl. Genet. Mol. Biol. 4 (2005).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import TooLargeError
from shopkeeper.predict.history import Floats

__all__ = ["Hierarchy", "make_hierarchy", "mint_shrink", "shrunk_covariance"]

MOST_NODES = 4_000


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Sums of series.

    Parameters
    ----------
    names : tuple[tuple[str, str], ...]
        Level and name of each node: the total, each value of each key, and at last the series.
    members : Floats
        Shape (nodes, series): one where the series belongs to the node.
    """

    names: tuple[tuple[str, str], ...]
    members: Floats

    @property
    def upper(self) -> int:
        """Nodes above the series."""
        return int(self.members.shape[0] - self.members.shape[1])

    def up(self, bottom: Floats) -> Floats:
        """Sum series to nodes; shape (series, …) to (nodes, …)."""
        summed: Floats = np.tensordot(self.members, bottom, axes=1)
        return summed


def make_hierarchy(keys: Sequence[tuple[str, ...]], key_names: Sequence[str]) -> Hierarchy:
    """Build the total, one level a key, and the series.

    Parameters
    ----------
    keys : Sequence[tuple[str, ...]]
        Key of each series.
    key_names : Sequence[str]
        Names of its parts.

    Returns
    -------
    Hierarchy
        Keys that name only one group, or every series, make no level.

    Raises
    ------
    TooLargeError
        When there are more than 4,000 nodes.

    Examples
    --------
    >>> tree = make_hierarchy([("a", "x"), ("a", "y"), ("b", "x")], ["store", "brand"])
    >>> [name for _, name in tree.names[:5]]
    ['all', 'a', 'b', 'x', 'y']
    """
    size = len(keys)
    names: list[tuple[str, str]] = [("total", "all")]
    rows: list[Floats] = [np.ones((1, size))]
    for at, level in enumerate(key_names):
        found, code = np.unique([key[at] for key in keys], return_inverse=True)
        if not 1 < len(found) < size:
            continue
        rows.append((code[None, :] == np.arange(len(found))[:, None]).astype(np.float64))
        names += [(str(level), str(name)) for name in found]
    names += [("series", " / ".join(key)) for key in keys]
    rows.append(np.eye(size) if len(names) <= MOST_NODES else np.zeros((0, size)))
    if len(names) > MOST_NODES:
        raise TooLargeError(
            f"a hierarchy of {len(names):,} nodes is more than {MOST_NODES:,} that can be reconciled",
            next_step="sum the series from the bottom instead, or reconcile a part of them",
            nodes=len(names),
        )
    return Hierarchy(tuple(names), np.concatenate(rows))


def shrunk_covariance(errors: Floats) -> Floats:
    """Covariance of errors, correlations shrunk towards zero.

    Parameters
    ----------
    errors : Floats
        Shape (nodes, observations); NaN where unknown counts as no error.

    Returns
    -------
    Floats
        Positive definite; shape (nodes, nodes).
    """
    known = np.isfinite(errors)
    held = np.where(known, errors, 0.0)
    n = max(errors.shape[1], 2)
    variance = (held**2).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    floor = 1e-6 * float(variance.mean()) + 1e-12
    deviation = np.sqrt(np.maximum(variance, floor))
    z = held / deviation[:, None]
    correlation = z @ z.T / n
    # Variance of each correlation, summed over the off-diagonal: the intensity of shrinkage.
    squares = (z**2) @ (z**2).T / n
    off = ~np.eye(len(z), dtype=bool)
    noise = float((squares - correlation**2)[off].sum()) / (n - 1)
    signal = float((correlation[off] ** 2).sum())
    share = float(np.clip(noise / signal, 0.0, 1.0)) if signal > 0 else 1.0
    shrunk = correlation * (1.0 - share)
    np.fill_diagonal(shrunk, 1.0)
    answer: Floats = shrunk * deviation[:, None] * deviation[None, :]
    return answer


def mint_shrink(hierarchy: Hierarchy, base: Floats, errors: Floats) -> Floats:
    """Reconcile forecasts of all nodes.

    Parameters
    ----------
    hierarchy : Hierarchy
        How nodes sum.
    base : Floats
        Forecasts of all nodes, each made on its own; shape (nodes, steps).
    errors : Floats
        Their errors in the past; shape (nodes, observations).

    Returns
    -------
    Floats
        Shape (nodes, steps): sums of the reconciled series, coherent to the last digit of a sum.
    """
    covariance = shrunk_covariance(errors)
    covariance[np.diag_indices_from(covariance)] *= 1.0 + 1e-6
    inverse = np.linalg.solve(covariance, hierarchy.members)
    left = hierarchy.members.T @ inverse
    bottom = np.linalg.solve(left, inverse.T @ base)
    return hierarchy.up(np.asarray(bottom, dtype=np.float64))
