"""Words for the surfaces and members of a recommender."""

from __future__ import annotations

from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.recommend import Surface

SURFACES: dict[Surface, tuple[Text, Text]] = {
    "for_you": (
        Text(zh="为您推荐", en="For you"),
        Text(zh="没有买过、可能喜欢的商品", en="Products never bought before that may be liked"),
    ),
    "again": (
        Text(zh="再次购买", en="Buy again"),
        Text(
            zh="买过、按购买节奏快到再买时候的商品",
            en="Products bought before, those due by the customer's rhythm first",
        ),
    ),
    "next_basket": (
        Text(zh="下一单", en="Next basket"),
        Text(zh="下一单最可能出现的商品，新旧都有", en="What the next order will most likely hold, old and new"),
    ),
}  # fmt: skip
"""Label and definition of each list of a customer."""

DEFINITIONS: dict[str, Text] = {
    "popularity": Text(zh="一直以来购买人数最多的商品", en="Products most customers ever bought"),
    "popularity-7-days": Text(
        zh="近 7 天购买人数最多的商品；也是新客户得到的推荐",
        en="Products most customers bought in the last 7 days; newcomers get these",
    ),
    "popularity-fading": Text(
        zh="越近的购买越算数的热销榜", en="Products most bought, the latest purchases counting most"
    ),
    "markov": Text(
        zh="买过某商品之后，常接着买什么", en="What is often bought after a product"
    ),
    "item-graph": Text(
        zh="前后几次购买与同一单里常一起出现的商品",
        en="Products that occur together in one basket or a few purchases apart",
    ),
    "item-knn": Text(
        zh="被同一批客户购买的商品", en="Products bought by the same customers"
    ),
    "session-knn": Text(
        zh="与这位客户最近行为最像的客户买了什么",
        en="What the customers whose latest purchases are most alike bought",
    ),
    "ease": Text(zh="由全部购买组合解出的商品间权重", en="Weights between products solved from all baskets"),
    "ials": Text(
        zh="把客户和商品放进同一个低维空间", en="Customers and products placed in one space of few dimensions"
    ),
    "content": Text(
        zh="名称、品类、品牌相近的商品；新上架商品由此得到推荐",
        en="Products alike in name, category and brand; how new products get recommended",
    ),
    "sequence": Text(zh="按顺序读懂购买历史的神经网络", en="A network that reads the history in order"),
    "buy-again": Text(zh="这位客户常买的商品", en="What this customer buys often"),
    "replenish": Text(
        zh="按这位客户和这件商品的间隔，快用完的商品",
        en="What is due by the gaps of this customer and product",
    ),
    "ranker": Text(
        zh="提升树按价格、热度、偏好等重新排序候选商品",
        en="Boosted trees that reorder candidates by price fit, trend and affinity",
    ),
}  # fmt: skip
"""What each member does, in one sentence."""


def definition(name: str) -> Text:
    """What a member does.

    Parameters
    ----------
    name
        As in the card.

    Returns
    -------
    Text
        Its own name where nothing is written about it.
    """
    return DEFINITIONS.get(name, Text(zh=name, en=name))
