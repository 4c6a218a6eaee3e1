"""The manual of all features, made from their definitions."""

from __future__ import annotations

from itertools import groupby
from typing import Literal

from shopkeeper.features.library_index import all_features

Language = Literal["zh", "en"]

_WORDS = {
    "zh": ("特征手册", "个特征，定义各一份；窗口为 [计算时点 − 天数, 计算时点)。", "全部历史",
           ("名称", "含义", "窗口", "单位", "类型", "来源", "无记录时")),
    "en": ("Features", "features, one definition each; windows are [as_of − days, as_of).",
           "all history",
           ("name", "meaning", "window", "unit", "type", "source", "without rows")),
}  # fmt: skip
_GROUPS = {
    "value": ("消费价值", "Value"),
    "rhythm": ("购买节奏", "Rhythm"),
    "basket": ("购物篮", "Basket"),
    "affinity": ("品类与品牌偏好", "Affinity"),
    "promotion": ("价格与促销反应", "Promotion response"),
    "preference": ("渠道与时间偏好", "Channel and time"),
    "returns": ("退货", "Returns"),
    "activity": ("浏览与访问", "Activity"),
    "service": ("客服与售后", "Service"),
    "social": ("社交影响", "Social influence"),
    "contact": ("触达", "Contacts"),
    "trend": ("趋势", "Trend"),
}


def manual(language: Language) -> str:
    """Every feature with meaning, window, unit and source, as Markdown.

    Parameters
    ----------
    language
        ``zh`` or ``en``.

    Returns
    -------
    str
        One table a family, in the order of the library.
    """
    title, sentence, whole, heads = _WORDS[language]
    features = sorted(all_features(), key=lambda x: list(_GROUPS).index(x.group))
    lines = [f"# {title}", "", f"{len(features)} {sentence}"]
    for group, members in groupby(features, key=lambda x: x.group):
        zh, en = _GROUPS[group]
        lines += ["", f"## {zh if language == 'zh' else en}", ""]
        lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
        for x in members:
            window = whole if x.window_days is None else f"{x.window_days} d"
            meaning = x.zh if language == "zh" else x.en
            absent = "—" if x.absent is None else str(x.absent)
            cells = (f"`{x.name}`", meaning, window, x.unit or "—", x.dtype, x.source, absent)
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
