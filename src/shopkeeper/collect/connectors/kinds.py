"""Kinds of connectors and what a definition of each may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from shopkeeper.core.errors import InputError

How = Literal["sql", "http", "folder", "push"]
"""How rows are had: a database, an address, a folder (or file), or they are sent to us."""


class Reads(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every connector that reads may say.

    Parameters
    ----------
    url
        Address of a database (``postgresql://…``) or of a file (``https://…``).
    table, query
        What to read of a database: a table, or a SELECT.
    cursor
        Column that grows with every change; the reading goes on from its last value.
    overlap
        How far each reading reaches back, in seconds (times) or steps (numbers).
    batch_rows
        New rows after which a reading is admitted before it goes on.
    path
        A folder that is watched, or one file.
    settle_seconds
        How long a file must not have changed before it is read.
    timeout_seconds
        For connecting and for each answer.
    run_seconds
        A run that takes longer is given up.
    source
        Name of the system in the lake; empty takes the connector's.
    mapping
        Columns by hand, as in a mapping file; empty guesses.
    """

    url: str = ""
    table: str = ""
    query: str = ""
    cursor: str = ""
    overlap: float = 300.0
    batch_rows: int = 50_000
    path: str = ""
    settle_seconds: float = 2.0
    timeout_seconds: float = 30.0
    run_seconds: float = 900.0
    source: str = ""
    mapping: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def how(self) -> How:
        """How this one reads."""
        if self.path:
            return "folder"
        return "http" if self.url.startswith(("http://", "https://")) else "sql"


class Sql(Reads, frozen=True, kw_only=True):
    """A table of a CRM or a till.

    Parameters
    ----------
    into
        Table it fills (``customers``, ``orders`` …); empty finds out.
    deleted_column
        Column that marks a row as deleted; such orders are reversed, other rows left out.
    """

    into: str = ""
    deleted_column: str = ""


class Folder(Reads, frozen=True, kw_only=True):
    """A folder into which exports are dropped.

    Parameters
    ----------
    into
        Table its files fill; empty finds out for each.
    done
        Folder into which a file is moved once it is loaded; empty remembers it.
    """

    into: str = ""
    done: str = ""


class Words(Reads, frozen=True, kw_only=True):
    """What customers write: chats, reviews, searches.

    Parameters
    ----------
    about
        Which of them.
    """

    about: Literal["chat", "review", "search"]


class Footfall(Reads, frozen=True, kw_only=True):
    """Counts of visitors by store, sensor and hour."""


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an enrichment must reach before it is used.

    Parameters
    ----------
    coverage
        Least share of our keys that it has a value for.
    fresh_days
        Greatest age of its newest value in days.
    cost
        Highest cost of one matched key, in whole currency units.
    bases
        Legal bases that are allowed.
    """

    coverage: float = 0.3
    fresh_days: float = 30.0
    cost: float = 0.1
    bases: tuple[str, ...] = ("consent", "contract", "public", "legitimate_interest")


class Enrichment(Reads, frozen=True, kw_only=True):
    """Attributes from outside: places, weather, holidays, credit bands, opinion.

    Parameters
    ----------
    key_kind
        What the key names.
    key
        Column with the key.
    values
        Columns with values; empty takes every other column.
    valid_from
        Column with the moment from which a value holds; empty means the moment of reading.
    basis
        Legal basis on which the data may be used; must be stated.
    cost
        Price of one delivery, in whole units of the shop's currency.
    contract
        What it must reach.
    """

    key_kind: Literal["customer", "city", "store", "day"]
    key: str
    values: tuple[str, ...] = ()
    valid_from: str = ""
    basis: str = ""
    cost: float = 0.0
    contract: Threshold = Threshold()


class Pushed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every connector that is sent to may say.

    Parameters
    ----------
    secret
        With which the sender signs; a reference such as ``${SHOPIFY_SECRET}``.
    customer_kind
        Kind of identifier that its customer ids are.
    """

    secret: str
    customer_kind: str


class Shopify(Pushed, frozen=True, kw_only=True):
    """Orders of a Shopify shop, sent by its webhooks."""

    customer_kind: str = "shopify"


