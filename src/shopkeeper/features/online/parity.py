"""Whether two computations of the same features agree, every column of every customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

KEY = "customer_id"


@dataclass(frozen=True, slots=True)
class Parity:
    """How two feature tables compare.

    Parameters
    ----------
    customers
        Customers in either table.
    columns
        Features compared.
    missing, unexpected
        Customers only the expected, or only the found table has.
    differing
        Values that differ, by feature; features without are left out.
    examples
        Customer, feature, expected and found value of some of them.
    """

    customers: int
    columns: int
    missing: int
    unexpected: int
    differing: dict[str, int] = field(default_factory=dict)
    examples: tuple[tuple[str, str, Any, Any], ...] = ()

    @property
    def compared(self) -> int:
        """Values compared."""
        return (self.customers - self.missing - self.unexpected) * self.columns

    @property
    def mismatches(self) -> int:
        """Values that differ, a customer that only one has counting with all its features."""
        lone = (self.missing + self.unexpected) * self.columns
        return sum(self.differing.values()) + lone


def compare(
    expected: pa.Table, found: pa.Table, names: Sequence[str], *, examples: int = 10
) -> Parity:
    """Hold two feature tables of one moment against each other; equal means equal bits.

    Parameters
    ----------
    expected, found
        With ``customer_id``, one row a customer, any order.
    names
        Features to compare.
    examples
        Differences told in full.

    Returns
    -------
    Parity

    Examples
    --------
    >>> batch = pa.table({"customer_id": ["a", "b"], "orders": [1, 2]})
    >>> online = pa.table({"customer_id": ["b", "a"], "orders": [2, 3]})
    >>> compare(batch, online, ["orders"]).examples
    (('a', 'orders', 1, 3),)
    """
    everyone = pa.chunked_array([*expected[KEY].chunks, *found[KEY].chunks], pa.string())
    total = len(pc.unique(everyone))
    left = expected.filter(pc.is_in(expected[KEY], found[KEY])).sort_by(KEY)
    right = found.filter(pc.is_in(found[KEY], expected[KEY])).sort_by(KEY)
    differing: dict[str, int] = {}
    told: list[tuple[str, str, Any, Any]] = []
    for name in names:
        unlike = _unlike(left[name], right[name])
        count = int(unlike.sum())
        if count:
            differing[name] = count
            places = np.flatnonzero(unlike)[: max(examples - len(told), 0)].tolist()
            told += [
                (left[KEY][at].as_py(), name, left[name][at].as_py(), right[name][at].as_py())
                for at in places
            ]
    return Parity(
        total,
        len(names),
        total - found.num_rows,
        total - expected.num_rows,
        differing,
        tuple(told),
    )


def _unlike(left: pa.ChunkedArray, right: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Where two columns differ in any bit; both empty is equal."""
    differs = _present(left) != _present(right)
    if pa.types.is_floating(left.type):
        here, there = (pc.fill_null(x, 0.0).to_numpy().view(np.int64) for x in (left, right))
        return np.asarray(differs | (here != there))
    same = pc.fill_null(pc.equal(left, right), True)
    return np.asarray(differs | ~same.to_numpy().astype(bool))


def _present(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_valid(column).to_numpy(), dtype=bool)
