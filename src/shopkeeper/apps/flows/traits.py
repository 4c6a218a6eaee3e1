"""The shop's own live traits as one file: what applying it would change, and doing so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, insert, select

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state as st
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.ports import ProfileStore
from shopkeeper.features.live.builtin import BUILT_IN
from shopkeeper.features.live.definition import LiveTrait
from shopkeeper.features.live.text import plain, trait_of

PAGE = 10_000


@dataclass(frozen=True, slots=True)
class TraitPlan:
    """What applying a file would change.

    Parameters
    ----------
    added, changed, removed, kept
        Names of traits.
    overriding
        Built-in traits that the file defines anew.
    profiles
        Live sections that would be made anew from the lake.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    overriding: tuple[str, ...]
    profiles: int

    @property
    def empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.added or self.changed or self.removed)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "added": list(self.added), "changed": list(self.changed),
            "removed": list(self.removed), "kept": list(self.kept),
            "overriding": list(self.overriding), "profiles": self.profiles,
        }  # fmt: skip


def own_traits(engine: Engine) -> tuple[LiveTrait, ...]:
    """Traits that people defined, by name.

    Parameters
    ----------
    engine
        State.

    Returns
    -------
    tuple of LiveTrait
    """
    with engine.connect() as connection:
        rows = connection.execute(select(st.traits).order_by(st.traits.c.name)).all()
    return tuple(trait_of(x.name, x.definition) for x in rows)


def trait_named(engine: Engine, name: str) -> LiveTrait:
    """One trait, the shop's own before the built-in one.

    Parameters
    ----------
    engine
        State.
    name
        Of the trait.

    Returns
    -------
    LiveTrait

    Raises
    ------
    NotFoundError
        If there is none.
    """
    for trait in (*own_traits(engine), *BUILT_IN):
        if trait.name == name:
            return trait
    raise NotFoundError(
        f"there is no live trait {name!r}", next_step="List them: shopkeeper trait list", name=name
    )


def plan_traits(runtime: Runtime, wanted: Sequence[LiveTrait]) -> TraitPlan:
    """What applying definitions would change; writes nothing.

    Parameters
    ----------
    runtime
        The open shop.
    wanted
        All of the shop's own traits; those not among them would go.

    Returns
    -------
    TraitPlan
    """
    before = {x.name: x for x in own_traits(runtime.state)}
    after = {x.name: x for x in wanted}
    built_in = {x.name for x in BUILT_IN}
    added = tuple(sorted(after.keys() - before.keys()))
    changed = tuple(sorted(x for x in after.keys() & before.keys() if after[x] != before[x]))
    removed = tuple(sorted(before.keys() - after.keys()))
    concerned = added or changed or removed
    return TraitPlan(
        added, changed, removed,
        tuple(sorted(x for x in after.keys() & before.keys() if after[x] == before[x])),
        tuple(sorted(after.keys() & built_in)),
        sum(1 for page in _pages(runtime.profiles) for _ in page) if concerned else 0,
    )  # fmt: skip


def apply_traits(runtime: Runtime, wanted: Sequence[LiveTrait], *, now: datetime) -> TraitPlan:
    """Make definitions the shop's own traits, and have profiles made anew by them.

    Parameters
    ----------
    runtime
        The open shop.
    wanted
        All of the shop's own traits.
    now
        Recorded with them.

    Returns
    -------
    TraitPlan
        What was changed. The worker takes over new definitions within seconds; their past
        follows from the lake, customer by customer.
    """
    plan = plan_traits(runtime, wanted)
    if plan.empty:
        return plan
    rows = [{"name": x.name, "definition": plain(x), "updated_at": now} for x in wanted]
    with runtime.state.begin() as connection:
        connection.execute(delete(st.traits))
        if rows:
            connection.execute(insert(st.traits), rows)
    if plan.added or plan.changed:
        for page in _pages(runtime.profiles):
            runtime.profiles.queue(page)
    return plan


def _pages(store: ProfileStore) -> Sequence[list[str]]:
    pages: list[list[str]] = []
    after = ""
    while True:
        page = store.ids("live", after=after, limit=PAGE)
        if not page:
            return pages
        pages.append(page)
        after = page[-1] + "\x00"
