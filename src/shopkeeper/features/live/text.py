"""Live traits as people write them: YAML in, YAML out, the same words both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from shopkeeper.core.errors import InputError
from shopkeeper.features.live.definition import Condition, LiveTrait

KEYS = ("measure", "kinds", "field", "window", "where", "until", "unit", "zh", "en", "owner")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_WINDOW = re.compile(r"(\d+)\s*([smhd])\Z")


def traits_of(text: str) -> tuple[LiveTrait, ...]:
    """Definitions from a YAML document: a mapping of names to definitions under ``traits``.

    Parameters
    ----------
    text
        YAML.

    Returns
    -------
    tuple of LiveTrait
        In the order of the document.

    Raises
    ------
    InputError
        If it is no such document; names the trait and the key at fault.
    ContractError
        If the parts of a definition do not fit together.

    Examples
    --------
    >>> (one,) = traits_of('''
    ... traits:
    ...   tea_views_3d: {measure: count, kinds: [view_item], window: 3d, unit: events,
    ...                  where: [{field: category, value: tea}], zh: 看茶, en: Tea views}
    ... ''')
    >>> one.window_s, one.where[0].value
    (259200, 'tea')
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(
            f"the traits are not valid YAML: {error}", next_step="Correct that line"
        ) from error
    named = document.get("traits") if isinstance(document, dict) else None
    if not isinstance(named, dict):
        raise InputError(
            "the document has no mapping under traits",
            next_step="Write traits: and under it one name for each definition",
        )
    return tuple(trait_of(str(name), definition) for name, definition in named.items())


def trait_of(name: str, definition: Any) -> LiveTrait:
    """One definition from its plain form.

    Parameters
    ----------
    name
        Of the trait.
    definition
        Mapping with the keys :data:`KEYS`.

    Returns
    -------
    LiveTrait

    Raises
    ------
    InputError
        If a key is unknown or has the wrong type.
    """
    if not isinstance(definition, Mapping):
        raise _wrong(name, "", "is no mapping", f"Give it {', '.join(KEYS)}")
    unknown = sorted(set(definition) - set(KEYS))
    if unknown:
        raise _wrong(name, unknown[0], "is no key of a trait", f"Use one of {', '.join(KEYS)}")
    for key in ("measure", "zh", "en"):
        if not isinstance(definition.get(key), str):
            raise _wrong(name, key, "is missing or no text", "State it")
    return LiveTrait(
        name=name,
        measure=definition["measure"],
        unit=_text(name, definition, "unit") or "",
        zh=definition["zh"],
        en=definition["en"],
        kinds=_words(name, definition, "kinds"),
        field=_text(name, definition, "field"),
        window_s=_window(name, definition.get("window")),
        where=_where(name, definition.get("where")),
        until=_words(name, definition, "until"),
        owner=_text(name, definition, "owner") or "growth",
    )


def plain(trait: LiveTrait) -> dict[str, Any]:
    """The plain form of a definition; :func:`trait_of` reads it back.

    Parameters
    ----------
    trait
        The definition.

    Returns
    -------
    dict
        Keys in the order of :data:`KEYS`; empty ones are left out.
    """
    where = [
        {"field": x.field, "op": x.op, "value": list(x.value) if x.op == "in" else x.value}  # type: ignore[arg-type]
        for x in trait.where
    ]
    form = {
        "measure": trait.measure, "kinds": list(trait.kinds), "field": trait.field,
        "window": None if trait.window_s is None else duration(trait.window_s), "where": where,
        "until": list(trait.until), "unit": trait.unit, "zh": trait.zh, "en": trait.en,
        "owner": None if trait.owner == "growth" else trait.owner,
    }  # fmt: skip
    return {k: v for k, v in form.items() if v not in (None, [], "")}


def yaml_of(traits: Sequence[LiveTrait]) -> str:
    """Definitions as a YAML document that :func:`traits_of` reads."""
    form = {"traits": {x.name: plain(x) for x in traits}}
    return yaml.safe_dump(form, allow_unicode=True, sort_keys=False, default_flow_style=None)


def duration(seconds: int) -> str:
    """Seconds in the largest unit that fits.

    Examples
    --------
    >>> duration(7 * 86_400), duration(90)
    ('7d', '90s')
    """
    unit = next(x for x in ("d", "h", "m", "s") if seconds % _UNITS[x] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def _window(name: str, value: Any) -> int | None:
    if value is None:
        return None
    found = _WINDOW.match(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise _wrong(name, "window", f"is no length of time: {value!r}", "Write 30m, 24h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def _where(name: str, value: Any) -> tuple[Condition, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong(name, "where", "is no list", "List conditions with field, op and value")
    return tuple(_condition(name, x) for x in value)


def _condition(name: str, value: Any) -> Condition:
    if not isinstance(value, Mapping) or not isinstance(value.get("field"), str):
        raise _wrong(name, "where", "has a condition without a field", "Name its field")
    unknown = sorted(set(value) - {"field", "op", "value"})
    if unknown:
        raise _wrong(name, f"where.{unknown[0]}", "is unknown", "Use field, op and value")
    op, wanted = value.get("op", "="), value.get("value", True)
    if op == "in":
        if not isinstance(wanted, list) or not all(_is_scalar(x) for x in wanted):
            raise _wrong(name, "where.value", "is no list of values", "List them")
        wanted = tuple(wanted)
    elif not _is_scalar(wanted):
        raise _wrong(name, "where.value", "is no text, number or truth", "Give one value")
    return Condition(value["field"], op, wanted)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _words(name: str, definition: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = definition.get(key, [])
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(x, str) for x in value):
        raise _wrong(name, key, "is no list of words", "List kinds of event")
    return tuple(value)


def _text(name: str, definition: Mapping[str, Any], key: str) -> str | None:
    value = definition.get(key)
    if value is not None and not isinstance(value, str):
        raise _wrong(name, key, "is no text", "Write it in quotes")
    return value


def _wrong(name: str, key: str, what: str, next_step: str) -> InputError:
    where = f"live trait {name}" + (f", {key}" if key else "")
    return InputError(f"{where} {what}", next_step=next_step, trait=name, key=key)
