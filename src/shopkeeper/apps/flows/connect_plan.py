"""Connectors as YAML: read, compared with what there is, applied, given back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import yaml
from sqlalchemy import Engine

from shopkeeper.apps.flows.connect import Definition, connectors, definition_of, remove, save
from shopkeeper.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Change:
    """What applying a file does to one connector.

    Parameters
    ----------
    connector_id
        Which.
    action
        What happens to it.
    differences
        Key, before and after.
    """

    connector_id: str
    action: Literal["create", "change", "same", "remove", "keep"]
    differences: tuple[tuple[str, Any, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class DefinitionPlan:
    """Everything applying a file would do; :func:`apply` performs it.

    Parameters
    ----------
    changes
        By name.
    wanted
        Definitions of the file.
    """

    changes: tuple[Change, ...]
    wanted: tuple[Definition, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"changes": [asdict(x) for x in self.changes]}


def read_definitions(text: str) -> list[Definition]:
    """Definitions of a YAML file with the key ``connectors``.

    Raises
    ------
    InputError
        If it is not YAML, or a definition is wrong.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(
            f"the definitions are not YAML: {str(error).splitlines()[0]}",
            next_step="Correct the line it names",
        ) from error
    given = content.get("connectors") if isinstance(content, dict) else None
    if not isinstance(given, dict) or not all(isinstance(x, dict) for x in given.values()):
        raise InputError(
            "the definitions have no key connectors with one entry for each",
            next_step="Write connectors: {crm: {kind: sql, url: ${CRM_URL}, table: …}}",
        )
    return [definition_of(str(name), x) for name, x in given.items()]


def plan(engine: Engine, wanted: Sequence[Definition], *, prune: bool = False) -> DefinitionPlan:
    """Compare definitions with what there is.

    Parameters
    ----------
    engine
        State.
    wanted
        From :func:`read_definitions`.
    prune
        Whether connectors that the file does not name are removed.

    Returns
    -------
    DefinitionPlan
    """
    there = {x.definition.connector_id: x.definition for x in connectors(engine)}
    changes = []
    for one in wanted:
        before = there.pop(one.connector_id, None)
        if before is None:
            changes.append(Change(one.connector_id, "create"))
            continue
        old, new = before.to_dict(), one.to_dict()
        differences = tuple(
            (key, old.get(key), new.get(key))
            for key in sorted({*old, *new})
            if old.get(key) != new.get(key)
        )
        changes.append(Change(one.connector_id, "change" if differences else "same", differences))
    changes += [Change(x, "remove" if prune else "keep") for x in there]
    return DefinitionPlan(tuple(changes), tuple(wanted))


def apply(engine: Engine, planned: DefinitionPlan, *, now: datetime) -> None:
    """Perform a plan; applying it again changes nothing."""
    wanted = {x.connector_id: x for x in planned.wanted}
    for change in planned.changes:
        if change.action in {"create", "change"}:
            save(engine, wanted[change.connector_id], now=now)
        elif change.action == "remove":
            remove(engine, change.connector_id)


def pull(engine: Engine) -> str:
    """All definitions as the YAML that :func:`read_definitions` reads."""
    found = {x.definition.connector_id: x.definition.to_dict() for x in connectors(engine)}
    return yaml.safe_dump({"connectors": found}, allow_unicode=True, sort_keys=False)
