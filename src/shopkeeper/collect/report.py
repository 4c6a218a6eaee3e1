"""What a load did, as a value and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect.reasons import REASONS
from shopkeeper.core import columns as c

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """Refused rows of one reason and field.

    Parameters
    ----------
    reason, field
        Code and header.
    rows
        How many.
    example_row
        Row number of the first.
    zh, en
        Sentence of the first.
    next_zh, next_en
        What to do.
    """

    reason: str
    field: str
    rows: int
    example_row: int
    zh: str
    en: str
    next_zh: str
    next_en: str


@dataclass(frozen=True, slots=True)
class LoadReport:
    """One source, loaded or checked.

    Parameters
    ----------
    load_id, table, path, source
        Which load.
    bytes
        Size of the source.
    rows_in
        Records met; always the sum of the three that follow.
    rows_admitted
        New rows, and rows that replaced stored ones.
    rows_repeated
        Rows already known with equal content, or replaced later in the same source.
    rows_quarantined
        Rows refused.
    reasons
        Refused rows by reason and field, most first.
    blanked
        Optional values that could not be read and were left empty, by header.
    corrections
        Values changed by cleaning rules.
    notes
        What had to be found out or assumed, as (Chinese, English).
    status
        ``done``, ``known`` (the same content was loaded before) or ``checked``.
    """

    load_id: str
    table: str
    path: str
    source: str
    bytes: int
    rows_in: int
    rows_admitted: int
    rows_repeated: int
    rows_quarantined: int
    reasons: tuple[ReasonCount, ...]
    blanked: dict[str, int]
    corrections: int
    notes: tuple[tuple[str, str], ...]
    status: Literal["done", "known", "checked"]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def words(self, language: Language) -> str:
        """The report as a person reads it, several lines."""
        lines = [_headline(self, language)]
        pick = 0 if language == "zh" else 1
        for reason in self.reasons:
            row = reason.example_row
            lines.append(
                f"  {reason.rows:,} 行：{reason.zh}（例如第 {row} 行）→ {reason.next_zh}"
                if language == "zh"
                else f"  {reason.rows:,} rows: {reason.en} (such as row {row}) → {reason.next_en}"
            )
        for header, count in self.blanked.items():
            lines.append(
                f"  {count:,} 个 {header} 的值无法读取，已留空（原值在 corrections 表）"
                if language == "zh"
                else f"  {count:,} values of {header} could not be read and were left empty "
                "(as read, in table corrections)"
            )
        lines += [f"  · {note[pick]}" for note in self.notes]
        if self.rows_quarantined and self.status == "done":
            lines.append(
                f"  隔离的行在 quarantine 表（load_id = {self.load_id}）和控制台“数据质量”页"
                if language == "zh"
                else f"  Quarantined rows: table quarantine (load_id = {self.load_id}) and the "
                "console's Data quality page"
            )
        return "\n".join(lines)


class Tally:
    """Counts refused rows by reason while chunks pass."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], ReasonCount] = {}

    def add(self, faults: pa.Table) -> None:
        """Count the refused rows of a chunk, given by row number."""
        if not faults.num_rows:
            return
        keys = [str(c.REASON), str(c.FIELD)]
        counted = faults.group_by(keys, use_threads=False).aggregate(
            [(str(c.ROW_NUMBER), "count"), (str(c.ROW_NUMBER), "min")]
        )
        for row in counted.to_pylist():
            key = (row["reason"], row["field"])
            before = self._found.get(key)
            if before is None:
                first = faults.filter(pc.equal(faults[str(c.ROW_NUMBER)], row["row_number_min"]))
                before = self._first(key, first.slice(0, 1).to_pylist()[0])
            self._found[key] = ReasonCount(
                **{**asdict(before), "rows": before.rows + row["row_number_count"]}
            )

    def result(self) -> tuple[ReasonCount, ...]:
        """Most frequent first."""
        return tuple(sorted(self._found.values(), key=lambda x: (-x.rows, x.reason, x.field)))

    @staticmethod
    def _first(key: tuple[str, str], row: dict[str, Any]) -> ReasonCount:
        reason = REASONS[key[0]]
        return ReasonCount(
            key[0], key[1], 0, row[str(c.ROW_NUMBER)], row[str(c.REASON_ZH)], row[str(c.REASON_EN)],
            reason.next_zh, reason.next_en,
        )  # fmt: skip


def total(reports: Sequence[LoadReport]) -> dict[str, int]:
    """Sums over several loads: rows in, admitted, repeated, quarantined, sources."""
    return {
        "sources": len(reports),
        "rows_in": sum(x.rows_in for x in reports),
        "rows_admitted": sum(x.rows_admitted for x in reports),
        "rows_repeated": sum(x.rows_repeated for x in reports),
        "rows_quarantined": sum(x.rows_quarantined for x in reports),
    }


def _headline(report: LoadReport, language: Language) -> str:
    if report.status == "known":
        return (
            f"{report.path}：内容已装载过，未作任何改动（{report.rows_in:,} 行）"
            if language == "zh"
            else f"{report.path}: this content was loaded before; nothing changed "
            f"({report.rows_in:,} rows)"
        )
    if language == "zh":
        verb = "检查" if report.status == "checked" else "装载"
        return (
            f"{verb} {report.path} → {report.table}：读入 {report.rows_in:,} 行，"
            f"通过 {report.rows_admitted:,}，重复 {report.rows_repeated:,}，"
            f"隔离 {report.rows_quarantined:,}"
        )
    verb = "Checked" if report.status == "checked" else "Loaded"
    return (
        f"{verb} {report.path} → {report.table}: {report.rows_in:,} rows in, "
        f"{report.rows_admitted:,} admitted, {report.rows_repeated:,} repeated, "
        f"{report.rows_quarantined:,} quarantined"
    )
