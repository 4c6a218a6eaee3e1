"""What a route gets handed: the open shop, and the parameters that lists share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

from fastapi import Depends, Query, Request
from sqlalchemy import Engine

from shopkeeper.apps.door.arrivals import Arrivals
from shopkeeper.apps.service.background import Background
from shopkeeper.apps.service.telemetry import RequestCounts
from shopkeeper.core.ports import Clock, ModelStore, ProfileStore, TableStore
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import TableContract

if TYPE_CHECKING:  # describing the API needs no back end
    from shopkeeper.backends.runtime import Runtime

Answer = TypeVar("Answer")


class Memory:
    """Answers that hold as long as the tables they were computed from stay as they are.

    Parameters
    ----------
    places
        Answers kept; the one unused for longest goes first.
    """

    def __init__(self, places: int = 256) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Hashable, object]] = OrderedDict()

    def of(self, key: Hashable, state: Hashable, compute: Callable[[], Answer]) -> Answer:
        """Answer for `key` in `state`, computed unless it is kept.

        Parameters
        ----------
        key
            The question.
        state
            Versions of what the answer depends on; another state computes again.
        compute
            Gives the answer; may run twice when asked at the same moment.

        Returns
        -------
        Answer
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] == state:
                self._kept.move_to_end(key)
                return cast("Answer", kept[1])
        answer = compute()
        with self._lock:
            self._kept[key] = (state, answer)
            self._kept.move_to_end(key)
            while len(self._kept) > self._places:
                self._kept.popitem(last=False)
        return answer


@dataclass(frozen=True, slots=True)
class OpenShop:
    """The runtime as the queries see it, with the answers that still hold.

    Parameters
    ----------
    runtime
        What ``open_runtime`` returned.
    memory
        Answers kept by table version.
    counts
        Requests counted so far.
    background
        The run in progress.
    arrivals
        Live events that came in lately.
    """

    runtime: Runtime
    memory: Memory = field(default_factory=Memory)
    counts: RequestCounts = field(default_factory=RequestCounts)
    background: Background = field(default_factory=Background)
    arrivals: Arrivals = field(default_factory=Arrivals)

    @property
    def tables(self) -> TableStore:
        """The lake."""
        return self.runtime.tables

    @property
    def models(self) -> ModelStore:
        """Model versions and cards."""
        return self.runtime.models

    @property
    def profiles(self) -> ProfileStore:
        """Latest profile by customer."""
        return self.runtime.profiles

    @property
    def state(self) -> Engine:
        """Definitions, runs, plans, outbox."""
        return self.runtime.state

    @property
    def settings(self) -> Settings:
        """Settings in force."""
        return self.runtime.settings

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.runtime.clock

    def remember(
        self, key: Hashable, contracts: tuple[TableContract, ...], compute: Callable[[], Answer]
    ) -> Answer:
        """Answer to `key`, computed anew only when one of the tables changed.

        Parameters
        ----------
        key
            The question.
        contracts
            Tables it is answered from.
        compute
            Gives the answer.

        Returns
        -------
        Answer
        """
        state = tuple(self.tables.version(contract) for contract in contracts)
        return self.memory.of(key, state, compute)


def open_shop(request: Request) -> OpenShop:
    """Shop that the application was created with.

    Parameters
    ----------
    request
        The request being answered.

    Returns
    -------
    OpenShop
        The same object for every request of the process.
    """
    return cast("OpenShop", request.app.state.shop)


Shop = Annotated[OpenShop, Depends(open_shop)]
Cursor = Annotated[
    str | None, Query(max_length=200, description="`next_cursor` of the page before")
]
Limit = Annotated[int, Query(ge=1, le=200, description="rows per page")]
