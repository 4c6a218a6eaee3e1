"""What the stages need of the world, as small protocols.

``backends`` implements them; ``backends.open`` chooses. A function takes the one
port it needs. What a back end cannot do is a field of its capabilities, read
before the work starts and never discovered by exception.
"""

from __future__ import annotations

from shopkeeper.core.ports.events import EventLog, LogCapabilities, LogEntry, LogReader, LogRecord
from shopkeeper.core.ports.profiles import (
    IdentityLoad,
    Known,
    ProfileChange,
    ProfileStore,
    ProfileUpdate,
    Section,
)
from shopkeeper.core.ports.tables import Capabilities, Commit, Scalar, TableStore
from shopkeeper.core.ports.world import Clock, Message, ModelStore, Receipt, Sender, StoredModel

__all__ = [
    "Capabilities",
    "Clock",
    "Commit",
    "EventLog",
    "IdentityLoad",
    "Known",
    "LogCapabilities",
    "LogEntry",
    "LogReader",
    "LogRecord",
    "Message",
    "ModelStore",
    "ProfileChange",
    "ProfileStore",
    "ProfileUpdate",
    "Receipt",
    "Scalar",
    "Section",
    "Sender",
    "StoredModel",
    "TableStore",
]
