"""The data dictionary, generated from the table contracts in Chinese and English.

``python -m shopkeeper.core.dictionary`` prints it as Markdown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shopkeeper.core import tables as t
from shopkeeper.core.columns import Column
from shopkeeper.core.tables import ALL, TableContract

PRIVACY = {"none": "", "personal": "个人 personal", "sensitive": "敏感 sensitive"}
STAGES = (
    ("已装载 Loaded", tuple(x.name for x in t.LOADED)),
    ("治理 Govern", ("quarantine", "loads", "corrections", "quality", "lineage", "verdicts")),
    (
        "归一 Unify",
        (
            "identity_edges", "identities", "purchases", "purchase_lines", "activity", "contacts",
            "permits", "profiles",
        ),
    ),
    (
        "判断与决策 Predict, segment, decide, measure",
        (
            "features", "scores", "recommendations", "forecasts", "elasticities", "segments",
            "audience_members", "decisions", "metrics", "effects",
        ),
    ),
)  # fmt: skip
"""Tables under the heading of the stage that writes them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One column of one table, as the dictionary states it.

    Parameters
    ----------
    table
        Table name.
    column
        Column with its meaning.
    key
        Whether it is part of the key.
    nullable
        Whether it may be empty.
    """

    table: str
    column: Column
    key: bool
    nullable: bool


def entries(contracts: Iterable[TableContract] | None = None) -> Iterator[Entry]:
    """Every column of every table.

    Parameters
    ----------
    contracts
        Tables to list; None means all.

    Yields
    ------
    Entry
        In the order of tables and columns.
    """
    for contract in ALL.values() if contracts is None else contracts:
        for column in contract.columns:
            key = column in contract.key
            yield Entry(contract.name, column, key, not key and column not in contract.required)


def markdown(contracts: Iterable[TableContract] | None = None) -> str:
    """The dictionary as Markdown.

    Parameters
    ----------
    contracts
        Tables to list; None means all, under the headings of their stages.

    Returns
    -------
    str
        One section a table: meaning, key, and one line a column.
    """
    lines = [
        "# 数据字典 Data dictionary",
        "",
        "由表契约生成，请勿手改。Generated from the table contracts; do not edit.",
    ]
    if contracts is not None:
        for contract in contracts:
            lines += _table(contract)
        return "\n".join(lines) + "\n"
    listed = {name for _, names in STAGES for name in names}
    others = tuple(x for x in ALL if x not in listed)
    for heading, names in (*STAGES, *((("其他 Other", others),) if others else ())):
        lines += ["", f"## {heading}"]
        for name in names:
            lines += _table(ALL[name])
    return "\n".join(lines) + "\n"


def _table(contract: TableContract) -> list[str]:
    key = ", ".join(f"`{x}`" for x in contract.key)
    lines = [
        "", f"### `{contract.name}`", "",
        f"{contract.zh}。{contract.en}.", "",
        f"主键 Key: {key}", "",
        "| 字段 Column | 类型 Type | 单位 Unit | 必填 Required | 分级 Class | 含义 | Meaning |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for entry in entries([contract]):
        column = entry.column
        cells = (
            f"`{column}`", column.kind, column.unit, "" if entry.nullable else "是 yes",
            " ".join(x for x in (column.tier, PRIVACY[column.privacy]) if x), column.zh, column.en,
        )  # fmt: skip
        lines.append("| " + " | ".join(x.replace("|", "\\|") for x in cells) + " |")
    return lines


if __name__ == "__main__":
    sys.stdout.write(markdown())
