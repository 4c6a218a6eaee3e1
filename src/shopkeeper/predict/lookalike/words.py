"""What sets an audience apart and why a customer resembles it, in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from shopkeeper.predict.lookalike.space import Bools, Floats, Ints, Space

TASTE = ("购买的商品与该人群相近", "buys what the audience buys")
_HIGH = ("在活跃度相近的客户中偏高", "high among customers of like activity")
_LOW = ("在活跃度相近的客户中偏低", "low among customers of like activity")
Words = Mapping[str, tuple[str, str]]


def member_reasons(
    added: Floats, space: Space, names: Sequence[str], words: Words, rows: Ints, most: int = 3
) -> list[list[tuple[str, str]]]:
    """Strongest reasons of some customers.

    Parameters
    ----------
    added : Floats
        What each dimension adds, shape (customers, dimensions).
    space : Space
        The points.
    names : Sequence[str]
        Facts in order.
    words : Words
        Name of each fact in Chinese and English.
    rows : Ints
        The customers.
    most : int
        Reasons each.

    Returns
    -------
    list[list[tuple[str, str]]]
        Chinese and English, strongest first; only what speaks for the customer.
    """
    told = []
    for row in rows:
        facts = added[row, : space.facts]
        taste = float(added[row, space.facts :].sum())
        parts = [(float(facts[i]), _sentence(names[i], space.points[row, i], words))
                 for i in np.argsort(-facts)[:most]]  # fmt: skip
        parts.append((taste, TASTE))
        parts.sort(key=lambda x: -x[0])
        told.append([x for weight, x in parts[:most] if weight > 0])
    return told


def audience_differences(
    space: Space, members: Bools, weights: Floats, names: Sequence[str], words: Words, most: int = 6
) -> list[tuple[str, str]]:
    """What sets the audience apart from customers of like activity, strongest first.

    Parameters
    ----------
    space : Space
        The points.
    members : Bools
        Who belongs.
    weights : Floats
        Of each dimension.
    names : Sequence[str]
        Facts in order.
    words : Words
        Name of each fact in Chinese and English.
    most : int
        Sentences.

    Returns
    -------
    list[tuple[str, str]]
        Chinese and English.
    """
    gap = space.points[members].mean(axis=0) - space.points[~members].mean(axis=0)
    strength = gap * weights
    parts = [(float(strength[i]), _sentence(names[i], gap[i], words)) for i in range(space.facts)]
    parts.append((float(strength[space.facts :].sum()), TASTE))
    parts.sort(key=lambda x: -x[0])
    return [x for weight, x in parts[:most] if weight > 0]


def _sentence(name: str, place: float, words: Words) -> tuple[str, str]:
    zh, en = words.get(name, (name, name))
    side = _HIGH if place > 0 else _LOW
    return f"{zh}：{side[0]}", f"{en}: {side[1]}"
