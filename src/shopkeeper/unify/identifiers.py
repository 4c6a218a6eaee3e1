"""How somebody is recognised: identifiers of every loaded row, as expressions.

An identifier is written ``kind:value``. The ``customer_ref`` of a row is one; phone, e-mail
and anonymous id are others, which link references of different sources to each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

import ibis

from shopkeeper.core import columns as c

BLOCKED_VALUES = (
    "", "0", "-1", "null", "none", "nil", "nan", "undefined", "unknown", "anonymous", "guest",
    "n/a", "na", "test", "(none)", "[object object]", "true", "false", "未知", "无", "散客",
    "+8613800138000", "13800138000", "+8613800000000", "+8613888888888",
    "test@test.com", "test@example.com", "a@a.com", "none@none.com",
    "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
"""Values, lower case, that name nobody; so does anything of zeros and dashes alone."""
ALIAS = "alias"
"""Kind of the event that says which id a user had before."""
CUSTOMER_PREFIX = "customer_id:"
"""A reference that names one of our own customers, as contacts that we sent carry it."""
ID_PREFIX = "c_"
ID_DIGITS = 20
"""Hexadecimal digits of a customer id; 80 bits keep collisions below 1e-8 for 100M customers."""
CONTACT_KINDS = ("phone", "email", "anonymous_id")
"""Kinds that link references and never name a customer while a reference can."""


@dataclass(frozen=True, slots=True)
class LinkRule:
    """One exact rule: equal identifiers of a kind mean one person, within limits.

    Parameters
    ----------
    key
        Name in the edges table.
    kind
        Kind of the shared identifier.
    limit
        An identifier of more references than this merges nobody (a family
        phone, a shop's own number, a shared tablet).
    score
        How much the rule is trusted, in (0, 1]; higher rules merge first.
    zh, en
        What it says, for people.
    """

    key: str
    kind: str
    limit: int
    score: float
    zh: str
    en: str


RULES: Mapping[str, LinkRule] = {
    x.kind: x
    for x in (
        LinkRule("same_phone", "phone", 4, 0.95, "手机号相同", "Same phone number"),
        LinkRule("same_email", "email", 4, 0.9, "邮箱相同", "Same e-mail address"),
        LinkRule("same_device", "anonymous_id", 1, 0.6, "登录于同一设备", "Same device"),
    )
}  # fmt: skip
"""The exact rules by kind of identifier. A device never merges two known customers."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What stands between two references and a merge.

    Parameters
    ----------
    limits
        References per identifier by kind; kinds not named keep the rule's own.
    max_references
        References one customer may have.
    exclusive_kinds
        Kinds of which one person has one: two different member cards are two people.
    """

    limits: Mapping[str, int] = field(default_factory=dict)
    max_references: int = 20
    exclusive_kinds: tuple[str, ...] = ("member_card", "card", "unionid")

    def limit(self, kind: str) -> int:
        """References an identifier of a kind may link."""
        return self.limits.get(kind, RULES[kind].limit)


def customer_id_of(identifier: str) -> str:
    """Customer id whose root is an identifier; equal to what :func:`customer_id` computes.

    Examples
    --------
    >>> customer_id_of("crm:1")
    'c_6a572634d77c9b87c6e2'
    """
    digest = hashlib.md5(identifier.encode(), usedforsecurity=False).hexdigest()
    return ID_PREFIX + digest[:ID_DIGITS]


def customer_id(identifier: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """Customer id of a root identifier, as an expression."""
    return ibis.literal(ID_PREFIX) + identifier.hexdigest("md5").left(ID_DIGITS)


def kind_of(identifier: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """What stands before the colon; ``ref`` if there is none."""
    return identifier.re_extract("^([^:]+):", 1).nullif("").fill_null("ref")


def is_blocked(identifier: ibis.expr.types.StringValue) -> ibis.expr.types.BooleanValue:
    """Whether an identifier's value names nobody (``crm:0``, ``phone:null``)."""
    value = identifier.re_replace("^[^:]*:", "").strip().lower()
    return value.isin(BLOCKED_VALUES) | value.re_search("^[0-]*$")


def device_of(events: ibis.Table) -> ibis.expr.types.StringValue:
    """Anonymous id of an event; of an ``alias`` without one the id that its user had before."""
    told = events[c.PROPERTIES].re_extract(r'"\$previous":"([^"\\]+)"', 1).nullif("")
    before = (events[c.KIND] == ALIAS).ifelse(told, ibis.null("string"))
    return ibis.coalesce(events[c.ANONYMOUS_ID], before)


def references(tables: Sequence[ibis.Table]) -> ibis.Table:
    """Every customer reference of some tables with the loads that brought it.

    Parameters
    ----------
    tables
        Loaded tables with ``customer_ref`` and ``load_id``.

    Returns
    -------
    ibis.Table
        ``identifier``, ``load_id``; one row a pair. References to our own
        customer ids are left out: they need no resolving.
    """
    parts = [
        t.filter(t[c.CUSTOMER_REF].notnull() & ~_is_ours(t[c.CUSTOMER_REF])).select(
            identifier=t[c.CUSTOMER_REF], load_id=t[c.LOAD_ID]
        ).distinct()
        for t in tables
    ]  # fmt: skip
    return union(parts).distinct()


def links(customers: ibis.Table, events: ibis.Table) -> ibis.Table:
    """Which reference was seen with which phone, e-mail or anonymous id.

    Parameters
    ----------
    customers, events
        Loaded tables.

    Returns
    -------
    ibis.Table
        ``left`` (reference), ``right`` (identifier), ``kind``, ``source``,
        ``load_id``, ``references`` (how many references share ``right``); one
        row for each pair. A reference that is itself a phone, e-mail or
        anonymous id is linked to itself. Blocked values are left out.
    """
    ref = customers[c.CUSTOMER_REF]
    parts = [
        customers.filter(customers[column].notnull()).select(
            left=ref, right=ibis.literal(f"{kind}:") + customers[column],
            kind=ibis.literal(kind), source=customers[c.SOURCE], load_id=customers[c.LOAD_ID],
        )
        for kind, column in (("phone", c.PHONE), ("email", c.EMAIL))
    ]  # fmt: skip
    both = events.mutate(anonymous_id=device_of(events))
    both = both.filter(both[c.CUSTOMER_REF].notnull() & both[c.ANONYMOUS_ID].notnull())
    parts.append(
        both.select(
            left=both[c.CUSTOMER_REF], right=ibis.literal("anonymous_id:") + both[c.ANONYMOUS_ID],
            kind=ibis.literal("anonymous_id"), source=both[c.SOURCE], load_id=both[c.LOAD_ID],
        )
    )  # fmt: skip
    pairs = union(parts)
    pairs = pairs.filter(
        ~is_blocked(pairs["left"]) & ~is_blocked(pairs["right"]) & ~_is_ours(pairs["left"])
    )
    pairs = pairs.group_by(["left", "right", "kind"]).agg(
        source=pairs["source"].min(), load_id=pairs["load_id"].min()
    )
    shared = pairs.group_by("right").agg(references=ibis._.count())
    joined = pairs.inner_join(shared, "right")
    return joined.select("left", "right", "kind", "source", "load_id", "references")


def with_contact_references(pairs: ibis.Table, refs: ibis.Table) -> ibis.Table:
    """Links, in which references that are phones or e-mails themselves count too.

    Parameters
    ----------
    pairs
        As :func:`links` returns them.
    refs
        As :func:`references` returns them.

    Returns
    -------
    ibis.Table
        Columns of ``pairs``; a self-link ``left = right`` for each such reference.
    """
    kind = kind_of(refs["identifier"])
    own = refs.filter(kind.isin(CONTACT_KINDS) & ~is_blocked(refs["identifier"]))
    own = own.group_by("identifier").agg(load_id=own["load_id"].min())
    own = own.select(
        left=own["identifier"], right=own["identifier"], kind=kind_of(own["identifier"]),
        source=ibis.literal(""), load_id=own["load_id"],
    )  # fmt: skip
    columns = ["left", "right", "kind", "source", "load_id"]
    both = pairs.select(columns).union(own.select(columns))
    shared = both.group_by("right").agg(references=ibis._.count())
    return both.inner_join(shared, "right").select(*columns, "references")


def anonymous(events: ibis.Table) -> ibis.Table:
    """Anonymous ids of events with the loads that brought them, as :func:`references`."""
    known = events.mutate(anonymous_id=device_of(events))
    known = known.filter(known[c.ANONYMOUS_ID].notnull())
    found = known.select(
        identifier=ibis.literal("anonymous_id:") + known[c.ANONYMOUS_ID], load_id=known[c.LOAD_ID]
    ).distinct()
    return found.filter(~is_blocked(found["identifier"]))


def first_seen(
    found: ibis.Table, loads: ibis.Table, previous: ibis.Table, as_of: ibis.Value
) -> ibis.Table:
    """When each identifier was first known.

    Parameters
    ----------
    found
        ``identifier``, ``load_id``.
    loads, previous
        Tables ``loads`` and ``identities`` as they stand.
    as_of
        Taken for identifiers whose load is not recorded.

    Returns
    -------
    ibis.Table
        ``identifier``, ``seen_at``. What was once recorded never changes, so
        that customer ids do not either.
    """
    dated = found.left_join(loads, found["load_id"] == loads[c.LOAD_ID]).select(
        identifier=found["identifier"], created_at=loads[c.CREATED_AT]
    )
    first = dated.group_by("identifier").agg(created_at=dated["created_at"].min())
    known = first.left_join(previous, first["identifier"] == previous[c.IDENTIFIER]).select(
        identifier=first["identifier"], created_at=first["created_at"], seen_at=previous[c.SEEN_AT]
    )
    return known.select(
        "identifier", seen_at=ibis.coalesce(known["seen_at"], known["created_at"], as_of)
    )


def union(parts: Sequence[ibis.Table]) -> ibis.Table:
    """All rows of tables with the same columns."""
    return reduce(lambda a, b: a.union(b), parts)


def _is_ours(ref: ibis.expr.types.StringValue) -> ibis.expr.types.BooleanValue:
    return ref.startswith(CUSTOMER_PREFIX) | ref.re_search(f"^{ID_PREFIX}[0-9a-f]{{{ID_DIGITS}}}$")


def customer_of(
    ref: ibis.expr.types.StringValue, resolved: ibis.expr.types.StringValue
) -> ibis.expr.types.StringValue:
    """Customer of a reference.

    Parameters
    ----------
    ref
        ``customer_ref`` of a row.
    resolved
        ``customer_id`` found for it in the identities, or null.

    Returns
    -------
    ibis.expr.types.StringValue
        The resolved customer; for references to our own ids that id; for
        references that are not resolved yet the id they will get.
    """
    ours = ibis.cases(
        (ref.startswith(CUSTOMER_PREFIX), ref.substr(len(CUSTOMER_PREFIX))),
        (ref.re_search(f"^{ID_PREFIX}[0-9a-f]{{{ID_DIGITS}}}$"), ref),
        else_=ibis.null("string"),
    )
    return ibis.coalesce(resolved, ours, customer_id(ref))
