"""YAML whose every value knows its line, read without YAML's surprises.

Only ``true`` and ``false`` are booleans, dates stay text, and a number is a number only when it
looks like one in JSON: ``no`` is Norway and ``010`` is an article code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from shopkeeper.core.errors import InputError

MAX_BYTES = 524_288
"""Largest plan file."""
MAX_VALUES = 100_000
"""Most values in a plan file, aliases counted as often as they are used."""
MAX_DEPTH = 40
"""Deepest nesting of a plan file."""

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Composes nodes with the plain scalars of JSON."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("null", r"(?:~|null|)", ["~", "n", ""]),
    ("bool", r"(?:true|false)", list("tf")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,39})", list("-+0123456789")),
    ("float", r"[-+]?[0-9]{1,40}\.[0-9]*(?:[eE][-+][0-9]{1,3})?", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"{_pattern}\\Z"), _first)

Plain: TypeAlias = "str | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class Located:
    """A value and where it stands.

    Parameters
    ----------
    value
        A scalar, a list of located values, or a mapping of names to them.
    line
        Line in the file from 1; 0 when it comes from no file.
    lines
        Of a mapping: the line of each name.
    """

    value: Plain | list[Located] | dict[str, Located]
    line: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)


def read(text: str) -> Located:
    """Parse YAML (or JSON, which is YAML).

    Parameters
    ----------
    text
        Content of a plan file.

    Returns
    -------
    Located

    Raises
    ------
    InputError
        If it is no YAML, too large, or names something twice; with the line.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise InputError(
            f"the tracking plan is larger than {MAX_BYTES // 1024} KiB",
            next_step="Split off what other sources need, or shorten descriptions",
        )
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(error) from error
    return _Walk().located(node, 0) if node is not None else Located(None, 1)


def locate(value: object) -> Located:
    """Plain data as located values without lines.

    Parameters
    ----------
    value
        What a JSON document holds.

    Returns
    -------
    Located
    """
    if isinstance(value, Mapping):
        return Located({str(name): locate(inner) for name, inner in value.items()})
    if isinstance(value, Sequence) and not isinstance(value, str):
        return Located([locate(inner) for inner in value])
    return Located(value if isinstance(value, str | int | float | bool) else None)


class _Walk:
    def __init__(self) -> None:
        self._values = 0

    def located(self, node: yaml.Node, depth: int) -> Located:
        line = node.start_mark.line + 1
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            raise InputError(
                f"line {line}: the tracking plan is nested too deeply or repeats aliases without end",
                next_step="Write the values out",
                line=line,
            )
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, line, depth)
        if isinstance(node, yaml.SequenceNode):
            return Located([self.located(x, depth + 1) for x in node.value], line)
        return Located(_scalar(node.tag, node.value), line)

    def _mapping(self, node: yaml.MappingNode, line: int, depth: int) -> Located:
        found: dict[str, Located] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise InputError(
                    f"line {at}: a name must be one word or text",
                    next_step="Check the indentation",
                    line=at,
                )
            name = str(key.value)
            if name in found:
                raise InputError(
                    f"line {at}: {name!r} occurs twice (first in line {lines[name]})",
                    next_step="Keep one of them",
                    line=at,
                )
            found[name], lines[name] = self.located(value, depth + 1), at
        return Located(found, line, lines)


def _scalar(tag: str, text: str) -> Plain:
    match tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int":
            return int(text)
        case "float":
            return float(text)
    return text


def _unreadable(error: Exception) -> InputError:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else 0
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    where = f"line {line}: " if line else ""
    return InputError(
        f"{where}the tracking plan is no YAML: {problem}",
        next_step="Check indentation, quotes and colons in that line",
        line=line,
    )
