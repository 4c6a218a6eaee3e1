"""Delta tables that stay open between commits."""

from __future__ import annotations

from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from shopkeeper.backends.snapshots import latest_version

__all__ = ["OpenedTables"]


class OpenedTables:
    """Tables opened before, brought to their newest version: cheaper than opening them.

    For one thread at a time.
    """

    def __init__(self) -> None:
        self._known: dict[Path, DeltaTable] = {}

    def newest(self, folder: Path) -> DeltaTable | None:
        """The newest version of a table.

        Parameters
        ----------
        folder
            Folder of the table.

        Returns
        -------
        DeltaTable or None
            None if it was never written.
        """
        latest = latest_version(folder)
        if latest < 0:
            self._known.pop(folder, None)
            return None
        table = self._known.get(folder)
        if table is not None and table.version() != latest:
            try:
                table.update_incremental()
            except DeltaError:
                table = None
        if table is None or table.version() < latest:
            table = self._known[folder] = DeltaTable(folder)
        return table
