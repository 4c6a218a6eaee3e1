"""The words that audience rules may use."""

from __future__ import annotations

from shopkeeper.apps.flows.audiences import shop_vocabulary
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.segment import (
    Vocabulary,
    VocabularyField,
    VocabularyOperator,
    VocabularyValue,
)
from shopkeeper.segment.rules.vocabulary import EXAMPLES, GROUPS, OPERATORS, Field


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
    return Vocabulary(
        fields=[_field(x) for x in shop_vocabulary(shop.runtime).fields],
        operators=[
            VocabularyOperator(operator=sign, label=Text(zh=zh, en=en), arity=arity)
            for sign, (zh, en, arity) in OPERATORS.items()
        ],
        examples=[Text(zh=zh, en=en) for zh, en in EXAMPLES],
    )


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