class Webhook(Pushed, frozen=True, kw_only=True):
    """Any system that signs as Standard Webhooks say.

    Parameters
    ----------
    event
        Name of the event, or a path to it such as ``$.type``.
    events
        Our name for each of theirs; others are refused unless this is empty.
    user, anonymous, time, id
        Paths in the body to who, when and which message.
    properties
        Path for each property; empty takes the whole body.
    """

    customer_kind: str = "user"
    event: str = "$.type"
    events: dict[str, str] = msgspec.field(default_factory=dict)
    user: str = ""
    anonymous: str = ""
    time: str = ""
    id: str = ""
    properties: dict[str, str] = msgspec.field(default_factory=dict)


Config = Sql | Folder | Words | Footfall | Enrichment | Shopify | Webhook


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of connector.

    Parameters
    ----------
    name
        In definitions.
    config
        What a definition may say.
    every_seconds
        How often it runs unless told otherwise; 0 for those that are sent to.
    zh, en
        What it is for.
    """

    name: str
    config: type[Any]
    every_seconds: int
    zh: str
    en: str


KINDS: Mapping[str, Kind] = {
    x.name: x
    for x in (
        Kind("sql", Sql, 60, "CRM、POS 数据库的增量读取", "CRM and till databases, read on"),
        Kind("folder", Folder, 30, "监视的投放文件夹", "A watched drop folder"),
        Kind("text", Words, 60, "客服会话、评价、搜索词", "Chats, reviews and searches"),
        Kind("footfall", Footfall, 300, "门店客流计数", "Visitors counted at the store door"),
        Kind("enrichment", Enrichment, 21600, "外部属性：POI、天气、节假日、信用段、舆情",
             "Attributes from outside: places, weather, holidays, credit bands, opinion"),
        Kind("shopify", Shopify, 0, "Shopify 订单 webhook", "Shopify orders by webhook"),
        Kind("webhook", Webhook, 0, "签名的 webhook", "Any signed webhook"),
    )
}  # fmt: skip
"""Every kind by name."""


def read_config(kind: str, config: Mapping[str, Any], *, where: str) -> Config:
    """A checked definition.

    Parameters
    ----------
    kind
        One of :data:`KINDS`.
    config
        As a person wrote it.
    where
        Name of the connector.

    Returns
    -------
    Config

    Raises
    ------
    InputError
        If the kind is unknown, a key is unknown or missing, or a value has the wrong type.

    Examples
    --------
    >>> read_config("folder", {"path": "/drop"}, where="exports").how
    'folder'
    """
    if kind not in KINDS:
        raise InputError(
            f"{where}: there is no kind of connector {kind!r}",
            next_step=f"Choose one of {', '.join(KINDS)}",
            connector=where,
        )
    try:
        found: Config = msgspec.convert(dict(config), KINDS[kind].config)
    except msgspec.ValidationError as error:
        known = ", ".join(x.name for x in msgspec.structs.fields(KINDS[kind].config))
        raise InputError(
            f"{where}: {str(error).replace('Object ', '').replace('`', '')}",
            next_step=f"A {kind} connector may say: {known}",
            connector=where,
        ) from error
    if isinstance(found, Reads):
        _check_reads(found, kind, where)
    return found


def _check_reads(found: Reads, kind: str, where: str) -> None:
    problem = step = ""
    if bool(found.url) == bool(found.path):
        problem = "needs either url or path"
        step = "Give url for a database or an address, path for a folder or file"
    elif found.how == "sql" and bool(found.table) == bool(found.query):
        problem = "needs either table or query"
        step = "Name the table to read, or write a SELECT as query"
    elif found.how == "sql" and not found.cursor:
        problem = "needs cursor"
        step = "Name the column that grows with every change, such as updated_at or id"
    elif kind == "sql" and found.how != "sql":
        problem = "reads a database and got another address"
        step = "Use kind folder, text, footfall or enrichment for files and addresses"
    elif kind == "enrichment" and found.how == "sql":
        problem = "reads whole deliveries, not a database"
        step = "Give path for a file or folder, or url with https://"
    elif kind == "folder" and found.how != "folder":
        problem = "needs path"
        step = "Name the folder to watch"
    elif min(found.timeout_seconds, found.run_seconds, found.batch_rows) <= 0:
        problem = "timeout_seconds, run_seconds and batch_rows must be above 0"
        step = "Leave them out to take the defaults"
    if problem:
        raise InputError(f"{where}: {problem}", next_step=step, connector=where)
