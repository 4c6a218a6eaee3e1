"""Freshness of the profiles, with the names of what is fresh or not."""

from __future__ import annotations

from shopkeeper.apps.flows.freshness import Board, Line, freshness
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.schemas.common import NextStep, Text
from shopkeeper.apps.service.schemas.freshness import FreshnessBoard, FreshnessLine
from shopkeeper.core.clock import from_us, to_us
from shopkeeper.core.tables import PROFILES
from shopkeeper.features.live.builtin import BUILT_IN

SECTIONS = {
    "base": Text(zh="夜间资料", en="Nightly facts"),
    "live": Text(zh="实时状态", en="Live state"),
    "features": Text(zh="在线特征", en="Online features"),
}
NOBODY = NextStep(
    text=Text(zh="还没有任何客户资料。", en="There are no profiles yet."),
    action=Text(zh="接入事件或运行夜间流程", en="Connect a source or run the night"),
    link="/collect",
)
METRIC = "shopkeeper_profile_freshness_worst_seconds"


def board(shop: OpenShop) -> FreshnessBoard:
    """The freshness board.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    FreshnessBoard
    """
    found = freshness(shop.runtime, now_us=to_us(shop.clock.now()))
    lines = [_line(x) for x in found.lines]
    traits = [x for x in lines if x.kind == "trait"]
    traits.sort(key=lambda x: (-(x.worst_seconds or 0.0), x.name))
    return FreshnessBoard(
        at=from_us(found.at_us),
        worst_seconds=found.worst_s,
        sections=[x for x in lines if x.kind == "section"],
        partitions=[x for x in lines if x.kind == "partition"],
        traits=traits,
        next_step=None if traits else NOBODY,
    )


def metric_lines(shop: OpenShop) -> list[str]:
    """The worst freshness by section, as Prometheus text.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    list of str
        Lines without line feeds; a section of which nothing is known has none.
    """
    found: Board = freshness(shop.runtime, now_us=to_us(shop.clock.now()), traits=False)
    text = [
        f"# HELP {METRIC} Age of what the profiles say, by section; the worst.",
        f"# TYPE {METRIC} gauge",
    ]
    text += [
        f'{METRIC}{{section="{x.name}"}} {x.worst_s:.3f}'
        for x in found.lines
        if x.kind == "section" and x.worst_s is not None
    ]
    return text


def _line(line: Line) -> FreshnessLine:
    return FreshnessLine(
        kind=line.kind,
        name=line.name,
        label=_label(line),
        section=line.section,
        worst_seconds=line.worst_s,
        median_seconds=line.median_s,
        waiting=line.waiting,
        customers=line.customers,
    )


def _label(line: Line) -> Text:
    if line.kind == "section":
        return SECTIONS[line.name]
    if line.kind == "partition":
        return Text(zh=f"分区 {line.name}", en=f"Partition {line.name}")
    trait = next((x for x in BUILT_IN if x.name == line.name), None)
    column = next((x for x in PROFILES.columns if x == line.name), None)
    known = trait or column
    return Text(zh=line.name, en=line.name) if known is None else Text(zh=known.zh, en=known.en)
