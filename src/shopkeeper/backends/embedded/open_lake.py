"""The embedded lake, opened."""

from __future__ import annotations

from pathlib import Path

from shopkeeper.backends.embedded.duck import DuckEngine
from shopkeeper.backends.embedded.lake import DeltaStore
from shopkeeper.backends.embedded.place import lake_folder
from shopkeeper.backends.snapshots import SnapshotCache

__all__ = ["open_delta_store"]


def open_delta_store(folder: Path, *, memory_mb: int = 4096, threads: int = 0) -> DeltaStore:
    """The embedded table store below a folder; creates what is missing.

    Parameters
    ----------
    folder
        Store folder; tables go to ``lake``, spilled intermediate results to ``spill``.
    memory_mb
        Memory the engine may use.
    threads
        Threads of the engine; 0 means all cores.

    Returns
    -------
    DeltaStore

    Raises
    ------
    SettingsError
        If the folder's path holds a character that the lake cannot keep.
    """
    lake = lake_folder(folder)
    engine = DuckEngine(lake.parent / "spill", memory_mb=memory_mb, threads=threads)
    return DeltaStore(SnapshotCache(lake), engine)
