"""How the stream worker feeds the online features: events at once, orders as they are written."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pyarrow as pa

from shopkeeper.apps.worker.online import OnlineFeatures
from shopkeeper.apps.worker.profiles import Applied, LiveProfiles
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.rows import event_rows
from shopkeeper.core.errors import StoreError
from shopkeeper.core.ports import Commit, TableStore
from shopkeeper.core.tables import EVENTS, ORDER_LINES, ORDERS, TableContract

log = logging.getLogger(__name__)


class ProfilesAndFeatures:
    """Keeps live profiles, then tells the online features of the same events.

    Repeating a batch changes nothing: profiles skip below their position, and a row of the
    online features replaces the one with its key.

    Parameters
    ----------
    profiles
        The live section.
    online
        The section of features.
    zone_name
        IANA zone of the shop.
    """

    def __init__(self, profiles: LiveProfiles, online: OnlineFeatures, *, zone_name: str) -> None:
        self._profiles, self._online, self._zone_name = profiles, online, zone_name

    def apply(self, events: Sequence[Arrived], positions: Mapping[int, int]) -> Applied:
        """Apply a micro-batch.

        Parameters
        ----------
        events
            Admitted.
        positions
            First log offset not in the batch, by partition.

        Returns
        -------
        Applied
        """
        done = self._profiles.apply(events, positions)
        moved = {*done.merged, *done.merged.values()}
        if events or moved:
            rows = event_rows(events, zone_name=self._zone_name) if events else EVENTS.empty()
            self._online.touch({EVENTS.name: rows}, {}, moved=moved)
        return done

    def position(self, partition: int) -> int:
        """First offset of a partition that is not applied yet."""
        return self._profiles.position(partition)

    def tick(self, now_us: int) -> tuple[str, ...]:
        """Change what changes by time alone."""
        return self._profiles.tick(now_us)


class _Watched:
    """A table store that tells of the orders that are written through it."""

    def __init__(self, tables: TableStore, online: OnlineFeatures) -> None:
        self._tables, self._online = tables, online
        self._untold: list[tuple[TableContract, pa.Table, bool]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tables, name)

    def append(
        self,
        contract: TableContract,
        rows: pa.Table | pa.RecordBatchReader,
        *,
        token: tuple[str, int] | None = None,
        after: int | None = None,
    ) -> Commit:
        commit = self._tables.append(contract, rows, token=token, after=after)
        if isinstance(rows, pa.Table):
            self._tell(contract, rows, whole=False)
        return commit

    def merge(self, contract: TableContract, rows: pa.Table) -> Commit:
        commit = self._tables.merge(contract, rows)
        # A changed order is merged with all its lines; those it no longer has are deleted.
        self._tell(contract, rows, whole=contract == ORDER_LINES)
        return commit

    def _tell(self, contract: TableContract, rows: pa.Table, *, whole: bool) -> None:
        """Tell of rows; the commit stands, so a failure waits here for the next rows."""
        if contract not in (ORDERS, ORDER_LINES):
            return
        self._untold.append((contract, rows, whole))
        while self._untold:
            table, waiting, all_there = self._untold[0]
            try:
                names = [table.name] if all_there else []
                self._online.touch({table.name: waiting}, {}, whole=names)
            except StoreError as error:
                log.warning("online features do not take orders in, tried again later: %s", error)
                return
            self._untold.pop(0)


def watched(tables: TableStore, online: OnlineFeatures) -> TableStore:
    """The same store; orders and their lines that are written through it are told.

    Parameters
    ----------
    tables
        The lake.
    online
        Told after the commit, so that it sees exactly the rows of the lake.

    Returns
    -------
    TableStore
    """
    return cast("TableStore", _Watched(tables, online))
