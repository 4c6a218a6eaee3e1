"""Reading files for connectors: a watched folder, and what lies behind an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from shopkeeper.apps.flows.collect import collect
from shopkeeper.apps.flows.connect_read import Admit, Admitted, Brought, Context, counted
from shopkeeper.collect.connectors.address import fetch_file
from shopkeeper.collect.connectors.drop import Found, look
from shopkeeper.collect.connectors.kinds import Folder
from shopkeeper.collect.guess import SURE, first_rows
from shopkeeper.collect.lexicon import is_known
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.report import LoadReport
from shopkeeper.collect.sources.open import open_source
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import InputError, ShopkeeperError, SourceError

ALL_ROWS = 1 << 40


@dataclass(slots=True)
class _Taken:
    """What a look at the folder led to."""

    reports: list[LoadReport] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)
    refused: ShopkeeperError | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def rows_of(location: str) -> pa.Table:
    """All rows of a file, as read."""
    return first_rows(open_source(location, known=is_known), ALL_ROWS)


def read_folder(context: Context, cursor: Mapping[str, Any], admit: Admit) -> Brought:
    """Files of a folder that are whole and new.

    Parameters
    ----------
    context
        Of the run.
    cursor
        Files taken and files still being written.
    admit
        What the kind makes of the rows of one file.

    Returns
    -------
    Brought
        A file that cannot be loaded is told and left until it changes; the others go on.
    """

    def one(file: Found, into: _Taken) -> None:
        found = admit(context, rows_of(str(file.path)))
        into.reports += found.reports
        into.facts |= found.facts
        into.refused = found.refused or into.refused

    return _look(context, cursor, one)


def drop_folder(context: Context, cursor: Mapping[str, Any]) -> Brought:
    """Kind ``folder``: each file goes through collect, by its own mapping."""
    config = context.config
    assert isinstance(config, Folder)
    runtime = context.runtime
    mapping = None
    if config.mapping:
        SourceMapping.from_dict(config.mapping)
        mapping = context.folder / "mapping.yaml"
        context.folder.mkdir(parents=True, exist_ok=True)
        mapping.write_text(SourceMapping.from_dict(config.mapping).to_yaml(), encoding="utf-8")

    def one(file: Found, into: _Taken) -> None:
        report = collect(
            [str(file.path)], tables=runtime.tables, engine=runtime.state,
            settings=runtime.settings, now=context.now, table=config.into or None,
            mapping_file=mapping, source_name=context.name,
            confirm=lambda x: x.guess is None or x.guess.confidence >= SURE,
        )  # fmt: skip
        into.reports += report.loads
        for failure in report.failures:
            raise SourceError(failure.message, next_step=failure.next_step)

    return _look(context, cursor, one)


def _look(context: Context, cursor: Mapping[str, Any], one: Any) -> Brought:
    config = context.config
    place = Path(config.path).expanduser()
    done = _done_folder(config, place)
    before: Mapping[str, Any] = cursor.get("files", {})
    found = look(
        place, taken=before, waiting=cursor.get("waiting", {}),
        settle_us=int(config.settle_seconds * 1e6), now_us=to_us(context.now),
    )  # fmt: skip
    taken, files = _Taken(), {k: v for k, v in before.items() if (place / k).exists()}
    if place.is_file():
        files = dict(before)
    for file in found.ready:
        try:
            one(file, taken)
        except InputError as error:
            taken.failures.append(
                {"file": file.name, "error": error.message, "next_step": error.next_step}
            )
        if taken.refused is None:
            files[file.name] = list(file.state)
            if done is not None and not any(x["file"] == file.name for x in taken.failures):
                _move(file, done)
                del files[file.name]
    notes = tuple(
        (f"{x} 不是可读取的文件类型", f"{x} is not of a kind that is read")
        for x in found.unreadable
    )
    refused = taken.refused
    if taken.failures and refused is None:
        first = taken.failures[0]
        refused = SourceError(f"{first['file']}: {first['error']}", next_step=first["next_step"])
    if taken.failures:
        taken.facts["failures"] = taken.failures
    return counted(
        taken.reports, {"files": files, "waiting": dict(found.waiting)}, refused=refused,
        facts=taken.facts, notes=notes,
    )  # fmt: skip


def _done_folder(config: Any, place: Path) -> Path | None:
    name = getattr(config, "done", "")
    if not name:
        return None
    done = Path(name).expanduser()
    if done.resolve().is_relative_to(place.resolve()):
        raise InputError(
            f"the folder for done files {done} lies in the watched folder",
            next_step="Choose one outside of it, or leave done out",
        )
    return done


def _move(file: Found, done: Path) -> None:
    """Put a loaded file away; one of the same name keeps both."""
    target = done / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        target = target.with_name(f"{target.stem}.{file.state[1]}{target.suffix}")
    file.path.replace(target)


def read_address(context: Context, cursor: Mapping[str, Any], admit: Admit) -> Brought:
    """A file behind an address, unless it is the one we have."""
    config = context.config
    answer = fetch_file(
        config.url, context.folder, timeout_s=config.timeout_seconds,
        etag=cursor.get("etag", ""), modified=cursor.get("modified", ""),
    )  # fmt: skip
    if answer.file is None:
        return Brought(dict(cursor))
    try:
        found: Admitted = admit(context, rows_of(str(answer.file)))
    finally:
        answer.file.unlink(missing_ok=True)
    after: dict[str, Any] = {}
    if found.refused is None:
        after = {"etag": answer.etag, "modified": answer.modified}
    return counted(found.reports, after, refused=found.refused, facts=found.facts)
