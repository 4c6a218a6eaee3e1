"""How a source's columns become a table's: a value that is guessed, shown, saved and obeyed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import msgspec
import yaml

from shopkeeper.collect.sources.base import ReadOptions
from shopkeeper.core import columns as c
from shopkeeper.core.clock import zone
from shopkeeper.core.errors import InputError, MappingError
from shopkeeper.core.ids import content_id
from shopkeeper.core.money import currency_code
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import LOADED, TableContract

CUSTOMER_KINDS = ("crm", "member_card", "phone", "email", "device_id")
"""Kinds of identifier a ``customer_ref`` may be."""
DERIVED = {
    "orders": (c.ORDER_ID,),
    "order_lines": (c.LINE_ID, c.ORDER_ID),
    "events": (c.EVENT_ID,),
    "touches": (c.TOUCH_ID,),
    "campaigns": (),
    "offers": (),
}
"""Key columns made from the row's content when the source has none."""
FILLED = frozenset({c.TS_US, c.DAY, c.MONTH, c.DOW, c.HOUR, c.LOAD_ID, c.SOURCE, c.RECEIVED_AT})
"""Columns that are always computed, unless a mapping names a column for them."""
MOMENT = {"orders": c.OCCURRED_AT, "order_lines": c.OCCURRED_AT, "events": c.OCCURRED_AT,
          "touches": c.SENT_AT, "consents": c.STATUS_AT, "footfall": c.OCCURRED_AT}  # fmt: skip
