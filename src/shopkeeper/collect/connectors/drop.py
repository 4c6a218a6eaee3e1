"""A watched folder: which of its files are whole and new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shopkeeper.collect.sources.open import READ
from shopkeeper.core.errors import SourceError

UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", ".swp")
"""Endings under which programs write what is not whole yet."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file of the folder.

    Parameters
    ----------
    path
        Where it is.
    name
        Below the folder.
    state
        Size and time of change, by which a later change is noticed.
    """

    path: Path
    name: str
    state: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the folder found.

    Parameters
    ----------
    ready
        Whole and not taken yet, in the order of their names.
    waiting
        Still being written, with what was seen of them.
    unreadable
        Files of a kind that is not read.
    """

    ready: tuple[Found, ...]
    waiting: Mapping[str, list[int]]
    unreadable: tuple[str, ...]


def look(
    place: Path,
    *,
    taken: Mapping[str, Any],
    waiting: Mapping[str, Any],
    settle_us: int,
    now_us: int,
) -> Look:
    """Which files can be read now.

    A file is whole if it has not changed for the settling time: by its own time of change, or,
    where that cannot be trusted (it lies in the future), because it looked the same that long ago.

    Parameters
    ----------
    place
        A folder, or one file.
    taken
        Size and time of change of the files taken before, by name.
    waiting
        From the look before: size, time of change and when it was seen first, by name.
    settle_us
        Settling time in microseconds.
    now_us
        The moment, microseconds UTC.

    Returns
    -------
    Look

    Raises
    ------
    SourceError
        If the folder is not there.
    """
    ready: list[Found] = []
    still: dict[str, list[int]] = {}
    unreadable: list[str] = []
    for path in _files(place):
        name = path.name if place.is_file() else path.relative_to(place).as_posix()
        suffixes = [x.lower() for x in path.suffixes if x.lower() != ".gz"]
        if path.name.lower().endswith(UNFINISHED) or path.name.startswith((".", "~$")):
            continue
        if not suffixes or suffixes[-1] not in READ:
            if not path.name.endswith(".mapping.yaml") and path.name != "mapping.yaml":
                unreadable.append(name)
            continue
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        state = (stat.st_size, stat.st_mtime_ns // 1000)
        if list(taken.get(name, ())) == list(state):
            continue
        seen = waiting.get(name)
        since = seen[2] if seen and list(seen[:2]) == list(state) else now_us
        rested = now_us - state[1] >= 0 and now_us - state[1] >= settle_us
        if rested or (since < now_us and now_us - since >= settle_us):
            ready.append(Found(path, name, state))
        else:
            still[name] = [*state, since]
    return Look(tuple(ready), still, tuple(unreadable))


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise SourceError(
            f"there is no folder {place}",
            next_step="Create it, or correct path in the definition",
            path=str(place),
        )
    return sorted(x for x in place.rglob("*") if x.is_file())
