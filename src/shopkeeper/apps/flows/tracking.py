"""Tracking plans of a shop: which is in force, which were, and putting a new one in force."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from shopkeeper.collect.live.envelope import Arrived, Violation
from shopkeeper.collect.live.plan import TrackingPlan
from shopkeeper.core import state
from shopkeeper.core.errors import ConflictError, NotFoundError

table = state.tracking_plans


@dataclass(frozen=True, slots=True)
class Applied:
    """One version of the shop's plan.

    Parameters
    ----------
    version
        From 1; the highest is in force.
    plan
        What it says.
    note, applied_by, applied_at
        Why, who, when.
    """

    version: int
    plan: TrackingPlan
    note: str
    applied_by: str
    applied_at: dt.datetime


def current(engine: Engine) -> Applied | None:
    """The plan in force.

    Parameters
    ----------
    engine
        The state.

    Returns
    -------
    Applied or None
        None if none was ever applied: then every event is admitted.
    """
    with engine.connect() as connection:
        row = connection.execute(select(table).order_by(table.c.version.desc()).limit(1)).first()
    return None if row is None else _applied(row)


def version_of(engine: Engine, version: int) -> Applied:
    """One version.

    Parameters
    ----------
    engine
        The state.
    version
        From 1.

    Returns
    -------
    Applied

    Raises
    ------
    NotFoundError
        If there is no such version.
    """
    with engine.connect() as connection:
        row = connection.execute(select(table).where(table.c.version == version)).first()
    if row is None:
        raise NotFoundError(
            f"there is no version {version} of the tracking plan",
            next_step="shopkeeper tracking history",
            version=version,
        )
    return _applied(row)


def history(engine: Engine, *, limit: int = 50) -> list[Applied]:
    """Versions, newest first.

    Parameters
    ----------
    engine
        The state.
    limit
        At most so many.

    Returns
    -------
    list of Applied
    """
    newest = select(table).order_by(table.c.version.desc()).limit(limit)
    with engine.connect() as connection:
        return [_applied(row) for row in connection.execute(newest)]


def apply(
    engine: Engine,
    plan: TrackingPlan,
    *,
    by: str,
    now: dt.datetime,
    note: str = "",
    based_on: int | None = None,
) -> tuple[Applied, bool]:
    """Put a plan in force; a plan that says the same as the one in force makes no version.

    Parameters
    ----------
    engine
        The state.
    plan
        The new one.
    by
        Who applies it.
    now
        The moment.
    note
        Why.
    based_on
        Version it was made from, 0 for none; None does not ask.

    Returns
    -------
    tuple
        The version in force, and whether it is new.

    Raises
    ------
    ConflictError
        If another version is in force than it was based on, or somebody applies one at the same
        moment.
    """
    held = current(engine)
    version = held.version if held else 0
    if held is not None and held.plan.digest == plan.digest:
        return held, False
    if based_on is not None and based_on != version:
        raise _overtaken(based_on, version)
    try:
        with engine.begin() as connection:
            connection.execute(
                insert(table).values(
                    version=version + 1, definition=plan.to_dict(), digest=plan.digest, note=note,
                    applied_by=by, applied_at=now,
                )
            )  # fmt: skip
    except IntegrityError as error:
        raise _overtaken(version, version + 1) from error
    return version_of(engine, version + 1), True


def _overtaken(based_on: int, version: int) -> ConflictError:
    return ConflictError(
        f"the tracking plan in force is version {version}, this one was made from {based_on}",
        next_step="Pull the plan in force, bring your changes into it, and apply again",
        based_on=based_on,
        version=version,
    )


def _applied(row: Row[tuple[object, ...]]) -> Applied:
    found = row._mapping  # noqa: SLF001  SQLAlchemy's public name for it
    return Applied(
        found["version"], TrackingPlan.from_dict(found["definition"]), found["note"],
        found["applied_by"], found["applied_at"],
    )  # fmt: skip


class Plans:
    """Tracking plans by version for the stream worker and the door; safe among threads.

    Parameters
    ----------
    engine
        The state.
    fresh_s
        How long the latest version is taken for granted.
    """

    def __init__(self, engine: Engine, *, fresh_s: float = 1.0) -> None:
        self._engine, self._fresh_s = engine, fresh_s
        self._lock = threading.Lock()
        self._latest, self._asked_at = 0, -fresh_s
        self._kept: dict[int, TrackingPlan] = {}
        self.warnings: Counter[tuple[str, str]] = Counter()
        """Violations that only count, by reason and field, since the start."""

    def latest(self) -> int:
        """Version in force; 0 if there is none."""
        with self._lock:
            if time.monotonic() - self._asked_at >= self._fresh_s:
                with self._engine.connect() as connection:
                    self._latest = (
                        connection.execute(select(func.max(table.c.version))).scalar() or 0
                    )
                self._asked_at = time.monotonic()
            return self._latest

    def check(self, version: int) -> Callable[[Arrived], Sequence[Violation]] | None:
        """What a version checks.

        Parameters
        ----------
        version
            From :meth:`latest`; 0 checks nothing.

        Returns
        -------
        Callable or None
            Gives the violations of an event; warnings are counted in :attr:`warnings`.

        Raises
        ------
        NotFoundError
            If there is no such version.
        """
        if version == 0:
            return None
        with self._lock:
            if version not in self._kept:
                self._kept[version] = version_of(self._engine, version).plan
            plan = self._kept[version]
        return lambda event: plan.check(event, self._warned)

    def in_force(self) -> Callable[[Arrived], Sequence[Violation]] | None:
        """What the version in force checks; None without a plan."""
        return self.check(self.latest())

    def _warned(self, one: Violation) -> None:
        with self._lock:
            if len(self.warnings) < 10_000 or (one.reason, one.field) in self.warnings:
                self.warnings[one.reason, one.field] += 1
