"""What one event says about who somebody is, and what a batch of such changes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from shopkeeper.core.ports import Known
from shopkeeper.unify.identifiers import BLOCKED_VALUES, CUSTOMER_PREFIX, ID_DIGITS, ID_PREFIX

_OURS = re.compile(rf"{ID_PREFIX}[0-9a-f]{{{ID_DIGITS}}}\Z")
_ZEROS = re.compile(r"[0-]*\Z")


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one event says about who somebody is.

    Parameters
    ----------
    reference
        ``kind:value`` of the user id; None when only a device is known.
    device
        ``anonymous_id:value``; None when only a user is known.
    contacts
        ``phone:…`` and ``email:…``, normalised, that the event states of its reference.
    seen_us
        When it was seen.
    birth_date, gender
        What the event states, as text; None if nothing.
    """

    reference: str | None
    device: str | None
    contacts: tuple[str, ...] = ()
    seen_us: int = 0
    birth_date: str | None = None
    gender: str | None = None


@dataclass(slots=True)
class Identities:
    """What a batch of sightings changed.

    Parameters
    ----------
    assigned
        Customer by identifier, new or moved; None: names nobody any more.
    links
        New pairs of a reference and what it was seen with.
    known
        New or changed guards by reference.
    merged
        Customers that are another one now, all of them: old to new.
    split
        Customers that gained or lost a part of another one.
    """

    assigned: dict[str, str | None] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    split: set[str] = field(default_factory=set)


def blocked(identifier: str) -> bool:
    """Whether an identifier's value names nobody; equal to ``identifiers.is_blocked``.

    Examples
    --------
    >>> blocked("crm:0"), blocked("phone:null"), blocked("crm:10")
    (True, True, False)
    """
    value = identifier.partition(":")[2] if ":" in identifier else identifier
    value = value.strip().lower()
    return value in BLOCKED_VALUES or _ZEROS.match(value) is not None


def own_customer(reference: str) -> str | None:
    """The customer that a reference to one of our own ids names; None for others.

    Examples
    --------
    >>> own_customer("customer_id:c_1"), own_customer("crm:1")
    ('c_1', None)
    """
    if reference.startswith(CUSTOMER_PREFIX):
        return reference[len(CUSTOMER_PREFIX) :]
    return reference if _OURS.match(reference) else None
