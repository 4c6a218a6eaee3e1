"""Mappings that were used before: in state by header fingerprint, and as YAML beside the source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, delete, insert, select

from shopkeeper.collect.mapping import SourceMapping, fingerprint, read_mapping
from shopkeeper.collect.sources.open import MAPPING_SUFFIX
from shopkeeper.core import state


def saved_mapping(engine: Engine, headers: Sequence[str]) -> SourceMapping | None:
    """The mapping last used for these headers, in whatever order they come.

    Parameters
    ----------
    engine
        The shop's state.
    headers
        Of a source that names its columns itself.

    Returns
    -------
    SourceMapping or None
    """
    query = select(state.mappings.c.definition).where(
        state.mappings.c.fingerprint == fingerprint(headers)
    )
    with engine.connect() as connection:
        found = connection.execute(query).scalar_one_or_none()
    return None if found is None else SourceMapping.from_dict(found)


def save_mapping(
    engine: Engine, headers: Sequence[str], mapping: SourceMapping, *, now: dt.datetime
) -> None:
    """Remember the mapping of these headers, in place of an earlier one."""
    key = fingerprint(headers)
    with engine.begin() as connection:
        connection.execute(delete(state.mappings).where(state.mappings.c.fingerprint == key))
        connection.execute(
            insert(state.mappings).values(
                fingerprint=key,
                table_name=mapping.table,
                definition=mapping.to_dict(),
                created_at=now,
            )
        )


def beside(location: str) -> Path | None:
    """Where the mapping of a source is written for people to edit; None for databases.

    ``orders.csv`` has ``orders.csv.mapping.yaml``; the files of a folder share
    ``mapping.yaml`` in it, if somebody put one there.
    """
    if "://" in location:
        return None
    path = Path(location)
    if path.is_dir():
        return path / "mapping.yaml"
    if not path.exists() and "#" in location:
        file, _, sheet = location.rpartition("#")
        return Path(f"{file}.{sheet}{MAPPING_SUFFIX}")
    return path.with_name(path.name + MAPPING_SUFFIX)


def mapping_beside(location: str) -> SourceMapping | None:
    """The mapping lying beside a source, or in its folder.

    Raises
    ------
    MappingError
        If there is one and it cannot be read.
    """
    own = beside(location)
    if own is None:
        return None
    for candidate in (own, own.parent / "mapping.yaml"):
        if candidate.exists():
            return read_mapping(candidate)
    return None


def write_beside(location: str, mapping: SourceMapping, fallback: Path) -> Path:
    """Write the mapping beside the source, or into the shop where that is not allowed.

    Parameters
    ----------
    location
        The source.
    mapping
        What was used.
    fallback
        Folder in the shop.

    Returns
    -------
    Path
        Where it was written.
    """
    own = beside(location)
    text = mapping.to_yaml()
    if own is not None:
        try:
            own.write_text(text, encoding="utf-8")
        except OSError:
            pass
        else:
            return own
    fallback.mkdir(parents=True, exist_ok=True)
    name = own.name if own is not None else f"{mapping.table}{MAPPING_SUFFIX}"
    file = fallback / name
    file.write_text(text, encoding="utf-8")
    return file
