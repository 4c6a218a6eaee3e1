"""Equality conditions on contract columns, as SQL text and as a check on rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.columns import Kind
from shopkeeper.core.errors import ContractError, InputError
from shopkeeper.core.ports import Scalar
from shopkeeper.core.tables import ARROW_TYPES, TableContract

__all__ = ["check_rows", "delta_predicate", "typed_values"]


def typed_values(contract: TableContract, where: Mapping[str, Scalar]) -> dict[str, pa.Scalar]:
    """The wanted values, brought to the types of their columns.

    Parameters
    ----------
    contract
        Table.
    where
        Value by column; None means null, moments and dates may be ISO text.

    Returns
    -------
    dict[str, pa.Scalar]

    Raises
    ------
    InputError
        If a column is unknown or a value does not fit its type.
    """
    kinds: dict[str, Kind] = {str(x): x.kind for x in contract.columns}
    typed = {}
    for column, value in where.items():
        if column not in kinds:
            raise InputError(
                f"table {contract.name} has no column {column}",
                next_step=f"Choose among {', '.join(kinds)}",
                table=contract.name,
                column=column,
            )
        try:
            typed[column] = _scalar(kinds[column], value)
        except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
            raise InputError(
                f"{value!r} is no value of {contract.name}.{column} ({kinds[column]})",
                next_step="Give a value of that type",
                table=contract.name,
                column=column,
            ) from error
    return typed


def _scalar(kind: Kind, value: Scalar) -> pa.Scalar:
    if kind == "timestamp" and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        value = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    elif kind == "date" and isinstance(value, str):
        value = date.fromisoformat(value)
    return pa.scalar(value, ARROW_TYPES[kind])


def delta_predicate(values: Mapping[str, pa.Scalar]) -> str:
    """SQL text that delta-rs understands for all kinds of columns.

    Moments are compared as text with a zone: a TIMESTAMP literal has no zone there
    and is refused beside a UTC column.

    Parameters
    ----------
    values
        From :func:`typed_values`.

    Returns
    -------
    str

    Examples
    --------
    >>> print(delta_predicate({"kind": pa.scalar("o'k"), "band": pa.scalar(None, pa.string())}))
    "kind" = 'o''k' AND "band" IS NULL
    """
    return " AND ".join(_condition(column, value) for column, value in values.items())


def _condition(column: str, value: pa.Scalar) -> str:
    name = '"' + column.replace('"', '""') + '"'
    if not value.is_valid:
        return f"{name} IS NULL"
    text: str
    if pa.types.is_timestamp(value.type):
        text = value.as_py().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    elif pa.types.is_boolean(value.type):
        return f"{name} = {'true' if value.as_py() else 'false'}"
    elif pa.types.is_integer(value.type) or pa.types.is_floating(value.type):
        return f"{name} = {value.as_py()!r}"
    else:
        text = str(value.as_py())
    escaped = text.replace("'", "''")
    return f"{name} = '{escaped}'"


def check_rows(contract: TableContract, rows: pa.Table, values: Mapping[str, pa.Scalar]) -> None:
    """Refuse rows that would be written outside the part they replace.

    Parameters
    ----------
    contract
        Table.
    rows
        Cast to the contract.
    values
        From :func:`typed_values`.

    Raises
    ------
    ContractError
        If a row differs in one of the columns.
    """
    for column, value in values.items():
        found = rows.column(column)
        fits = pc.equal(found, value) if value.is_valid else pc.is_null(found)
        wrong = rows.num_rows - (pc.sum(fits).as_py() or 0)
        if wrong:
            raise ContractError(
                f"{wrong} rows for table {contract.name} do not have {column} = {value.as_py()}, "
                "the part they replace",
                next_step="Filter the rows or widen the part",
                table=contract.name,
                column=column,
                rows=wrong,
            )
