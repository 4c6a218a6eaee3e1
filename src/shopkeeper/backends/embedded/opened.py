"""Delta tables that stay open between commits."""

from __future__ import annotations

from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from shopkeeper.backends.snapshots import latest_version

__all__ = ["OpenedTables"]


# Delta-rs keeps what each commit brought apart, and walks over all of it at every further
# one: a table open for 300 commits takes three times as long as one opened anew.
_STALE_AFTER = 20


class OpenedTables:
    """Tables opened before, brought to their newest version: cheaper than opening them.

    For one thread at a time.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[DeltaTable, int]] = {}

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
        table, since = self._known.get(folder, (None, 0))
        if table is not None and latest - since >= _STALE_AFTER:
            table = None
        if table is not None and table.version() != latest:
            try:
                table.update_incremental()
            except DeltaError:
                table = None
        if table is None or table.version() < latest:
            table = DeltaTable(folder)
            self._known[folder] = table, table.version()
        return table
