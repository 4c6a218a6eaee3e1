"""What must hold between the columns of a sale."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.quarantine import Faults
from shopkeeper.collect.text import words
from shopkeeper.collect.vocabulary import KINDS, STATES
from shopkeeper.core import columns as c
from shopkeeper.core.money import EXPONENTS

Bools = npt.NDArray[np.bool_]


def sales(
    columns: dict[str, pa.Array], status: pa.Array, faults: Faults, mapping: SourceMapping
) -> None:
    """Tell sales from returns, agree the signs, refuse what cannot be.

    A return is a row whose kind or state says so, or whose amount is negative
    where no kind is given; its amount and quantity end up negative.

    Parameters
    ----------
    columns
        Typed columns of the chunk; ``kind``, ``amount_minor`` and ``quantity`` are replaced.
    status
        State of each order as text.
    faults
        Where refused rows are noted.
    mapping
        Bounds, and what a refunded state means.
    """
    amount = _numbers(columns[c.AMOUNT_MINOR])
    quantity = _numbers(columns[c.QUANTITY])
    said = columns[c.KIND]
    kind = words(said, KINDS)
    faults.add(_true(pc.and_(pc.is_valid(said), pc.is_null(kind))), "unknown_kind", c.KIND, said)
    state = words(status, STATES)
    faults.add(_true(pc.equal(state, "none")), "not_a_purchase", c.STATUS, status)
    is_return = _true(pc.equal(kind, "return"))
    if mapping.refunded == "return":
        is_return |= _true(pc.equal(state, "return"))
    open_ = _true(pc.is_null(kind))
    is_return |= open_ & ((amount < 0) | ((quantity < 0) & (amount == 0)))
    shown = columns[c.AMOUNT_MINOR].cast(pa.string())
    faults.add(~is_return & (amount < 0), "sign_conflict", c.AMOUNT_MINOR, shown)
    count = columns[c.QUANTITY].cast(pa.string())
    faults.add(~is_return & (quantity < 0), "negative_quantity", c.QUANTITY, count)
    faults.add(np.abs(quantity) > mapping.bounds.quantity, "absurd_quantity", c.QUANTITY, count)
    places = _places(columns[c.CURRENCY])
    too_much = np.abs(amount) > mapping.bounds.amount * 10.0**places
    faults.add(too_much, "absurd_amount", c.AMOUNT_MINOR, shown)
    columns[c.KIND] = pc.if_else(pa.array(is_return), "return", "sale")
    columns[c.AMOUNT_MINOR] = _negative(columns[c.AMOUNT_MINOR], is_return)
    columns[c.QUANTITY] = _negative(columns[c.QUANTITY], is_return)


def visitors(columns: dict[str, pa.Array], faults: Faults) -> None:
    """Refuse counts of people that are below nothing.

    Parameters
    ----------
    columns
        Typed columns of the chunk.
    faults
        Where refused rows are noted.
    """
    people = columns[c.VISITORS]
    faults.add(_numbers(people) < 0, "negative_quantity", c.VISITORS, people.cast(pa.string()))


def _negative(values: pa.Array, where: Bools) -> pa.Array:
    if not where.any():
        return values
    return pc.if_else(pa.array(where), pc.negate(pc.abs(values)), values)


def _numbers(values: pa.Array) -> npt.NDArray[np.float64]:
    """As floats for comparison; empty ones as 0."""
    return np.asarray(
        pc.fill_null(values.cast(pa.float64(), safe=False), 0.0).to_numpy(zero_copy_only=False)
    )


def _places(currency: pa.Array) -> npt.NDArray[np.float64]:
    encoded = currency.dictionary_encode()
    table = np.array([EXPONENTS[x] for x in encoded.dictionary.to_pylist()], dtype=float)
    return np.asarray(table[encoded.indices.to_numpy()]) if len(table) else np.zeros(len(currency))


def _true(found: pa.Array) -> Bools:
    return np.asarray(
        pc.fill_null(found, fill_value=False).to_numpy(zero_copy_only=False), dtype=bool
    )
