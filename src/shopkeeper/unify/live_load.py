"""What the online identity needs of the night, as expressions: guards and links."""

from __future__ import annotations

import ibis

from shopkeeper.core import columns as c
from shopkeeper.unify import identifiers as ids


def known_identities(identities: ibis.Table, customers: ibis.Table) -> ibis.Table:
    """Identities with what guards the merging of each.

    Parameters
    ----------
    identities, customers
        Tables of the lake.

    Returns
    -------
    ibis.Table
        ``identifier``, ``customer_id``, ``seen_us``, ``birth_date``, ``gender``; a guard that
        the sources of a reference do not agree on is null.
    """
    gender = customers[c.GENDER].isin([1, 2]).ifelse(customers[c.GENDER], ibis.null("int8"))
    told = customers.group_by(c.CUSTOMER_REF).agg(
        low=customers[c.BIRTH_DATE].min(), high=customers[c.BIRTH_DATE].max(),
        least=gender.min(), most=gender.max(),
    )  # fmt: skip
    joined = identities.left_join(told, identities[c.IDENTIFIER] == told[c.CUSTOMER_REF])
    seconds = identities[c.SEEN_AT].epoch_seconds().cast("float64").floor().cast("int64")
    return joined.select(
        identifier=identities[c.IDENTIFIER],
        customer_id=identities[c.CUSTOMER_ID],
        seen_us=seconds * 10**6,
        birth_date=_agreed(told["low"], told["high"]),
        gender=_agreed(told["least"], told["most"]),
    )


def known_links(customers: ibis.Table, events: ibis.Table, refs: ibis.Table) -> ibis.Table:
    """Which reference was seen with which phone, e-mail or device.

    Parameters
    ----------
    customers, events
        Loaded tables.
    refs
        As :func:`~shopkeeper.unify.identifiers.references` returns them.

    Returns
    -------
    ibis.Table
        ``reference``, ``contact``; distinct.
    """
    pairs = ids.with_contact_references(ids.links(customers, events), refs)
    return pairs.select(reference=pairs["left"], contact=pairs["right"]).distinct()


def _agreed(low: ibis.Value, high: ibis.Value) -> ibis.Value:
    return (low == high).ifelse(low.cast("string"), ibis.null("string"))
