"""Who an audience would be widened by."""

from __future__ import annotations

from shopkeeper.apps.flows.lookalike import (
    SHOWN,
    Expansion,
    expand_audience,
    save_expansion,
    score_kind,
)
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.schemas.common import NextStep, Text
from shopkeeper.apps.service.schemas.text import (
    LookalikeFigure,
    LookalikeMember,
    LookalikePreview,
    LookalikeQuestion,
    LookalikeSave,
    LookalikeSaved,
)
from shopkeeper.predict.lookalike.evaluate import METHODS

NOBODY = NextStep(
    text=Text(zh="没有客户达到这个相似度。", en="Nobody is that similar."),
    action=Text(zh="降低最低相似度", en="Lower the least similarity"),
)


def preview(shop: OpenShop, body: LookalikeQuestion) -> LookalikePreview:
    """Find customers who resemble an audience; nothing is saved.

    Parameters
    ----------
    shop
        The open shop.
    body
        The audience, and a size or a least similarity.

    Returns
    -------
    LookalikePreview

    Raises
    ------
    ShopkeeperError
        If there is no such audience, or too little to learn from.
    """
    found = _found(shop, body)
    chosen = found.chosen[:SHOWN]
    return LookalikePreview(
        audience_id=found.audience_id,
        audience=found.name,
        seeds=int(found.members.sum()),
        candidates=int((~found.members).sum()),
        found=len(found.chosen),
        least_similarity=float(found.similarity[found.chosen].min()) if len(chosen) else None,
        figures=[
            LookalikeFigure(method=x.method, label=_text(METHODS[x.method]), lift=x.lift, auc=x.auc)
            for x in found.figures
        ],
        differences=[_text(x) for x in found.differences],
        members=[
            LookalikeMember(
                customer_id=found.customers[place], similarity=float(found.similarity[place]),
                reasons=[_text(x) for x in reasons],
            )
            for place, reasons in zip(chosen, found.reasons, strict=True)
        ],
        next_step=None if len(chosen) else NOBODY,
    )  # fmt: skip


def save(shop: OpenShop, body: LookalikeSave) -> LookalikeSaved:
    """Keep the customers who resemble an audience as an audience of their own.

    Parameters
    ----------
    shop
        The open shop.
    body
        The question, and the new name.

    Returns
    -------
    LookalikeSaved

    Raises
    ------
    ShopkeeperError
        If the name is taken, nobody is that similar, or there is too little to learn from.
    """
    audience_id, size = save_expansion(shop.runtime, _found(shop, body), body.name)
    return LookalikeSaved(
        audience_id=audience_id, name=body.name, size=size, score_kind=score_kind(body.audience_id)
    )


def _found(shop: OpenShop, body: LookalikeQuestion) -> Expansion:
    return expand_audience(
        shop.runtime, body.audience_id, size=body.size, min_similarity=body.min_similarity
    )


def _text(words: tuple[str, str]) -> Text:
    return Text(zh=words[0], en=words[1])
