"""The state of the data in words, in Chinese and English."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import columns as c
from shopkeeper.govern.gates import Block
from shopkeeper.govern.indicators import DIMENSIONS, INDICATORS, TABLE_NAMES
from shopkeeper.govern.rules import rule

MADE_WHEN_READING = {"unreadable": ("无法读取的值视为空", "Values that could not be read")}
"""Corrections that are made before cleaning, while a source is read."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its sentences.

    Parameters
    ----------
    heading_zh, heading_en
        Heading.
    body_zh, body_en
        Sentences.
    """

    heading_zh: str
    heading_en: str
    body_zh: str
    body_en: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def report(
    quality: pa.Table, loads: pa.Table, corrections: pa.Table, stopped: Sequence[Block]
) -> tuple[Section, ...]:
    """Say what was loaded, cleaned, found and stopped.

    Parameters
    ----------
    quality
        Contract ``quality``, of one run.
    loads
        Contract ``loads``.
    corrections
        ``rule``, ``n``: changes by rule.
    stopped
        Result of the gates.

    Returns
    -------
    tuple of Section
        Summary, loads, cleaning, one section for each dimension with
        indicators, and what is stopped.
    """
    sections = [_summary(quality, stopped), _loads(loads), _cleaning(corrections)]
    for dimension in DIMENSIONS:
        keys = [x.key for x in INDICATORS.values() if x.dimension == dimension]
        part = quality.filter(pc.is_in(quality[str(c.INDICATOR)], value_set=pa.array(keys)))
        if part.num_rows:
            sections.append(_dimension(dimension, part))
    sections.append(_stopped(stopped))
    return tuple(sections)


def _summary(quality: pa.Table, stopped: Sequence[Block]) -> Section:
    n = quality.num_rows
    good = pc.sum(quality[str(c.PASSED)].cast(pa.int64())).as_py() or 0
    stages = len({x.stage for x in stopped})
    return Section(
        "概要", "Summary",
        f"共检查 {n} 项指标，{good} 项达标，{n - good} 项未达标，{stages} 个环节被停止。",
        f"{n} indicators were checked: {good} pass, {n - good} fail; {stages} stages are stopped.",
    )  # fmt: skip


def _loads(loads: pa.Table) -> Section:
    zh, en = [], []
    grouped = loads.group_by(str(c.TABLE_NAME)).aggregate(
        [(str(x), "sum") for x in (c.ROWS_IN, c.ROWS_ADMITTED, c.ROWS_REPEATED, c.ROWS_QUARANTINED)]
    )
    for row in grouped.sort_by(str(c.TABLE_NAME)).to_pylist():
        name_zh, name_en = TABLE_NAMES.get(row["table_name"], (row["table_name"],) * 2)
        given, admitted, repeated, bad = (
            row[f"{x}_sum"] or 0
            for x in ("rows_in", "rows_admitted", "rows_repeated", "rows_quarantined")
        )
        zh.append(
            f"{name_zh}：读入 {given:,} 行，通过 {admitted:,}，重复 {repeated:,}，隔离 {bad:,}。"
        )
        en.append(
            f"{name_en}: {given:,} rows read, {admitted:,} admitted, {repeated:,} known already, "
            f"{bad:,} quarantined."
        )
    if not zh:
        zh, en = ["还没有装载数据。"], ["Nothing has been loaded yet."]
    return Section("装载", "Loads", "".join(zh), " ".join(en))


def _cleaning(corrections: pa.Table) -> Section:
    rows = corrections.sort_by([("n", "descending"), ("rule", "ascending")]).to_pylist()
    total = sum(x["n"] for x in rows)
    if not total:
        return Section("清洗", "Cleaning", "没有值需要清洗。", "No value needed cleaning.")
    most = [(*_rule_name(x["rule"]), x["n"]) for x in rows[:5]]
    return Section(
        "清洗", "Cleaning",
        f"{len(rows)} 条规则共修改 {total:,} 个值，均可还原。最多的是："
        + "、".join(f"{zh}（{n:,}）" for zh, _, n in most) + "。",
        f"{len(rows)} rules changed {total:,} values; every change can be undone. Most often: "
        + ", ".join(f"{en[:1].lower()}{en[1:]} ({n:,})" for _, en, n in most) + ".",
    )  # fmt: skip


def _rule_name(key: str) -> tuple[str, str]:
    if key in MADE_WHEN_READING:
        return MADE_WHEN_READING[key]
    known = rule(key)
    return known.zh, known.en


def _dimension(dimension: str, part: pa.Table) -> Section:
    zh, en = DIMENSIONS[dimension]
    bad = part.filter(pc.invert(part[str(c.PASSED)]))
    if not bad.num_rows:
        return Section(
            zh, en, f"{part.num_rows} 项全部达标。", f"All {part.num_rows} indicators pass."
        )
    said = "".join(bad[str(c.REASON_ZH)].to_pylist())
    return Section(
        zh, en,
        f"{part.num_rows} 项中 {bad.num_rows} 项未达标。" + said,
        f"{bad.num_rows} of {part.num_rows} fail. " + " ".join(bad[str(c.REASON_EN)].to_pylist()),
    )  # fmt: skip


def _stopped(stopped: Sequence[Block]) -> Section:
    if not stopped:
        return Section("闸门", "Gates", "没有环节被停止。", "No stage is stopped.")
    return Section("闸门", "Gates", "".join(x.zh for x in stopped), " ".join(x.en for x in stopped))
