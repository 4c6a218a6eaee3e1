"""Reasons stored as codes, as sentences: of scores, recommendations, decisions and merges."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shopkeeper.apps.flows.propensity_words import feature_templates
from shopkeeper.apps.service import labels
from shopkeeper.apps.service.schemas.common import Reason, Text
from shopkeeper.decide.wording import SHORT, render
from shopkeeper.predict.explain import explained
from shopkeeper.predict.recommend.reasons import reason_text
from shopkeeper.predict.templates import tell
from shopkeeper.unify.identifiers import RULES as LINK_RULES
from shopkeeper.unify.match import MANUAL

tell(feature_templates())


def merge_evidence(rule: str | None, evidence: object) -> Text:
    """Why two identifiers are one person.

    Parameters
    ----------
    rule
        Rule of the edge.
    evidence
        What the edge notes: kind of identifier, references that share it, source.

    Returns
    -------
    Text
    """
    known = {x.key: Text(zh=x.zh, en=x.en) for x in LINK_RULES.values()}
    known[MANUAL] = Text(zh="人工合并", en="Merged by a person")
    words = labels.named(known, rule)
    noted = evidence if isinstance(evidence, dict) else {}
    count = noted.get("references")
    if count is None:
        return words
    return Text(
        zh=f"{words.zh}（{count} 条记录共用）", en=f"{words.en} (shared by {count} records)"
    )


def score_reasons(stored: str | None) -> list[Reason]:
    """Reasons of a score as sentences, strongest first.

    Parameters
    ----------
    stored
        The column ``reasons`` of a score.

    Returns
    -------
    list of Reason
        Positive weights raise the score.
    """
    return [
        Reason(
            key=reason["code"],
            text=Text(zh=reason["zh"], en=reason["en"][:1].upper() + reason["en"][1:]),
            weight=reason["weight"],
            field=reason["code"],
            value=None if reason["value"] is None else str(reason["value"]),
        )
        for reason in explained(stored)
    ]


def recommendation_reason(stored: str | None, products: Mapping[str, str]) -> Text | None:
    """Why a product is recommended.

    Parameters
    ----------
    stored
        The column ``reasons`` of a recommendation.
    products
        Name by product id, for the products the reason mentions.

    Returns
    -------
    Text or None
        ``None`` when the model gave no reason.
    """
    if not stored or stored == "[]":
        return None
    return Text(zh=reason_text(stored, "zh", products), en=reason_text(stored, "en", products))


def refusal(code: str | None) -> Reason:
    """Why a contact was, or was not, made, in a few words.

    Parameters
    ----------
    code
        The column ``reason`` of the ledger.

    Returns
    -------
    Reason
        A code of another version is its own name.
    """
    words = SHORT.get(code or "")
    text = Text(zh=words["zh"], en=words["en"]) if words else labels.named({}, code)
    return Reason(key=code or "", text=text)


def decision_reasons(stored: str | None, currency: str) -> list[Reason]:
    """Reasons of a decision as sentences.

    Parameters
    ----------
    stored
        The column ``reasons`` of the ledger.
    currency
        Of the amounts.

    Returns
    -------
    list of Reason
        In the order of the ledger.
    """
    if not stored:
        return []
    codes = [str(item["code"]) for item in json.loads(stored)]
    return [
        Reason(key=code, text=Text(zh=said["zh"], en=said["en"]))
        for code, said in zip(codes, render(stored, currency), strict=True)
    ]


def guards(stored: str | None) -> list[Reason]:
    """Consents, addresses and the cap a decision was made under, as sentences.

    Parameters
    ----------
    stored
        The column ``constraints`` of the ledger.

    Returns
    -------
    list of Reason
        One per channel, then the cap.
    """
    return [_guard(item) for item in json.loads(stored or "[]")]


def _guard(item: Mapping[str, Any]) -> Reason:
    if "cap" in item:
        return Reason(
            key="frequency_cap",
            text=Text(
                zh=f"疲劳度：近 {item['days']} 天已触达 {item['contacts']} 次，"
                f"上限 {item['cap']} 次",
                en=f"Frequency cap: {item['contacts']} contacts in {item['days']} days "
                f"of at most {item['cap']}",
            ),
            field="contacts",
            value=str(item["contacts"]),
        )
    channel = labels.named(labels.CHANNELS, item["channel"])
    said = ("已授权", "consented") if item["consent"] else ("未授权", "no consent")
    found = ("有联系方式", "address known") if item["address"] else ("无联系方式", "no address")
    open_channel = item["consent"] and item["address"]
    return Reason(
        key=f"channel:{item['channel']}",
        text=Text(
            zh=f"{channel.zh}：{said[0]}，{found[0]}", en=f"{channel.en}: {said[1]}, {found[1]}"
        ),
        field=item["channel"],
        value="open" if open_channel else "closed",
    )
