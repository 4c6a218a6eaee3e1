"""Old entries of a Delta log, put aside: a commit costs what the log's folder holds.

Every open and every commit of a Delta table lists the folder of its log, file by file.
Thousands of small commits a day would make that the larger part of the work, so entries
that newer checkpoints cover move to a folder beside; earlier versions are read from there.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltalake import DeltaTable

__all__ = ["forget_before", "past_version", "put_aside"]

_KEPT = 40  # newest versions that stay in place, for readers about to open them
_SETTLED_S = 10.0


def put_aside(folder: Path) -> int:
    """Move what the second newest checkpoints cover out of a table's log.

    Only one process may do it at a time. The newest forty versions and whatever is
    younger than ten seconds stay, so that no reader loses what it has just listed.

    Parameters
    ----------
    folder
        Folder of the table.

    Returns
    -------
    int
        Files moved.
    """
    log = folder / "_delta_log"
    names = sorted(x.name for x in log.iterdir() if x.name[:20].isdigit())
    newest = int(names[-1][:20]) if names else 0
    settled = time.time() - _SETTLED_S
    covering = [
        int(x[:20])
        for x in names
        if x.endswith(".checkpoint.parquet")
        and int(x[:20]) <= newest - _KEPT
        and (log / x).stat().st_mtime < settled
    ]
    if not covering:
        return 0
    old = [x for x in names if int(x[:20]) < covering[-1]]
    aside = _aside(folder)
    if old:
        aside.mkdir(parents=True, exist_ok=True)
    for name in old:
        (log / name).rename(aside / name)
    return len(old)


@contextmanager
def past_version(folder: Path, version: int) -> Iterator[DeltaTable | None]:
    """A version whose entries were put aside.

    Parameters
    ----------
    folder
        Folder of the table.
    version
        A committed version.

    Yields
    ------
    DeltaTable or None
        Its file names are relative to ``folder``; None if the version is not there.
    """
    aside = _aside(folder)
    try:
        names = sorted(x.name for x in aside.iterdir() if int(x.name[:20]) <= version)
    except FileNotFoundError:
        names = []
    checkpoints = [x for x in names if x.endswith(".checkpoint.parquet")]
    first = int(checkpoints[-1][:20]) if checkpoints else 0
    wanted = checkpoints[-1:] + [x for x in names if x.endswith(".json") and int(x[:20]) >= first]
    if not wanted or int(wanted[-1][:20]) != version:
        yield None
        return
    with tempfile.TemporaryDirectory(dir=aside.parent, prefix="view-") as view:
        log = Path(view) / "_delta_log"
        log.mkdir()
        for name in wanted:
            os.link(aside / name, log / name)
        yield DeltaTable(view, version=version)


def forget_before(folder: Path, moment_s: float) -> None:
    """Remove entries put aside that were written before a moment.

    Parameters
    ----------
    folder
        Folder of the table.
    moment_s
        Seconds since 1970.
    """
    aside = _aside(folder)
    if not aside.exists():
        return
    for file in list(aside.iterdir()):
        if file.stat().st_mtime < moment_s:
            file.unlink(missing_ok=True)


def _aside(folder: Path) -> Path:
    return folder.parent / ".history" / folder.name / "log"
