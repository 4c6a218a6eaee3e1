"""Events of visitors as sorted arrays, cut into sessions."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.errors import InputError, MappingError, NotEnoughDataError

__all__ = [
    "ACTIONS", "ACTION_OF", "DAY_US", "GAP_US", "Bools", "EventRows", "Floats", "Ints", "action_of",
    "key_of", "read_events",
]  # fmt: skip

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DAY_US = 86_400_000_000
"""Microseconds in a day."""
GAP_US = 30 * 60_000_000
"""A session ends when nothing happens for half an hour."""

ACTIONS = ("other", "page", "search", "view", "cart", "checkout", "buy")
"""What an event is, as far as intent goes; the place of a word is its code."""

ACTION_OF: dict[str, str] = {
    "page_view": "page", "page_viewed": "page", "screen_view": "page", "view_item_list": "page",
    "product_list_viewed": "page", "pageview": "page",
    "search": "search", "products_searched": "search",
    "view_item": "view", "product_viewed": "view", "select_item": "view", "view": "view",
    "product_clicked": "view", "click": "view",
    "add_to_cart": "cart", "product_added": "cart", "cart": "cart", "addtocart": "cart",
    "begin_checkout": "checkout", "checkout_started": "checkout", "add_payment_info": "checkout",
    "add_shipping_info": "checkout",
    "purchase": "buy", "order_completed": "buy", "pos_order_completed": "buy", "buy": "buy",
    "transaction": "buy",
}  # fmt: skip
"""Action by kind of event; any other kind is ``other``."""


def action_of(kind: str) -> int:
    """Code of the action that a kind of event is.

    Parameters
    ----------
    kind : str
        As in EVENTS.

    Returns
    -------
    int
        Place in `ACTIONS`.

    Examples
    --------
    >>> ACTIONS[action_of("product_added")], ACTIONS[action_of("coupon_shown")]
    ('cart', 'other')
    """
    return ACTIONS.index(ACTION_OF.get(kind, "other"))


def key_of(name: str | None) -> int:
    """A number for an id that is the same everywhere and needs no table of ids.

    Parameters
    ----------
    name : str | None
        An id, or nothing.

    Returns
    -------
    int
        Above 0 and below 2**62, two ids sharing one with a chance of 2**-62; 0 for nothing.
    """
    if name is None or not name:
        return 0
    return (int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") >> 2) | 1


@dataclass(frozen=True, slots=True, eq=False)
class EventRows:
    """Events sorted by visitor, moment, action and item.

    Parameters
    ----------
    visitors : pa.Array
        Ids, ascending; one a code.
    visitor : Ints
        Code of the visitor of each event.
    ts_us : Ints
        Moment, microseconds UTC.
    action : Ints
        Place in `ACTIONS`.
    item, category : Ints
        Keys (`key_of`); 0 where the event names none.
    hour, dow : Ints
        Hour and weekday (1 Monday) where the visitor's shop is; -1 where unknown.
    category_names : dict[int, str]
        Name by key.
    """

    visitors: pa.Array
    visitor: Ints
    ts_us: Ints
    action: Ints
    item: Ints
    category: Ints
    hour: Ints
    dow: Ints
    category_names: dict[int, str]

    def __len__(self) -> int:
        """How many events."""
        return len(self.visitor)

    def before(self, moment_us: int) -> EventRows:
        """The events strictly before a moment; codes of visitors stay.

        Parameters
        ----------
        moment_us : int
            Microseconds UTC.

        Returns
        -------
        EventRows
            Fewer events.
        """
        kept = self.ts_us < moment_us
        return EventRows(
            self.visitors, self.visitor[kept], self.ts_us[kept], self.action[kept],
            self.item[kept], self.category[kept], self.hour[kept], self.dow[kept],
            self.category_names,
        )  # fmt: skip

    def sessions(self) -> tuple[Ints, Ints]:
        """Cut the events into sessions.

        Returns
        -------
        tuple[Ints, Ints]
            Session of each event, from 0 and ascending; and the first event of each session.
        """
        fresh = np.ones(len(self), dtype=np.bool_)
        fresh[1:] = (self.visitor[1:] != self.visitor[:-1]) | (np.diff(self.ts_us) > GAP_US)
        return np.cumsum(fresh) - 1, np.flatnonzero(fresh)


def read_events(
    table: pa.Table,
    *,
    visitor: str = "customer_id",
    limit_rows: int = 20_000_000,
) -> EventRows:
    """Read events of known visitors.

    Rows without a visitor are left out. Row order does not matter.

    Parameters
    ----------
    table : pa.Table
        ``kind`` (string) and ``ts_us`` (int64, microseconds UTC); where present ``product_id``,
        ``category``, ``hour`` and ``dow`` (1 Monday).
    visitor : str
        Column of the visitor's id.
    limit_rows : int
        Most events; beyond, the caller must take a later start.

    Returns
    -------
    EventRows
        Sorted.

    Raises
    ------
    MappingError
        When a column is missing or the moment is no integer.
    InputError
        When a moment is empty.
    NotEnoughDataError
        When no event has a visitor.
    """
    for name in (visitor, "kind", "ts_us"):
        if name not in table.column_names:
            raise MappingError(
                f"events have no column {name!r}",
                next_step=f"name one of {', '.join(table.column_names)}",
                column=name,
            )
    if not pa.types.is_integer(table.schema.field("ts_us").type):
        raise MappingError(
            f"ts_us of events is {table.schema.field('ts_us').type}, not an integer",
            next_step="give microseconds since 1970-01-01 UTC as int64",
            column="ts_us",
        )
    table = table.filter(pc.is_valid(table[visitor]))
    if table.num_rows > limit_rows:
        raise InputError(
            f"{table.num_rows:,} events are more than the {limit_rows:,} that are read at once",
            next_step="give a shorter period",
        )
    if table["ts_us"].null_count:
        row = pc.index(pc.is_null(table["ts_us"]), pa.scalar(value=True)).as_py()
        raise InputError(
            f"ts_us is empty in row {row} of the events with a visitor",
            next_step="quarantine rows without a moment",
        )
    if table.num_rows == 0:
        raise NotEnoughDataError(
            "there is no event of a known visitor",
            next_step="collect events with a customer or anonymous id",
        )
    codes, names = _coded(table[visitor])
    actions, kinds = _coded(table["kind"])
    action = np.array([action_of(kind) for kind in kinds.to_pylist()], dtype=np.int64)[actions]
    item, _ = _keys(table, "product_id")
    category, known = _keys(table, "category")
    ts_us = table["ts_us"].to_numpy().astype(np.int64)
    hour, dow = (_small(table, column) for column in ("hour", "dow"))
    by = np.lexsort((category, item, action, ts_us, codes))
    return EventRows(
        names, codes[by], ts_us[by], action[by], item[by], category[by], hour[by], dow[by], known
    )


def _coded(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    text = column.cast(pa.string()).fill_null("").combine_chunks()
    unique = pc.unique(text)
    names = unique.take(pc.sort_indices(unique))
    return pc.index_in(text, value_set=names).to_numpy().astype(np.int64), names


def _keys(table: pa.Table, name: str) -> tuple[Ints, dict[int, str]]:
    if name not in table.column_names:
        return np.zeros(table.num_rows, dtype=np.int64), {}
    codes, names = _coded(table[name])
    words = names.to_pylist()
    keys = np.array([key_of(word) for word in words], dtype=np.int64)
    return keys[codes], {int(k): w for k, w in zip(keys, words, strict=True) if k}


def _small(table: pa.Table, name: str) -> Ints:
    if name not in table.column_names:
        return np.full(table.num_rows, -1, dtype=np.int64)
    values: Ints = pc.fill_null(table[name].cast(pa.int64()), -1).to_numpy().astype(np.int64)
    return values
