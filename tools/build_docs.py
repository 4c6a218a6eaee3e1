"""Regenerate the generated pages of the documentation; with ``--check``, only compare.

``python tools/build_docs.py`` (what ``make docs`` runs) writes every page of ``PAGES`` from the
definitions in the code. ``--check`` writes nothing and exits 1 if a committed page differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from shopkeeper.apps.service.openapi import document
from shopkeeper.collect.live.plan.schema import schema_text
from shopkeeper.collect.live.plan.words import PLAN_REASONS
from shopkeeper.collect.reasons import REASONS
from shopkeeper.core.dictionary import markdown as dictionary
from shopkeeper.core.settings import ENV_PREFIX, FILE_NAME, Settings, known_keys
from shopkeeper.core.settings_zh import SETTINGS_ZH
from shopkeeper.decide.choose import REASONS as OUTCOMES
from shopkeeper.decide.wording import SENTENCES, SHORT
from shopkeeper.features.manual import manual
from shopkeeper.govern.gates import GATES, STAGE_NAMES
from shopkeeper.govern.indicators import DIMENSIONS, INDICATORS, TABLE_NAMES, Indicator
from shopkeeper.govern.rules import COLUMN_KINDS, RULES, Example, Rule
from shopkeeper.measure.metrics import METRICS

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "make docs"
NOTE = (
    "由代码生成，请勿手改；用 `make docs` 更新。Generated from the code; `make docs` refreshes it."
)
UNITS = {
    "share": "占比 share",
    "days": "天 days",
    "ratio": "比率 ratio",
    "psi": "PSI",
    "count": "个数 count",
    "minor": "最小货币单位 minor units",
    "number": "数值 number",
}
BETTER = {"up": "越高越好 up", "down": "越低越好 down", "neither": "—"}


def row(*cells: str) -> str:
    """One line of a Markdown table; pipes are escaped."""
    return "| " + " | ".join(x.replace("|", "\\|") for x in cells) + " |"


def head(*cells: str) -> list[str]:
    """Heading of a Markdown table."""
    return [row(*cells), "|" + " --- |" * len(cells)]


def page(title: str, *lines: str) -> str:
    """A page with its title and the note that it is generated."""
    return "\n".join([f"# {title}", "", NOTE, *lines]) + "\n"


def shown(value: str | None, nothing: str) -> str:
    """A value as code, with quotes; what cannot be seen is written as an escape."""
    if value is None:
        return nothing
    seen = "".join(x if x.isprintable() else f"\\u{ord(x):04x}" for x in value)
    fence = "``" if "`" in seen else "`"
    return f'{fence}"{seen}"{fence}'


def features_page() -> str:
    """The feature manual in both languages."""
    parts = [f"#{line}" if line.startswith("#") else line for x in ("zh", "en")
             for line in ("", *manual(x).splitlines())]  # fmt: skip
    return page("特征手册 Feature manual", *parts)


def settings_page() -> str:
    """Every setting with type, default, environment variable and meaning."""
    words = known_keys()
    sections: dict[str, dict[str, Any]] = {
        name: field.annotation.model_json_schema()["properties"]  # type: ignore[union-attr]
        for name, field in Settings.model_fields.items()
    }
    known = {*sections, *words}
    if known != set(SETTINGS_ZH):
        odd = ", ".join(sorted(known ^ set(SETTINGS_ZH)))
        raise SystemExit(f"core/settings_zh.py: SETTINGS_ZH and the settings differ: {odd}")
    lines = [
        "",
        f"后者优先：默认值、`{FILE_NAME}`、环境变量、命令行选项。未知的键会被拒绝。  ",
        f"Later wins: default, `{FILE_NAME}`, environment, flag. Unknown keys are refused.",
    ]
    for section, keys in sections.items():
        lines += ["", f"## `[{section}]` {SETTINGS_ZH[section]}", ""]
        lines += head(
            "键 Key", "类型 Type", "默认 Default", "环境变量 Environment", "含义", "Meaning"
        )
        for key, schema in keys.items():
            name = f"{section}.{key}"
            lines.append(
                row(f"`{name}`", kind(schema), default(schema["default"]),
                    f"`{ENV_PREFIX}{section.upper()}__{key.upper()}`", SETTINGS_ZH[name], words[name])
            )  # fmt: skip
    return page("设置 Settings", *lines)


def kind(schema: Mapping[str, Any]) -> str:
    """Type and range of a setting."""
    if "enum" in schema:
        return " / ".join(f"`{x}`" for x in schema["enum"])
    if schema.get("format") == "path":
        return "path"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = (f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema)
    return ", ".join([schema["type"], *bounds])


def default(value: object) -> str:
    """Default as it is written in TOML."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str | Path) else f"`{value}`"


def rules_page() -> str:
    """The cleaning rules with their examples, by kind of column."""
    lines = [
        "",
        f"{len(RULES)} 条规则，按应用顺序排列；每次修改都记入 `corrections` 表并可还原。  ",
        f"{len(RULES)} rules in order of application; each change is a row of `corrections`, reversible.",
    ]
    for key, (zh, en) in COLUMN_KINDS.items():
        members = [x for x in RULES if x.kind == key]
        lines += ["", f"## {zh} {en} ({len(members)})"]
        for rule in members:
            lines += rule_lines(rule)
    return page("清洗规则 Cleaning rules", *lines)


