"""Everything the world offers, opened."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from sqlalchemy import Engine

from shopkeeper.core.ports import Clock, EventLog, ModelStore, ProfileStore, Sender, TableStore
from shopkeeper.core.settings import Settings

__all__ = ["Runtime"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """Fields, no verbs: a function takes the port it needs, never the runtime.

    Parameters
    ----------
    settings
        What it was opened with.
    tables
        The lake.
    state
        Definitions and state.
    log
        Events as they were accepted.
    profiles
        Latest profile by customer.
    models
        Versions of models.
    senders
        Sender by channel.
    clock
        The time.
    resources
        What is closed at the end.
    """

    settings: Settings
    tables: TableStore
    state: Engine
    log: EventLog
    profiles: ProfileStore
    models: ModelStore
    senders: Mapping[str, Sender]
    clock: Clock
    resources: ExitStack

    def close(self) -> None:
        """Release everything, the last opened first."""
        self.resources.close()
