"""Usual and latest scene: when, on what, where and what for, from sessions of the last 90 days."""

from __future__ import annotations

import ibis

from shopkeeper.core.scenes import WORDS
from shopkeeper.features.definition import Builder, Feature

_SIDES = (
    ("time", "时段", "Part of the day"),
    ("device", "设备", "Device"),
    ("place", "场所", "Place"),
    ("purpose", "目的", "Purpose"),
)


def _usual(side: str) -> Builder:
    """Value of most sessions; of equals the first in the alphabet, so that engines agree."""
    codes = sorted(code for code, _, _ in WORDS[side])

    def build(t: ibis.Table) -> ibis.Value:
        times = {code: ibis.ifelse(t[side] == code, 1, 0).sum() for code in codes}
        most = ibis.greatest(*times.values())
        cases = [((times[code] == most) & (most > 0), code) for code in codes]
        return ibis.cases(*cases)

    return build


def _latest(side: str) -> Builder:
    return lambda t: t[side].min(where=t.last_us == t.newest)


FEATURES: tuple[Feature, ...] = tuple(
    Feature(
        f"{name}_{side}_90d",
        "scenes",
        "activity",
        "preference",
        "string",
        "",
        90,
        f"{how_zh}{zh}（近 90 天）",
        f"{en} of {how}, last 90 days",
        build(side),
        None,
        words=WORDS[side],
    )
    for name, how_zh, how, build in (
        ("scene", "最常见的访问", "most sessions", _usual),
        ("last_scene", "最近一次访问的", "the latest session", _latest),
    )
    for side, zh, en in _SIDES
)