def rule_lines(rule: Rule) -> Iterable[str]:
    """One rule: names, sentences, columns and examples."""
    where = ", ".join(f"`{x}`" for x in rule.columns[:8])
    more = f" … ({len(rule.columns)})" if len(rule.columns) > 8 else ""
    tables = f"；表 tables: {', '.join(f'`{x}`' for x in rule.tables)}" if rule.tables else ""
    yield from ("", f"### `{rule.key}` {rule.zh} · {rule.en}", "")
    yield from (f"{rule.about_zh}  ", rule.about_en, "", f"列 columns: {where}{more}{tables}", "")
    yield from head("之前 Before", "之后 After", "同行其他列 Given")
    for example in rule.examples:
        yield row(*example_cells(example))


def example_cells(example: Example) -> tuple[str, str, str]:
    """Before, after and the other columns looked at."""
    given = ", ".join(f"`{k}` = {shown(v, '')}" for k, v in example.given.items())
    before = shown(example.before, "空 empty")
    after = shown(example.after, "清空 emptied")
    return before, "不变 unchanged" if before == after else after, given


def indicators_page() -> str:
    """Quality indicators with their gates, and the daily indicators of the shop."""
    lines = ["", f"## 质量指标 Quality indicators ({len(INDICATORS)})"]
    for key, (zh, en) in DIMENSIONS.items():
        lines += ["", f"### {zh} {en}", ""]
        lines += head("键 Key", "名称", "Name", "线 Line", "含义", "Meaning")
        for x in INDICATORS.values():
            if x.dimension == key:
                lines.append(row(f"`{x.key}`", x.zh, x.en, line_of(x), x.about_zh, x.about_en))
    lines += ["", f"## 停止线 Stopping lines ({len(GATES)})", ""]
    lines += head("指标 Indicator", "表 Tables", "停止线 Stops beyond", "停止的环节 Stages stopped")
    for gate in GATES:
        names = ", ".join(TABLE_NAMES[x][1] for x in gate.tables) or "all data"
        stages = "、".join(STAGE_NAMES[x][0] for x in gate.stages)
        found = line_of(INDICATORS[gate.indicator], gate.stop_at)
        lines.append(row(f"`{gate.indicator}`", names, found,
                         f"{stages} ({', '.join(gate.stages)})"))  # fmt: skip
    lines += ["", f"## 每日指标 Daily indicators ({len(METRICS)})", ""]
    lines += head("键 Key", "名称", "Name", "单位 Unit", "方向 Good", "算法", "Computed as")
    for m in METRICS:
        lines.append(row(f"`{m.name}`", m.zh, m.en, UNITS[m.unit], BETTER[m.better],
                         m.meaning_zh, m.meaning_en))  # fmt: skip
    return page("指标 Indicators", *lines)


def line_of(indicator: Indicator, value: float | None = None) -> str:
    """The line of an indicator with its direction and unit."""
    line = indicator.threshold if value is None else value
    sign = "≥" if indicator.high_is_good else "≤"
    return f"{sign} {line:g} {UNITS[indicator.unit]}"


def reasons_page() -> str:
    """Codes of quarantined rows and of decisions, in both languages."""
    lines = ["", f"## 隔离原因 Why a row is quarantined ({len(REASONS)})", ""]
    lines += head("代码 Code", "原因", "Reason", "下一步", "Next step")
    for x in REASONS.values():
        lines.append(row(f"`{x.code}`", x.zh, x.en, x.next_zh, x.next_en))
    lines += [
        "",
        f"## 埋点方案拒绝的原因 Why the tracking plan refuses an event ({len(PLAN_REASONS)})",
        "",
    ]
    lines += head("代码 Code", "原因", "Reason", "下一步", "Next step")
    for x in PLAN_REASONS.values():
        lines.append(row(f"`{x.code}`", x.zh, x.en, x.next_zh, x.next_en))
    lines += ["", f"## 决策原因 Why a decision came out as it did ({len(OUTCOMES)})", ""]
    lines += head("代码 Code", "简称", "Short", "触达 Sent", "理由", "Reason")
    for code in OUTCOMES:
        sent = "是 yes" if code in OUTCOMES[:2] else ""
        lines.append(row(f"`{code}`", SHORT[code]["zh"], SHORT[code]["en"], sent,
                         SENTENCES[code]["zh"], SENTENCES[code]["en"]))  # fmt: skip
    lines += ["", "随触达给出的事实 Facts given with a contact:", ""]
    lines += head("代码 Code", "理由", "Reason")
    for code in SENTENCES:
        if code not in OUTCOMES:
            lines.append(row(f"`{code}`", SENTENCES[code]["zh"], SENTENCES[code]["en"]))
    return page("原因代码 Reason codes", *lines)


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/dictionary.md": dictionary,
    "docs/features.md": features_page,
    "docs/settings.md": settings_page,
    "docs/cleaning-rules.md": rules_page,
    "docs/indicators.md": indicators_page,
    "docs/reasons.md": reasons_page,
    "docs/tracking-plan.schema.json": schema_text,
    "console/openapi.json": document,
}
"""Generated file → what makes it."""


def differing(root: Path = ROOT) -> list[str]:
    """Generated files that are absent or are not what the code would write."""
    odd = []
    for name, make in PAGES.items():
        file = root / name
        if not file.exists() or file.read_text(encoding="utf-8") != make():
            odd.append(name)
    return odd


def write(root: Path = ROOT) -> list[str]:
    """Write the files that differ and return their names."""
    odd = differing(root)
    for name in odd:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(PAGES[name](), encoding="utf-8")
    return odd


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument(
        "--root", type=Path, default=ROOT, help="folder that holds docs and console"
    )
    asked = parser.parse_args(arguments)
    if not asked.check:
        for name in write(asked.root):
            print(f"wrote {name}")
        return 0
    odd = differing(asked.root)
    for name in odd:
        print(f"{name} is not what the code says now. Run: {COMMAND}")
    return 1 if odd else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
