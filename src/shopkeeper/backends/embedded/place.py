"""Where the lake may lie."""

from __future__ import annotations

from pathlib import Path

from shopkeeper.core.errors import SettingsError

__all__ = ["lake_folder"]

_ODD = frozenset("=[]*?#%")


def lake_folder(folder: Path) -> Path:
    """Folder of the tables below a store folder; created when missing.

    Parameters
    ----------
    folder
        Store folder.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    SettingsError
        If the path holds ``=``, which would be taken for a partition, or a
        character that the lake cannot address (``[ ] * ? # %``).
    """
    home = folder.resolve()
    odd = sorted(set(str(home)) & _ODD)
    if odd:
        raise SettingsError(
            f"the store folder {home} has {' '.join(odd)} in its path, which the lake cannot keep",
            next_step="Choose another store.folder",
            folder=str(home),
        )
    lake = home / "lake"
    lake.mkdir(parents=True, exist_ok=True)
    return lake
