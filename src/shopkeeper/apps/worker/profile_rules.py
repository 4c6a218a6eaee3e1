"""What live profiles depend on beside events: definitions of traits, and what people judged."""

from __future__ import annotations

import logging

from sqlalchemy import select

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import columns as c
from shopkeeper.core import state as st
from shopkeeper.core.errors import ShopkeeperError
from shopkeeper.core.tables import IDENTITY_EDGES
from shopkeeper.features.live.builtin import BUILT_IN
from shopkeeper.features.live.definition import LiveTrait
from shopkeeper.features.live.text import trait_of
from shopkeeper.unify.match import MANUAL

log = logging.getLogger(__name__)


def definitions(runtime: Runtime) -> list[LiveTrait]:
    """The live traits in force: built in, then those that people defined, by name.

    Parameters
    ----------
    runtime
        The open shop.

    Returns
    -------
    list of LiveTrait
        A stored definition that this release does not understand is left out and logged.
    """
    with runtime.state.connect() as connection:
        rows = connection.execute(select(st.traits).order_by(st.traits.c.name)).all()
    own = []
    for row in rows:
        try:
            own.append(trait_of(row.name, row.definition))
        except ShopkeeperError as error:
            log.warning("live trait %s is left out: %s", row.name, error)
    names = {x.name for x in own}
    return [x for x in BUILT_IN if x.name not in names] + own


def judged_pairs(
    runtime: Runtime,
) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    """Pairs of identifiers that people joined, and that they took apart."""
    if not runtime.tables.exists(IDENTITY_EDGES):
        return frozenset(), frozenset()
    edges = runtime.tables.table(IDENTITY_EDGES)
    by_hand = edges.filter((edges[c.RULE] == MANUAL) | edges[c.UNDONE_AT].notnull())
    rows = runtime.tables.run(by_hand).to_pylist()
    joined = {(x["left"], x["right"]) for x in rows if x["undone_at"] is None}
    undone = {(x["left"], x["right"]) for x in rows if x["undone_at"] is not None}
    return frozenset(joined), frozenset(undone)
