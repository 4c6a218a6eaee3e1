"""The words that audience rules may use."""

from __future__ import annotations

from shopkeeper.apps.flows.audiences import read_rule, shop_vocabulary
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import rows
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.segment import (
    Vocabulary,
    VocabularyField,
    VocabularyOperator,
    VocabularyValue,
)
from shopkeeper.core import columns as c
from shopkeeper.core.errors import RuleError
from shopkeeper.core.tables import FEATURES, PRODUCTS
from shopkeeper.segment.rules.vocabulary import EXAMPLES, GROUPS, OPERATORS, Field
from shopkeeper.segment.rules.vocabulary import Vocabulary as ShopWords

EXAMPLE_CATEGORY = "咖啡"


def vocabulary(shop: OpenShop) -> Vocabulary:
    """Fields, operators and examples for the audience builder.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    Vocabulary
    """
    words = shop_vocabulary(shop.runtime)
    return Vocabulary(
        fields=[_field(x) for x in words.fields],
        operators=[
            VocabularyOperator(operator=sign, label=Text(zh=zh, en=en), arity=arity)
            for sign, (zh, en, arity) in OPERATORS.items()
        ],
        examples=_examples(shop, words),
    )


def _examples(shop: OpenShop, words: ShopWords) -> list[Text]:
    """Examples that this shop can answer: its own category, no field that it lacks."""
    columns = set(shop.tables.table(FEATURES).columns)
    there = (x for x in words.fields if x.source != "features" or x.column in columns)
    present = ShopWords(tuple(there))
    category = shop.remember("commonest_category", (PRODUCTS,), lambda: _category(shop))
    answer = []
    for zh, en in EXAMPLES:
        if EXAMPLE_CATEGORY in en and category is None:
            continue
        said = [text.replace(EXAMPLE_CATEGORY, category or "") for text in (zh, en)]
        try:
            for text in said:
                read_rule(text, present)
        except RuleError:
            continue
        answer.append(Text(zh=said[0], en=said[1]))
    return answer


def _category(shop: OpenShop) -> str | None:
    products = shop.tables.table(PRODUCTS)
    plain = products.filter(products[c.CATEGORY].notnull() & ~products[c.CATEGORY].contains("'"))
    counted = plain.group_by(c.CATEGORY).aggregate(n=plain.count())
    ordered = counted.order_by([counted["n"].desc(), counted[c.CATEGORY]])
    found = rows(shop, ordered.limit(1))
    return found[0]["category"] if found else None


def _field(field: Field) -> VocabularyField:
    label = Text(zh=field.zh, en=field.en)
    group_zh, group_en = GROUPS[field.group]
    return VocabularyField(
        name=field.name,
        label=label,
        definition=label,
        group=field.group,
        group_label=Text(zh=group_zh, en=group_en),
        type=field.type,
        unit=field.unit or None,
        operators=list(field.operators),
        values=[VocabularyValue(value=x, label=Text(zh=zh, en=en)) for x, zh, en in field.values],
    )
