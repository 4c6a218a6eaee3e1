"""The lake as a sink of the event log: every commit carries the log offset it reaches.

A row is written once whatever happens: a table whose last commit reaches an offset is not
written again below it, and a commit that does not follow the one it expects is refused.
Tables are written in one order, ``events`` last, so that what ``events`` reaches, all reach.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.apps.worker.judging import DecisionRow, Judged
from shopkeeper.collect.live.envelope import Arrived, Refused
from shopkeeper.collect.live.rows import event_rows, failed, load_id, quarantine_rows
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import EVENTS, QUARANTINE, TableContract

log = logging.getLogger(__name__)

Int64s = npt.NDArray[np.int64]
Item = TypeVar("Item")

ORDER: tuple[TableContract, ...] = (QUARANTINE, EVENTS)
"""Tables in the order in which they are written."""


@dataclass(slots=True)
class Batch:
    """What waits for the lake.

    Parameters
    ----------
    events, refused, decisions
        As judged.
    positions
        First offset that is not covered, by partition.
    """

    events: list[Arrived] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    decisions: list[DecisionRow] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.events) + len(self.refused) + len(self.decisions)

    def add(self, judged: Judged) -> None:
        """Take over what was judged next."""
        self.events += judged.events
        self.refused += judged.refused
        self.decisions += judged.decisions
        self.positions.update(judged.positions)

    def drop(self, partition: int) -> None:
        """Leave a partition to somebody else."""
        self.events = [x for x in self.events if x.partition != partition]
        self.refused = [x for x in self.refused if x.event.partition != partition]
        self.decisions = [x for x in self.decisions if x.partition != partition]
        self.positions.pop(partition, None)


@dataclass(frozen=True, slots=True)
class Placed:
    """Rows of one table with the place in the log that each came from."""

    contract: TableContract
    rows: pa.Table
    partition: Int64s
    offset: Int64s


class LakeSink:
    """Writes batches; knows how far each table has each partition.

    Parameters
    ----------
    tables
        The lake.
    zone_name
        IANA zone of the shop.
    """

    def __init__(self, tables: TableStore, *, zone_name: str) -> None:
        self._tables = tables
        self._zone = zone_name
        self._reached: dict[tuple[str, int], int] = {}

    def gain(self, partition: int) -> int:
        """Look up how far each table has a partition.

        Parameters
        ----------
        partition
            Of the log.

        Returns
        -------
        int
            Last offset that any table has committed; -1 if none has.
        """
        for contract in ORDER:
            reached = self._tables.committed(contract, load_id(partition))
            self._reached[contract.name, partition] = reached
        return max(self._reached[x.name, partition] for x in ORDER)

    def events_reached(self, partition: int) -> int:
        """Last offset that every table has; -1 if none has."""
        return self._reached.get((EVENTS.name, partition), -1)

    def write(self, batch: Batch) -> Mapping[str, int]:
        """Write what the tables do not have yet.

        Parameters
        ----------
        batch
            Not changed. Writing it again after a failure goes on where it stopped.

        Returns
        -------
        Mapping
            Rows written by table.

        Raises
        ------
        ConflictError
            If another worker has taken over a partition.
        StoreError, OSError
            If the lake refused; what was committed stays.
        """
        written: dict[str, int] = {}
        for placed in self._built(batch):
            for partition in np.unique(placed.partition).tolist():
                rows = self._append(placed, partition, batch.positions[partition] - 1)
                if rows:
                    name = placed.contract.name
                    written[name] = written.get(name, 0) + rows
        return written

    def _append(self, placed: Placed, partition: int, last: int) -> int:
        contract, place = placed.contract, (placed.contract.name, partition)
        after = self._reached[place]
        new = (placed.partition == partition) & (placed.offset > after)
        count = int(new.sum())
        if not count:
            return 0
        rows = placed.rows if count == placed.rows.num_rows else placed.rows.filter(pa.array(new))
        self._tables.append(contract, rows, token=(load_id(partition), last), after=after)
        self._reached[place] = last
        return count

    def _built(self, batch: Batch) -> Sequence[Placed]:
        """Rows of every table, in the order of writing; what cannot be a row is refused."""
        refused = list(batch.refused)

        def refuse(event: Arrived, error: Exception) -> None:
            log.warning("event %s makes no row", event.event_id, exc_info=error)
            refused.append(failed(event, "rows", error))

        events, rows = sound(
            batch.events, lambda x: event_rows(x, zone_name=self._zone), refuse, EVENTS.empty()
        )
        built = [
            _placed(QUARANTINE, quarantine_rows(refused), [x.event for x in refused]),
            _placed(EVENTS, rows, events),
        ]
        return [x for x in built if x.rows.num_rows]


def sound(
    items: Sequence[Item],
    build: Callable[[Sequence[Item]], pa.Table],
    refuse: Callable[[Item, Exception], None],
    empty: pa.Table,
) -> tuple[list[Item], pa.Table]:
    """Build rows; of items that make it fail each is found and refused, the rest is built.

    Parameters
    ----------
    items
        One or more rows each.
    build
        Makes rows of several items.
    refuse
        Told of each that fails alone.
    empty
        What no items give.

    Returns
    -------
    tuple
        The items that did not fail, and their rows.

    Examples
    --------
    >>> def build(numbers):
    ...     return pa.table({"x": [1 // n for n in numbers]})
    >>> bad = []
    >>> sound([1, 0, -1], build, lambda n, error: bad.append(n), build([]))[1]["x"].to_pylist(), bad
    ([1, -1], [0])
    """
    if not items:
        return [], empty
    try:
        return list(items), build(items)
    except Exception as error:  # noqa: BLE001  the one at fault is found and refused
        if len(items) == 1:
            refuse(items[0], error)
            return [], empty
    half = len(items) // 2
    one, first = sound(items[:half], build, refuse, empty)
    other, second = sound(items[half:], build, refuse, empty)
    return one + other, pa.concat_tables([first, second])


def _placed(contract: TableContract, rows: pa.Table, items: Sequence[Arrived]) -> Placed:
    return Placed(
        contract,
        rows,
        np.array([x.partition for x in items], dtype=np.int64),
        np.array([x.offset for x in items], dtype=np.int64),
    )
