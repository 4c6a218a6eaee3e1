"""What events say about people: traits as records of customers, and statements of consent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from shopkeeper.collect.dates import moments
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.orders import who
from shopkeeper.collect.live.rows import load_id
from shopkeeper.collect.vocabulary import CONSENTS as STATES
from shopkeeper.core import columns as c
from shopkeeper.core.tables import ARROW_TYPES, CONSENTS, CUSTOMERS

Row = dict[str, Any]
Key = tuple[str, str]
"""Customer reference and source, which identify a record of a customer."""

TRAITS: Mapping[str, tuple[str, ...]] = {
    str(c.PERSON_NAME): ("name", "fullName", "full_name", "姓名"),
    str(c.GENDER): ("gender", "sex", "性别"),
    str(c.BIRTH_DATE): ("birthday", "birth_date", "birthDate", "dateOfBirth", "生日"),
    str(c.AGE_BAND): ("age_band", "ageBand", "ageGroup"),
    str(c.PHONE): ("phone", "mobile", "phoneNumber", "phone_number", "手机号"),
    str(c.EMAIL): ("email", "mail", "邮箱"),
    str(c.CITY): ("city", "城市"),
    str(c.MEMBER_LEVEL): ("member_level", "memberLevel", "level", "tier", "会员等级"),
    str(c.INCOME_BAND): ("income_band", "incomeBand"),
    str(c.HOUSEHOLD_SIZE): ("household_size", "householdSize"),
    str(c.TIME_ZONE): ("timezone", "time_zone", "timeZone"),
    str(c.LANGUAGE): ("language", "locale"),
}
"""Column of CUSTOMERS by the traits that fill it; the first one present wins."""
JOINED = ("createdAt", "created_at", "joined_at", "joinedAt")
CONSENT_TRAITS = ("consent", "consents")
CONSENT_EVENTS = frozenset(
    {"consent_changed", "consent_updated", "segment_consent_preference_updated",
     "segment_consent_preference"}
)  # fmt: skip
"""Kinds of event that state a consent."""
STATED_BY_KIND: Mapping[str, str] = {
    "consent_granted": "GRANT", "consent_given": "GRANT", "subscribed": "GRANT",
    "consent_denied": "DENY", "consent_revoked": "REVOKED", "consent_withdrawn": "REVOKED",
    "unsubscribed": "REVOKED", "unsubscribe": "REVOKED", "email_unsubscribed": "REVOKED",
    "sms_unsubscribed": "REVOKED",
}  # fmt: skip
"""Kinds of event that state a consent by their name alone."""
PURPOSES = {
    "advertising": "marketing", "ads": "marketing", "promotion": "marketing",
    "functional": "service", "personalization": "service", "performance": "analytics",
    "statistics": "analytics", "measurement": "analytics",
}  # fmt: skip
"""Purpose by the categories that consent banners use."""
MARKETING, EVERY_CHANNEL = "marketing", "all"
BASIS = "consent"
MAX_TEXT = 500
_KNOWN_TRAITS = frozenset(
    {x for names in TRAITS.values() for x in names}
    | {*JOINED, *CONSENT_TRAITS, "firstName", "first_name", "lastName", "last_name", "address"}
)
_STATES = {word.lower(): state for word, state in STATES.items()}


def record_of(event: Arrived) -> tuple[Key, Row] | None:
    """What an ``identify`` call tells of a customer.

    Parameters
    ----------
    event
        Any; other calls tell nothing.

    Returns
    -------
    tuple or None
        Key and the columns that are told, as text; further traits lie in ``attributes``.
    """
    if event.type != "identify" or not event.traits:
        return None
    traits = event.traits
    address = traits.get("address")
    row: Row = {}
    for column, names in TRAITS.items():
        value = _text(traits, names)
        if value is None and isinstance(address, dict):
            value = _text(address, names)
        if value is not None:
            row[column] = value
    if str(c.PERSON_NAME) not in row:
        row |= _whole_name(traits)
    language = row.get(str(c.LANGUAGE)) or event.context.get("locale")
    if isinstance(language, str) and language:
        row[str(c.LANGUAGE)] = language.replace("_", "-").split("-")[0].lower()
    zone = event.context.get("timezone")
    if str(c.TIME_ZONE) not in row and isinstance(zone, str) and zone:
        row[str(c.TIME_ZONE)] = zone[:MAX_TEXT]
    joined = _text(traits, JOINED)
    if joined is not None:
        row[str(c.JOINED_AT)] = joined
    further = {k: v for k, v in traits.items() if k not in _KNOWN_TRAITS}
    if further:
        row[str(c.ATTRIBUTES)] = json.dumps(further, ensure_ascii=False, sort_keys=True)
    row[str(c.UPDATED_AT)] = event.occurred_us
    row[str(c.LOAD_ID)] = load_id(event.partition)
    return (who(event), event.source), row


def together(earlier: Row, later: Row) -> Row:
    """Two records of one customer as one: what the later one tells wins, the rest stays.

    Parameters
    ----------
    earlier, later
        From :func:`record_of`.

    Returns
    -------
    dict

    Examples
    --------
    >>> together({"city": "上海", "phone": "1"}, {"phone": "2"})
    {'city': '上海', 'phone': '2'}
    """
    joined = {**earlier, **later}
    attributes = str(c.ATTRIBUTES)
    if attributes in earlier and attributes in later:
        both = {**json.loads(earlier[attributes]), **json.loads(later[attributes])}
        joined[attributes] = json.dumps(both, ensure_ascii=False, sort_keys=True)
    moment = str(c.UPDATED_AT)
    if moment in earlier and moment in later:
        joined[moment] = max(earlier[moment], later[moment])
    return joined


def customer_rows(records: Mapping[Key, Row], *, zone_name: str) -> pa.Table:
    """Records as a table, before cleaning.

    Parameters
    ----------
    records
        By key.
    zone_name
        IANA zone of moments without one.

    Returns
    -------
    pa.Table
        Columns of ``customers``; gender and birth date still as written.
    """
    rows = [{str(c.CUSTOMER_REF): k[0], str(c.SOURCE): k[1], **v} for k, v in records.items()]
    arrays: dict[str, pa.Array] = {}
    for field in CUSTOMERS.arrow_schema:
        values = [x.get(field.name) for x in rows]
        if field.name == c.JOINED_AT:
            us = moments(pa.array(values, pa.string()), zone_name=zone_name)
            arrays[field.name] = us.cast(ARROW_TYPES["timestamp"])
        elif field.name == c.UPDATED_AT:
            arrays[field.name] = pa.array(values, pa.int64()).cast(ARROW_TYPES["timestamp"])
        else:
            arrays[field.name] = pa.array(values, pa.string())
    return pa.table(arrays)


def filled(told: pa.Table, stored: pa.Table) -> pa.Table:
    """New records, completed by what is stored about the same customers.

    Parameters
    ----------
    told
        Cleaned rows under the contract ``customers``.
    stored
        Rows of the lake with keys of ``told``.

    Returns
    -------
    pa.Table
        Under the contract; what is told wins over what is stored.
    """
    if not stored.num_rows:
        return CUSTOMERS.cast(told, fill=True)
    known = {(x["customer_ref"], x["source"]): x for x in stored.to_pylist()}
    attributes = str(c.ATTRIBUTES)
    rows = []
    for row in CUSTOMERS.cast(told, fill=True).to_pylist():
        old = known.get((row["customer_ref"], row["source"]), {})
        both = {k: old.get(k) if v is None else v for k, v in row.items()}
        if row[attributes] and old.get(attributes):
            merged = {**json.loads(old[attributes]), **json.loads(row[attributes])}
            both[attributes] = json.dumps(merged, ensure_ascii=False, sort_keys=True)
        rows.append(both)
    return pa.Table.from_pylist(rows, schema=CUSTOMERS.arrow_schema)


class Statements:
    """Statements of consent in events; what a customer's browser only repeats is left out.

    Parameters
    ----------
    most
        Customers whose last preferences are remembered.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._last: dict[str, str] = {}

    def rows(self, events: Sequence[Arrived]) -> tuple[list[Arrived], pa.Table]:
        """Rows of ``consents``.

        Parameters
        ----------
        events
            In the order of the log.

        Returns
        -------
        tuple
            The event of each row, and the rows under the contract.
        """
        found: dict[tuple[str, str, str, int], tuple[Arrived, str]] = {}
        for event in events:
            for purpose, channel, status in self.stated(event):
                key = (who(event), purpose, channel, event.occurred_us)
                found[key] = (event, status)
        columns = {
            str(c.CUSTOMER_REF): [x[0] for x in found],
            str(c.PURPOSE): [x[1] for x in found],
            str(c.CHANNEL): [x[2] for x in found],
            str(c.STATUS): [x[1] for x in found.values()],
            str(c.BASIS): [BASIS] * len(found),
            str(c.SOURCE): [x[0].source for x in found.values()],
            str(c.LOAD_ID): [load_id(x[0].partition) for x in found.values()],
        }
        arrays = {k: pa.array(v, pa.string()) for k, v in columns.items()}
        at = pa.array([x[3] for x in found], pa.int64())
        arrays[str(c.STATUS_AT)] = at.cast(ARROW_TYPES["timestamp"])
        return [x[0] for x in found.values()], CONSENTS.cast(pa.table(arrays))

    def stated(self, event: Arrived) -> Iterator[tuple[str, str, str]]:
        """What one event states.

        Parameters
        ----------
        event
            The next one of the log.

        Yields
        ------
        tuple
            Purpose, channel (``all`` for every one) and status.
        """
        if event.kind in STATED_BY_KIND:
            yield _by_kind(event.kind, event.properties)
        if event.kind in CONSENT_EVENTS:
            yield from _changed(event.properties)
        if event.type == "identify":
            for name in CONSENT_TRAITS:
                yield from _by_channel(event.traits.get(name))
        consent = event.context.get("consent")
        if isinstance(consent, dict):
            yield from self._preferences(event, consent)

    def _preferences(
        self, event: Arrived, consent: Mapping[str, Any]
    ) -> Iterator[tuple[str, str, str]]:
        """Segment's ``context.consent``, which comes with every event."""
        preferences = consent.get("categoryPreferences")
        if not isinstance(preferences, dict) or not preferences:
            return
        told = json.dumps(preferences, sort_keys=True, default=str)
        customer = who(event)
        if self._last.pop(customer, None) != told:
            for category, value in preferences.items():
                status = _status(value)
                if status is not None:
                    name = str(category).strip().lower()[:MAX_TEXT]
                    yield PURPOSES.get(name, name), EVERY_CHANNEL, status
        self._last[customer] = told
        if len(self._last) > self._most:
            del self._last[next(iter(self._last))]


