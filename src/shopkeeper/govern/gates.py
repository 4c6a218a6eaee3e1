"""Which failing indicators stop which stage, so that bad data reach no decision."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from shopkeeper.core import columns as c
from shopkeeper.govern import sentences
from shopkeeper.govern.indicators import INDICATORS

STAGE_NAMES = {
    "unify": ("归一", "unify"),
    "features": ("特征", "features"),
    "predict": ("预测", "predict"),
    "segment": ("分群", "segment"),
    "decide": ("决策", "decide"),
    "deliver": ("触达", "deliver"),
    "measure": ("衡量", "measure"),
}
"""Stages a gate can stop, with their names in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A line beyond which an indicator stops stages.

    Parameters
    ----------
    indicator
        Key.
    tables
        Tables it is watched on; empty means all.
    stop_at
        Values worse than this stop; looser than the line of the indicator,
        which only reports.
    stages
        What is stopped.
    """

    indicator: str
    tables: tuple[str, ...]
    stop_at: float
    stages: tuple[str, ...]


_FACTS = ("orders", "order_lines")
_ALL_AFTER = ("unify", "features", "predict", "segment", "decide", "deliver", "measure")
_JUDGING = ("features", "predict", "segment", "decide", "deliver")
GATES: tuple[Gate, ...] = (
    Gate("uniqueness_key", _FACTS, 0.999, _ALL_AFTER),
    Gate("validity_currency", _FACTS, 0.999, ("decide", "deliver", "measure")),
    Gate("one_currency", _FACTS, 0.95, ("decide", "deliver", "measure")),
    Gate("completeness", _FACTS, 0.9, _JUDGING),
    Gate("amount_signs", _FACTS, 0.95, _JUDGING),
    Gate("future", _FACTS, 0.01, _JUDGING),
    Gate("duplicates", _FACTS, 0.2, _JUDGING),
    Gate("volume", _FACTS, 0.9, ("predict", "decide", "deliver")),
    Gate("freshness", _FACTS, 30.0, ("decide", "deliver")),
    Gate("days_missing", _FACTS, 7.0, ("decide", "deliver")),
    Gate("distribution", _FACTS, 1.0, ("predict", "decide", "deliver")),
    Gate("order_amounts", ("orders",), 0.8, ("measure",)),
    Gate("reference_products", ("order_lines",), 0.5, ("predict", "decide", "deliver")),
    Gate("validity_phone", ("customers",), 0.8, ("deliver",)),
    Gate("validity_email", ("customers",), 0.8, ("deliver",)),
    Gate("admitted", ("loads",), 0.5, _ALL_AFTER),
)
"""All gates."""


@dataclass(frozen=True, slots=True)
class Block:
    """One stage stopped by one finding.

    Parameters
    ----------
    stage
        What may not run.
    indicator, table, column
        The finding.
    zh, en
        Why, in a sentence.
    """

    stage: str
    indicator: str
    table: str
    column: str
    zh: str
    en: str


def blocks(quality: pa.Table) -> tuple[Block, ...]:
    """Stages that the findings of a run stop.

    Parameters
    ----------
    quality
        Contract ``quality``, of one run.

    Returns
    -------
    tuple of Block
        In the order of stages, then of indicators; empty if nothing stops.
    """
    stopped = []
    for row in quality.to_pylist():
        for gate in GATES:
            watched = not gate.tables or row[str(c.TABLE_NAME)] in gate.tables
            if gate.indicator != row[str(c.INDICATOR)] or not watched:
                continue
            if not INDICATORS[gate.indicator].passes(row[str(c.VALUE)], gate.stop_at):
                stopped += [_block(stage, gate, row) for stage in gate.stages]
    order = list(STAGE_NAMES)
    return tuple(sorted(stopped, key=lambda x: (order.index(x.stage), x.indicator, x.table)))


def _block(stage: str, gate: Gate, row: dict[str, str]) -> Block:
    zh, en = STAGE_NAMES[stage]
    line = sentences.shown(INDICATORS[gate.indicator], gate.stop_at)
    return Block(
        stage,
        gate.indicator,
        row[str(c.TABLE_NAME)],
        row[str(c.COLUMN_NAME)],
        f"{zh}已停止：{row[str(c.REASON_ZH)]}越过停止线 {line[0]}。",
        f"{en} is stopped: {row[str(c.REASON_EN)]} It is beyond the stopping line of {line[1]}.",
    )
