"""From located YAML to a plan's definition; every fault is told with its path and line."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection
from typing import Any, TypeVar, get_args

from shopkeeper.collect.live.plan.faults import Fault, refused
from shopkeeper.collect.live.plan.located import Located
from shopkeeper.collect.live.plan.rules import (
    FORMAT,
    KINDS,
    SEVERITIES,
    UNPLANNED,
    Definition,
    Event,
    Override,
    Property,
    Scalar,
)
from shopkeeper.core.columns import Privacy

MAX_FAULTS = 20
"""Faults told at once."""
MAX_PATTERN = 500
"""Longest regular expression."""
MAX_PLANNED_DEPTH = 6
"""Levels of objects and lists that rules may describe."""
MAX_EVENTS, MAX_PROPERTIES = 2_000, 500
"""Most events of a plan, and properties of one event or object."""

PRIVACY: tuple[str, ...] = get_args(Privacy)
PLAN_KEYS = ("version", "zh", "en", "severity", "unplanned", "common", "events", "sources")
EVENT_KEYS = ("zh", "en", "owner", "severity", "unplanned", "properties")
SOURCE_KEYS = ("severity", "unplanned", "events")
PROPERTY_KEYS = (
    "type", "required", "required_with", "aliases", "enum", "pattern", "min", "max", "min_length",
    "max_length", "items", "properties", "privacy", "severity", "zh", "en",
)  # fmt: skip
_REPEATED_REPEAT = re.compile(
    r"\((?:[^()\\]|\\.)*(?:[+*]|\{\d*,\d*\})(?:[^()\\]|\\.)*\)(?:[+*]|\{\d*,)"
)

Value = TypeVar("Value")


def definition(root: Located) -> Definition:
    """Read a whole plan.

    Parameters
    ----------
    root
        From :func:`~shopkeeper.collect.live.plan.located.read` or ``locate``.

    Returns
    -------
    Definition

    Raises
    ------
    InputError
        If anything is unknown or impossible; ``facts["faults"]`` lists up to
        :data:`MAX_FAULTS` of them with path, line and words.
    """
    reader = _Reader()
    found = reader.plan(root)
    if reader.faults:
        raise refused(reader.faults)
    return found


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


class _Reader:
    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, path: str, line: int, zh: str, en: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(path, line, zh, en))

    # --- the levels of the file ---------------------------------------------------------------

    def plan(self, root: Located) -> Definition:
        fields = self.fields(root, "", PLAN_KEYS)
        self._version(fields.get("version"), root.line)
        unplanned = self.fields(fields.get("unplanned"), "unplanned", ("events", "properties"))
        common = self.fields(fields.get("common"), "common", ("context", "traits"))
        return Definition(
            events=self.events(fields.get("events"), "events"),
            context=self.properties(common.get("context"), "common.context", 1),
            traits=self.properties(common.get("traits"), "common.traits", 1),
            unplanned_events=self.choice(
                unplanned.get("events"), "unplanned.events", UNPLANNED, "admit"
            ),
            unplanned_properties=self.choice(
                unplanned.get("properties"), "unplanned.properties", UNPLANNED, "admit"
            ),
            severity=self.choice(fields.get("severity"), "severity", SEVERITIES, "quarantine"),
            sources={
                name: self.source(inner, f"sources.{name}")
                for name, inner in self.named(fields.get("sources"), "sources").items()
            },
            zh=self.text(fields.get("zh"), "zh"),
            en=self.text(fields.get("en"), "en"),
        )

    def _version(self, at: Located | None, line: int) -> None:
        found = at.value if at else None
        if found != FORMAT or isinstance(found, bool):
            self.fault(
                "version",
                at.line if at else line,
                f"应为 version: {FORMAT}（文件格式的版本）",
                f"must say version: {FORMAT}, the version of the file format",
            )

    def events(self, at: Located | None, path: str) -> dict[str, Event]:
        found = self.named(at, path, MAX_EVENTS)
        return {name: self.event(inner, f"{path}.{name}") for name, inner in found.items()}

    def event(self, at: Located, path: str) -> Event:
        fields = self.fields(at, path, EVENT_KEYS)
        return Event(
            properties=self.properties(fields.get("properties"), f"{path}.properties", 1),
            unplanned=self.choice(fields.get("unplanned"), f"{path}.unplanned", UNPLANNED, None),
            severity=self.choice(fields.get("severity"), f"{path}.severity", SEVERITIES, None),
            owner=self.text(fields.get("owner"), f"{path}.owner"),
            zh=self.text(fields.get("zh"), f"{path}.zh"),
            en=self.text(fields.get("en"), f"{path}.en"),
        )

    def source(self, at: Located, path: str) -> Override:
        fields = self.fields(at, path, SOURCE_KEYS)
        inner = f"{path}.unplanned"
        unplanned = self.fields(fields.get("unplanned"), inner, ("events", "properties"))
        return Override(
            severity=self.choice(fields.get("severity"), f"{path}.severity", SEVERITIES, None),
            unplanned_events=self.choice(
                unplanned.get("events"), f"{inner}.events", UNPLANNED, None
            ),
            unplanned_properties=self.choice(
                unplanned.get("properties"), f"{inner}.properties", UNPLANNED, None
            ),
            events=self.events(fields.get("events"), f"{path}.events"),
        )

    def properties(self, at: Located | None, path: str, depth: int) -> dict[str, Property]:
        found = self.named(at, path, MAX_PROPERTIES)
        read = {name: self.property(x, f"{path}.{name}", depth) for name, x in found.items()}
        owners: dict[str, str] = {}
        for name, rule in read.items():
            for other in (name, *rule.aliases):
                if owners.setdefault(other, name) != name or (other != name and other in read):
                    self.fault(
                        f"{path}.{name}.aliases", found[name].line,
                        f"“{other}”同时属于“{owners[other]}”", f"{other!r} also names {owners[other]!r}",
                    )  # fmt: skip
        return read

    def property(self, at: Located, path: str, depth: int) -> Property:
        if depth > MAX_PLANNED_DEPTH:
            self.fault(
                path, at.line, f"规则最多嵌套 {MAX_PLANNED_DEPTH} 层",
                f"rules may be nested {MAX_PLANNED_DEPTH} levels deep",
            )  # fmt: skip
            return Property()
        if isinstance(at.value, str):  # the short form: `order_id: string`
            at = Located({"type": at}, at.line)
        fields = self.fields(at, path, PROPERTY_KEYS)
        items = fields.get("items")
        minimum, maximum = (self.number(fields.get(x), f"{path}.{x}") for x in ("min", "max"))
        least, most = (
            self.length(fields.get(x), f"{path}.{x}") for x in ("min_length", "max_length")
        )
        self.ordered(fields.get("max"), f"{path}.max", minimum, maximum)
        self.ordered(fields.get("max_length"), f"{path}.max_length", least, most)
        rule = Property(
            types=self.types(fields.get("type"), f"{path}.type"),
            required=self.flag(fields.get("required"), f"{path}.required"),
            required_with=self.texts(fields.get("required_with"), f"{path}.required_with"),
            aliases=self.texts(fields.get("aliases"), f"{path}.aliases"),
            enum=self.enum(fields.get("enum"), f"{path}.enum"),
            pattern=self.pattern(fields.get("pattern"), f"{path}.pattern"),
            minimum=minimum,
            maximum=maximum,
            min_length=least,
            max_length=most,
            items=None if items is None else self.property(items, f"{path}.items", depth + 1),
            properties=self.properties(fields.get("properties"), f"{path}.properties", depth + 1),
            privacy=self.choice(fields.get("privacy"), f"{path}.privacy", PRIVACY, "none"),
            severity=self.choice(fields.get("severity"), f"{path}.severity", SEVERITIES, None),
            zh=self.text(fields.get("zh"), f"{path}.zh"),
            en=self.text(fields.get("en"), f"{path}.en"),
        )
        self._applicable(rule, at, path)
        return rule

    def _applicable(self, rule: Property, at: Located, path: str) -> None:
        """Refuse what the type can never meet, so that a rule never silently does nothing."""
        if not rule.types or "any" in rule.types:
            return
        kinds = set(rule.types)
        numbers, texts = {"integer", "number", "decimal"}, {"string", "decimal", "datetime"}
        for key, given, needs in (
            ("min", rule.minimum is not None, numbers),
            ("max", rule.maximum is not None, numbers),
            ("pattern", bool(rule.pattern), texts),
            ("min_length", rule.min_length is not None, {"string", "array"}),
            ("max_length", rule.max_length is not None, {"string", "array"}),
            ("items", rule.items is not None, {"array"}),
            ("properties", bool(rule.properties), {"object"}),
        ):
            if given and not kinds & needs:
                wanted = ", ".join(sorted(needs))
                self.fault(
                    f"{path}.{key}", at.lines.get(key, at.line),
                    f"类型 {', '.join(rule.types)} 没有 {key}（需要 {wanted}）",
                    f"{key} needs the type {wanted}, not {', '.join(rule.types)}",
                )  # fmt: skip

    # --- mappings -----------------------------------------------------------------------------

    def fields(self, at: Located | None, path: str, known: Collection[str]) -> dict[str, Located]:
        found = self.mapping(at, path)
        for name in found:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                line = at.lines.get(name, at.line) if at else 0
                self.fault(
                    _join(path, name), line,
                    f"未知的键“{name}”" + (f"，是不是 {near[0]}？" if near else ""),
                    f"unknown key {name!r}" + (f"; did you mean {near[0]}?" if near else
                                               f"; known are {', '.join(known)}"),
                )  # fmt: skip
        return {name: inner for name, inner in found.items() if name in known}

    def named(self, at: Located | None, path: str, most: int = 1_000) -> dict[str, Located]:
        found = self.mapping(at, path)
        if len(found) > most:
            self.fault(path, at.line if at else 0, f"超过 {most} 项", f"more than {most} entries")
            return {}
        for name in found:
            if not name.strip() or len(name) > 200:
                line = at.lines.get(name, at.line) if at else 0
                self.fault(
                    _join(path, name[:40]), line, "名称为空或过长", "the name is empty or too long"
                )
        return found

    def mapping(self, at: Located | None, path: str) -> dict[str, Located]:
        if at is None or at.value is None:
            return {}
        if not isinstance(at.value, dict):
            self.fault(path, at.line, "应为“键: 值”", "must be a mapping of names to values")
            return {}
        return at.value

    # --- scalars ------------------------------------------------------------------------------

    def choice(self, at: Located | None, path: str, known: Collection[str], default: Any) -> Any:
        if at is None or at.value is None:
            return default
        if at.value not in known:
            listed = ", ".join(known)
            self.fault(path, at.line, f"应为 {listed} 之一", f"must be one of {listed}")
            return default
        return at.value

    def text(self, at: Located | None, path: str) -> str:
        if at is None or at.value is None:
            return ""
        if not isinstance(at.value, str):
            self.fault(
                path, at.line, "应为文字（必要时加引号）", "must be text (quote it if needed)"
            )
            return ""
        return at.value

    def flag(self, at: Located | None, path: str) -> bool:
        return self._of(at, path, bool, False, "应为 true 或 false", "must be true or false")

    def number(self, at: Located | None, path: str) -> float | None:
        found: float | None = None
        if at is not None and at.value is not None:
            value = at.value
            if isinstance(value, bool) or not isinstance(value, int | float) or math.isinf(value):
                self.fault(path, at.line, "应为数字", "must be a number")
            else:
                # 5.0 and 5 say the same and get the same digest.
                found = int(value) if value == int(value) else value
        return found

    def length(self, at: Located | None, path: str) -> int | None:
        found = self.number(at, path)
        if found is not None and (found < 0 or found != int(found)):
            self.fault(
                path, at.line if at else 0, "应为不小于 0 的整数", "must be a whole number ≥ 0"
            )
            return None
        return None if found is None else int(found)

    def ordered(self, at: Located | None, path: str, low: float | None, high: float | None) -> None:
        if low is not None and high is not None and low > high:
            self.fault(
                path, at.line if at else 0, "上限小于下限", "the upper bound is below the lower"
            )

    def _of(
        self, at: Located | None, path: str, kind: type[Value], default: Value, zh: str, en: str
    ) -> Value:
        if at is None or at.value is None:
            return default
        if not isinstance(at.value, kind):
            self.fault(path, at.line, zh, en)
            return default
        return at.value

    def _each(
        self, at: Located | None, path: str, take: Callable[[Located, str], Value]
    ) -> tuple[Value, ...]:
        if at is None or at.value is None:
            return ()
        many = at.value if isinstance(at.value, list) else [at]
        return tuple(take(inner, f"{path}[{i}]" if len(many) > 1 else path)
                     for i, inner in enumerate(many))  # fmt: skip

    def texts(self, at: Located | None, path: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(x for x in self._each(at, path, self.text) if x))

    def types(self, at: Located | None, path: str) -> tuple[Any, ...]:
        found = self._each(at, path, lambda x, p: self.choice(x, p, KINDS, None))
        return tuple(dict.fromkeys(x for x in found if x))

    def enum(self, at: Located | None, path: str) -> tuple[Scalar, ...]:
        def take(inner: Located, where: str) -> Scalar | None:
            value = inner.value
            if value is None or isinstance(value, dict | list):
                self.fault(
                    where, inner.line, "应为文字、数字或真假", "must be text, a number or a boolean"
                )
                return None
            return value

        if at is not None and isinstance(at.value, list) and not at.value:
            self.fault(path, at.line, "没有允许任何值", "allows no value at all")
        found = [x for x in self._each(at, path, take) if x is not None]
        return tuple({(type(x), x): x for x in found}.values())

    def pattern(self, at: Located | None, path: str) -> str:
        text = self.text(at, path)
        line = at.line if at else 0
        if len(text) > MAX_PATTERN:
            self.fault(
                path, line, f"超过 {MAX_PATTERN} 个字符", f"longer than {MAX_PATTERN} characters"
            )
            return ""
        if _REPEATED_REPEAT.search(text):
            self.fault(
                path, line, "重复中又有重复，可能极慢；请改写", "a repeat inside a repeat can take "
                "for ever on some texts; write it without",
            )  # fmt: skip
            return ""
        try:
            re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            self.fault(path, line, f"不是正则表达式：{error}", f"no regular expression: {error}")
            return ""
        return text