"""The column of each table that says when."""
READ_ONLY: Mapping[str, set[str]] = {"order_lines": {str(c.STATUS)}}
"""Columns that decide about a row without being kept, by table."""
EXTRA = {"customers": c.ATTRIBUTES, "products": c.ATTRIBUTES, "events": c.PROPERTIES}
"""Where columns that no contract column takes are kept, as JSON."""
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "order_lines": {c.QUANTITY: "1"},
    "touches": {c.STATUS: "sent"},
    "consents": {c.PURPOSE: "marketing", c.CHANNEL: "all", c.BASIS: "consent"},
    "costs": {c.CAMPAIGN_ID: "none"},
    "footfall": {c.SENSOR: "all"},
}
"""What holds for a column that a source does not have, by table."""
Changed = Literal["quarantine", "replace"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is no longer believed.

    Parameters
    ----------
    quantity
        Largest quantity of one row, in units.
    amount
        Largest amount of one row, in whole currency units.
    earliest
        First day an order, event or touch can be of.
    future_hours
        How far after the moment of the load a time may lie.
    """

    quantity: float = 100_000.0
    amount: float = 100_000_000.0
    earliest: dt.date = dt.date(1980, 1, 1)
    future_hours: int = 24


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """Everything needed to read one kind of source into one table.

    Parameters
    ----------
    table
        Name of the contract.
    columns
        Header (or several, joined by a blank) for each contract column.
    constants
        Value for contract columns the source does not have.
    source
        Name of the system the rows come from.
    customer_kind
        What the customer column holds; one of :data:`CUSTOMER_KINDS`.
    anonymous
        Whether sales without customer are refused or kept.
    dates
        ``auto``, ``dmy``, ``mdy`` or a ``strptime`` format.
    time_zone, currency
        Of values that state none; empty until :meth:`resolved`.
    amount_unit
        Whole units (``major``) or minor ones (``minor``).
    decimal
        Decimal mark.
    refunded
        Whether a state such as 已退款 makes the row a ``return`` or leaves it a ``sale``.
    changed
        What to do with a row whose key is stored with other content.
    extra
        Whether further columns are kept as JSON where the table has room.
    bounds
        What is not believed.
    file
        How the source is read.
    shop_zone
        Zone in which a day begins; set by :meth:`resolved`, never by a file.

    Examples
    --------
    >>> SourceMapping.from_dict({"table": "orders", "columns": {"order_id": "订单号"}}).columns
    {'order_id': ('订单号',)}
    """

    table: str
    columns: Mapping[str, tuple[str, ...]]
    constants: Mapping[str, str] = field(default_factory=dict)
    source: str = "shop"
    customer_kind: str = "crm"
    anonymous: Literal["refuse", "keep"] = "refuse"
    dates: str = "auto"
    time_zone: str = ""
    currency: str = ""
    amount_unit: Literal["major", "minor"] = "major"
    decimal: Literal[".", ","] = "."
    refunded: Literal["return", "sale"] = "return"
    changed: Changed | Literal[""] = ""
    extra: Literal["keep", "drop"] = "keep"
    bounds: Bounds = field(default_factory=Bounds)
    file: ReadOptions = field(default_factory=ReadOptions)
    shop_zone: str = ""

    @property
    def contract(self) -> TableContract:
        """The table's contract.

        Raises
        ------
        MappingError
            If sources are not mapped to a table of that name.
        """
        for table in LOADED:
            if table.name == self.table:
                return table
        raise MappingError(
            f"nothing can be loaded into a table {self.table!r}",
            next_step=f"Choose one of {', '.join(x.name for x in LOADED)}",
            table=self.table,
        )

    @property
    def replaces(self) -> bool:
        """Whether changed rows replace stored ones; records of things do, facts do not."""
        if self.changed:
            return self.changed == "replace"
        return self.table in {
            "products", "customers", "campaigns", "offers", "footfall", "enrichments",
        }  # fmt: skip

    def resolved(self, settings: Settings) -> SourceMapping:
        """The same mapping with the shop's zone and currency where it states none."""
        return replace(
            self,
            time_zone=self.time_zone or settings.shop.time_zone,
            shop_zone=settings.shop.time_zone,
            currency=self.currency or settings.shop.currency,
        )

    def default(self, column: str) -> str | None:
        """What a column holds in a source that has it not."""
        if column in self.constants:
            return self.constants[column]
        if column == c.CURRENCY:
            return self.currency
        return DEFAULTS.get(self.table, {}).get(column)

    def derives(self, column: str) -> bool:
        """Whether a key column is made from the row's content."""
        absent = column not in self.columns and column not in self.constants
        return absent and column in DERIVED.get(self.table, ())

    def check(self, headers: Sequence[str]) -> None:
        """Refuse a mapping that cannot work for these headers.

        Raises
        ------
        MappingError
            If a named header is absent, a contract column unknown, or a required
            column has neither header nor constant nor default.
        """
        contract = self.contract
        known = {str(x) for x in contract.columns} | READ_ONLY.get(self.table, set())
        unknown = sorted({*self.columns, *self.constants} - known)
        if unknown:
            raise MappingError(
                f"table {self.table} has no column {', '.join(unknown)}",
                next_step=f"Its columns are {', '.join(sorted(known - FILLED))}",
                table=self.table,
                columns=unknown,
            )
        absent = sorted({h for names in self.columns.values() for h in names} - set(headers))
        if absent:
            raise MappingError(
                f"the source has no column {', '.join(absent)}; it has {_listed(headers)}",
                next_step="Correct the mapping, or the delimiter if there is one column only",
                headers=list(headers),
                missing=absent,
            )
        needed = [x for x in (*contract.key, *contract.required) if x not in FILLED]
        open_ = [x for x in needed if not self._has(x)]
        if open_:
            asked = "; ".join(f"{x} ({x.zh} / {x.en})" for x in open_)
            raise MappingError(
                f"cannot tell which column of the source is {asked}. Headers seen: "
                f"{_listed(headers)}",
                next_step="Say which in a mapping file: columns: "
                f"{{{', '.join(f'{x}: HEADER' for x in open_)}}}, and give it by --mapping FILE",
                table=self.table,
                missing=[str(x) for x in open_],
                headers=list(headers),
            )

    def _has(self, column: str) -> bool:
        if column == c.KIND and self.table in {"orders", "order_lines"}:
            return True
        if column == c.CUSTOMER_REF and self.anonymous == "keep":
            return True
        return column in self.columns or self.default(column) is not None or self.derives(column)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, defaults left out; what YAML and state keep."""
        plain = SourceMapping(self.table, self.columns)
        result: dict[str, Any] = {
            "table": self.table,
            "columns": {k: v[0] if len(v) == 1 else list(v) for k, v in self.columns.items()},
        }
        if self.constants:
            result["constants"] = dict(self.constants)
        for name in _SCALARS:
            if getattr(self, name) != getattr(plain, name):
                result[name] = getattr(self, name)
        if self.bounds != Bounds():
            result["bounds"] = {
                "quantity": self.bounds.quantity,
                "amount": self.bounds.amount,
                "earliest": self.bounds.earliest.isoformat(),
                "future_hours": self.bounds.future_hours,
            }
        if file := self.file.to_dict():
            result["file"] = file
        return result

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> SourceMapping:
        """Read plain values.

        Raises
        ------
        MappingError
            If a key is unknown or a value impossible.
        """
        known = {"table", "columns", "constants", "bounds", "file", *_SCALARS}
        unknown = sorted(set(given) - known)
        if unknown or "table" not in given:
            raise MappingError(
                f"the mapping has unknown keys {', '.join(unknown)}"
                if unknown
                else "the mapping does not say which table it fills",
                next_step=f"Known keys: {', '.join(sorted(known))}",
                keys=unknown,
            )
        mapping = cls(
            table=str(given["table"]),
            columns={
                str(k): tuple(str(x) for x in v) if isinstance(v, list) else (str(v),)
                for k, v in (given.get("columns") or {}).items()
            },
            constants={str(k): str(v) for k, v in (given.get("constants") or {}).items()},
            bounds=_bounds(given.get("bounds") or {}),
            file=ReadOptions.from_dict(dict(given.get("file") or {})),
            **cast("Any", {x: str(given[x]) for x in _SCALARS if x in given}),
        )
        mapping._check_values()
        return mapping

    def _check_values(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise MappingError(
                    f"mapping: {name} is {getattr(self, name)!r}",
                    next_step=f"Choose one of {', '.join(x for x in allowed if x)}",
                    key=name,
                )
        if self.dates not in {"auto", "dmy", "mdy"} and "%" not in self.dates:
            raise MappingError(
                f"mapping: dates is {self.dates!r}",
                next_step="Write auto, dmy, mdy or a format such as %d.%m.%Y",
                key="dates",
            )
        try:
            if self.time_zone:
                zone(self.time_zone)
            if self.currency:
                currency_code(self.currency)
        except InputError as error:
            raise MappingError(f"mapping: {error.message}", next_step=error.next_step) from error

    def to_yaml(self) -> str:
        """As a person edits it."""
        return yaml.safe_dump(self.to_dict(), allow_unicode=True, sort_keys=False)

    def digest(self) -> str:
        """Stable id of everything that decides how rows are read."""
        return content_id(msgspec.json.encode(self.to_dict(), order="sorted").decode())


_SCALARS = ("source", "customer_kind", "anonymous", "dates", "time_zone", "currency",
            "amount_unit", "decimal", "refunded", "changed", "extra")  # fmt: skip
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "customer_kind": CUSTOMER_KINDS,
    "anonymous": ("refuse", "keep"),
    "amount_unit": ("major", "minor"),
    "decimal": (".", ","),
    "refunded": ("return", "sale"),
    "changed": ("", *get_args(Changed)),
    "extra": ("keep", "drop"),
}


def read_mapping(file: Path) -> SourceMapping:
    """A mapping from a YAML file.

    Raises
    ------
    MappingError
        If the file is absent, is not YAML, or holds something impossible.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(
            f"the mapping {file} cannot be read: {error}", next_step="Check the path"
        ) from error
    except yaml.YAMLError as error:
        raise MappingError(
            f"the mapping {file} is not YAML: {str(error).splitlines()[0]}",
            next_step="Correct the line it names",
        ) from error
    if not isinstance(content, dict):
        raise MappingError(
            f"the mapping {file} holds no keys", next_step="Write table: and columns:"
        )
    return SourceMapping.from_dict(content)


def fingerprint(headers: Sequence[str]) -> str:
    """Id of a set of headers, whatever their order and case.

    Examples
    --------
    >>> fingerprint(["A", "b"]) == fingerprint(["B", " a"])
    True
    """
    return content_id(*sorted(x.strip().casefold() for x in headers), prefix="headers")


def _bounds(given: Mapping[str, Any]) -> Bounds:
    try:
        values = dict(given)
        if "earliest" in values:
            values["earliest"] = dt.date.fromisoformat(str(values["earliest"]))
        bounds = Bounds(**values)
    except (TypeError, ValueError) as error:
        raise MappingError(
            f"mapping: bounds cannot be read: {error}",
            next_step="Known bounds: quantity, amount, earliest (YYYY-MM-DD), future_hours",
        ) from error
    return bounds


def _listed(headers: Sequence[str]) -> str:
    shown = ", ".join(headers[:40])
    return shown if len(headers) <= 40 else f"{shown} … ({len(headers)} columns)"
