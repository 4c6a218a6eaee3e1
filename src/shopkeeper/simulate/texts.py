"""Simulated texts whose sentiment is known because they are made of known parts."""

from __future__ import annotations

import numpy as np

GOOD = ("味道很好", "服务热情", "送得很快", "干净舒服", "物超所值", "great food", "friendly staff")
BAD = ("味道太差", "态度恶劣", "等了很久", "又脏又吵", "不值这个价", "cold food", "rude staff")
FILL = ("昨天下午", "和朋友一起", "第三次来", "周末", "在路口", "last week", "with my family")


def made_texts(count: int, seed: int = 0, noise: float = 0.0) -> tuple[list[str], list[str]]:
    """Texts of praise or complaint about a restaurant, in Chinese and English mixed.

    Parameters
    ----------
    count
        How many.
    seed
        Decides everything random.
    noise
        Share of labels that are turned, as when a writer gives the wrong number of stars.

    Returns
    -------
    tuple of list
        Texts, no two alike, and their labels `positive` or `negative`.
    """
    random = np.random.default_rng(seed)
    good = random.random(count) < 0.6
    texts = []
    for one in good:
        own, other = (GOOD, BAD) if one else (BAD, GOOD)
        parts = [str(random.choice(FILL)), str(random.choice(own)), str(random.choice(own))]
        if random.random() < 0.2:
            parts.append("但是" + str(random.choice(other)))
        texts.append(f"{random.integers(1_000_000)}，" + "，".join(parts))
    turned = random.random(count) < noise
    labels = np.where(good ^ turned, "positive", "negative")
    return texts, [str(x) for x in labels]
