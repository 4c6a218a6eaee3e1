"""Changes to one event as a JSON patch (RFC 6902), applied to a copy."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from shopkeeper.core.errors import InputError

OPERATIONS = ("add", "replace", "remove", "test", "copy", "move")
MAX_OPERATIONS = 100
"""Most operations of one patch."""


def patched(document: Any, patch: Sequence[Mapping[str, Any]]) -> Any:
    """A document with a patch applied.

    Parameters
    ----------
    document
        JSON; not changed.
    patch
        Operations in order: ``op`` with ``path``, and ``value`` or ``from``.

    Returns
    -------
    Any
        JSON.

    Raises
    ------
    InputError
        If an operation is unknown, lacks something, points at nothing, or a ``test`` fails.

    Examples
    --------
    >>> patched({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}])
    {'a': [1, 2]}
    """
    if len(patch) > MAX_OPERATIONS:
        raise InputError(
            f"a patch has at most {MAX_OPERATIONS} operations, not {len(patch)}",
            next_step="Give the whole event instead",
        )
    result = copy.deepcopy(document)
    for number, operation in enumerate(patch):
        result = _applied(result, operation, f"operation {number}")
    return result


def assignment(text: str, value: Any) -> dict[str, Any]:
    """A patch operation from a dotted path, as the command line takes it.

    Parameters
    ----------
    text
        Such as ``properties.products[0].price``.
    value
        JSON.

    Returns
    -------
    dict
        An ``add`` operation, which sets what is there and adds what is not.

    Examples
    --------
    >>> assignment("properties.products[0].price", 3)
    {'op': 'add', 'path': '/properties/products/0/price', 'value': 3}
    """
    parts = text.replace("[", ".").replace("]", "").split(".")
    escaped = (x.replace("~", "~0").replace("/", "~1") for x in parts)
    return {"op": "add", "path": "/" + "/".join(escaped), "value": value}


def _applied(document: Any, operation: Mapping[str, Any], where: str) -> Any:
    op, path = operation.get("op"), operation.get("path")
    if op not in OPERATIONS or not isinstance(path, str):
        raise _fault(where, f"needs op ({', '.join(OPERATIONS)}) and path", operation)
    parts = _parts(path, where)
    if op in ("add", "replace", "test") and "value" not in operation:
        raise _fault(where, f"{op} needs a value", operation)
    if op == "test":
        if _at(document, parts, where) != operation["value"]:
            raise _fault(where, f"{path} has another value", operation)
        return document
    if op in ("copy", "move"):
        source = operation.get("from")
        if not isinstance(source, str):
            raise _fault(where, f"{op} needs from", operation)
        if op == "move" and path.startswith(f"{source}/"):
            raise _fault(where, "nothing can be moved into itself", operation)
        value = copy.deepcopy(_at(document, _parts(source, where), where))
        if op == "move":
            document = _put(document, _parts(source, where), where, "remove", None)
        return _put(document, parts, where, "add", value)
    return _put(document, parts, where, str(op), copy.deepcopy(operation.get("value")))


def _parts(path: str, where: str) -> list[str]:
    if path and not path.startswith("/"):
        raise _fault(where, f"path {path!r} must begin with /", {})
    return [x.replace("~1", "/").replace("~0", "~") for x in path.split("/")[1:]]


def _at(document: Any, parts: Sequence[str], where: str) -> Any:
    for part in parts:
        document = document[_key(document, part, where)]
    return document


def _put(document: Any, parts: list[str], where: str, op: str, value: Any) -> Any:
    if not parts:
        return None if op == "remove" else value
    parent = _at(document, parts[:-1], where)
    if isinstance(parent, list) and op == "add":
        place = len(parent) if parts[-1] == "-" else _index(parts[-1], len(parent), where)
        parent.insert(place, value)
        return document
    if isinstance(parent, dict) and op == "add":
        parent[parts[-1]] = value
        return document
    key = _key(parent, parts[-1], where)
    if op == "remove":
        del parent[key]
    else:
        parent[key] = value
    return document


def _key(parent: Any, part: str, where: str) -> Any:
    if isinstance(parent, dict) and part in parent:
        return part
    if isinstance(parent, list):
        return _index(part, len(parent) - 1, where)
    raise _fault(where, f"there is no {part!r}", {})


def _index(part: str, last: int, where: str) -> int:
    if not (part.isascii() and part.isdigit() and len(part) < 8) or int(part) > last:
        raise _fault(where, f"there is no element {part!r} of the list", {})
    return int(part)


def _fault(where: str, what: str, operation: Mapping[str, Any]) -> InputError:
    return InputError(
        f"patch, {where}: {what}",
        next_step='Write [{"op": "replace", "path": "/properties/price", "value": 9.5}]',
        operation=dict(operation),
    )
