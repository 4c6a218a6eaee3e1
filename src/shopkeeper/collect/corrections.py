"""Values that were changed or left empty, as rows that can undo it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect.parse import Parsed
from shopkeeper.core import columns as c
from shopkeeper.core.tables import CORRECTIONS, TableContract

UNREADABLE = "unreadable"
"""Rule named for an optional value that could not be read."""


def unreadable(parsed: Parsed, rows: pa.Table, contract: TableContract, load_id: str) -> pa.Table:
    """Optional values that could not be read, as corrections to nothing.

    Parameters
    ----------
    parsed
        Says which.
    rows
        The same rows with their final keys.
    contract
        Table.
    load_id
        Which load.

    Returns
    -------
    pa.Table
        Under the contract ``CORRECTIONS``.
    """
    parts = [CORRECTIONS.empty()]
    keys = row_key(rows, contract)
    for column, at, text in parsed.blanked:
        n = len(at)
        parts.append(
            CORRECTIONS.cast(
                pa.table(
                    {
                        str(c.LOAD_ID): pa.repeat(pa.scalar(load_id), n),
                        str(c.TABLE_NAME): pa.repeat(pa.scalar(contract.name), n),
                        str(c.ROW_KEY): keys.take(pa.array(at)),
                        str(c.COLUMN_NAME): pa.repeat(pa.scalar(column), n),
                        str(c.RULE): pa.repeat(pa.scalar(UNREADABLE), n),
                        str(c.BEFORE): text,
                        str(c.AFTER): pa.nulls(n, pa.string()),
                    }
                )
            )
        )
    return pa.concat_tables(parts)


def of_rows(
    corrections: pa.Table, rows: pa.Table, contract: TableContract, which: npt.NDArray[np.bool_]
) -> pa.Table:
    """Corrections of the rows that are admitted, under the contract."""
    if not corrections.num_rows:
        return corrections
    keys = row_key(rows, contract).filter(pa.array(which))
    mine = corrections.filter(pc.is_in(corrections.column(c.ROW_KEY), value_set=keys))
    return CORRECTIONS.cast(mine)


def row_key(rows: pa.Table, contract: TableContract) -> pa.Array:
    """Key of each row as one text, parts joined by ``|``."""
    parts = [
        pc.fill_null(rows.column(x).combine_chunks().cast(pa.string()), "") for x in contract.key
    ]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "|")