def may_state(event: Arrived) -> bool:
    """Whether an event may state a consent; most do not, and need not be looked at."""
    return (
        event.type == "identify"
        or "consent" in event.context
        or event.kind in CONSENT_EVENTS
        or event.kind in STATED_BY_KIND
    )


def _by_kind(kind: str, properties: Mapping[str, Any]) -> tuple[str, str, str]:
    purpose = str(properties.get("purpose") or MARKETING).strip().lower()[:MAX_TEXT]
    own = kind.partition("_")[0] if kind.endswith("_unsubscribed") else EVERY_CHANNEL
    channel = str(properties.get("channel") or own).strip().lower()[:MAX_TEXT]
    return PURPOSES.get(purpose, purpose), channel, STATED_BY_KIND[kind]


def _changed(properties: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    status = next(
        (_status(properties[x]) for x in ("status", "state", "granted") if x in properties), None
    )
    if status is not None:
        purpose = str(properties.get("purpose") or MARKETING).strip().lower()[:MAX_TEXT]
        channel = str(properties.get("channel") or EVERY_CHANNEL).strip().lower()[:MAX_TEXT]
        yield PURPOSES.get(purpose, purpose), channel, status
    for name in CONSENT_TRAITS:
        yield from _by_channel(properties.get(name))


def _by_channel(told: object) -> Iterator[tuple[str, str, str]]:
    """``{"email": true, "sms": "revoked"}``, or a list of ``{purpose, channel, status}``."""
    if isinstance(told, dict):
        for channel, value in told.items():
            status = _status(value)
            if status is not None:
                yield MARKETING, str(channel).strip().lower()[:MAX_TEXT], status
    elif isinstance(told, list):
        for each in told:
            if isinstance(each, dict):
                yield from _changed({k: v for k, v in each.items() if k not in CONSENT_TRAITS})
    elif (status := _status(told)) is not None:
        yield MARKETING, EVERY_CHANNEL, status


def _status(value: object) -> str | None:
    if isinstance(value, bool):
        return "GRANT" if value else "DENY"
    return _STATES.get(value.strip().lower()) if isinstance(value, str) else None


def _whole_name(traits: Mapping[str, Any]) -> Row:
    first = _text(traits, ("firstName", "first_name"))
    last = _text(traits, ("lastName", "last_name"))
    if first is None and last is None:
        return {}
    if first and last:
        latin = (first + last).isascii()
        return {str(c.PERSON_NAME): f"{first} {last}" if latin else f"{last}{first}"}
    return {str(c.PERSON_NAME): first or last}


def _text(values: Mapping[str, Any], names: Sequence[str]) -> str | None:
    for name in names:
        value = values.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()[:MAX_TEXT]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return None
