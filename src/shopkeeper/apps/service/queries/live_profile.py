"""One customer as known this second, in words."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from sqlalchemy import select

from shopkeeper.apps.flows.live_profile import profile_document
from shopkeeper.apps.service import labels, wording
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import judged, names, sentences
from shopkeeper.apps.service.queries.event_words import EVENT_NAMES
from shopkeeper.apps.service.queries.freshness import SECTIONS
from shopkeeper.apps.service.schemas.common import Interval, Money, Text
from shopkeeper.apps.service.schemas.customers import CustomerIdentifier
from shopkeeper.apps.service.schemas.live_profile import (
    LiveAudience,
    LiveChange,
    LiveMoment,
    LiveProfile,
    LiveScore,
    LiveSection,
    LiveTraitValue,
    Origin,
)
from shopkeeper.apps.worker.profile_rules import definitions
from shopkeeper.core import columns as c
from shopkeeper.core import state
from shopkeeper.core.clock import from_us
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.ports import ProfileChange
from shopkeeper.core.tables import PROFILES
from shopkeeper.features.library_index import all_features

Words = dict[str, Text]

SECRET = frozenset({str(c.PHONE), str(c.EMAIL)})
LOOKED_BACK = 2_000
"""Changes of the whole shop that are looked through for those of one customer."""
CHANGES = 30
TOLD = 4
"""Traits that the sentence of one change names."""
ORDER: dict[Origin, int] = {"live": 0, "fact": 1, "features": 2}


def live_profile(shop: OpenShop, identifier: str) -> LiveProfile:
    """Everything that is known about one customer now.

    Parameters
    ----------
    shop
        The open shop.
    identifier
        ``kind:value``, or a customer id.

    Returns
    -------
    LiveProfile

    Raises
    ------
    NotFoundError
        If nobody answers to the identifier.
    """
    store, now = shop.runtime.profiles, shop.clock.now()
    last = store.last_change()
    document = profile_document(store, identifier)
    if document is None:
        raise NotFoundError(
            f"nothing live is known of {identifier[:200]}",
            next_step="Send an event of this customer, or run the night: shopkeeper run",
            identifier=identifier[:200],
        )
    words, live = _trait_words(shop)
    audiences = _audience_names(shop)
    customer = document["customer_id"]
    changes = [
        x for x in store.changes(max(0, last - LOOKED_BACK), limit=LOOKED_BACK)
        if x.customer_id == customer
    ]  # fmt: skip
    return LiveProfile(
        customer_id=customer,
        at=now,
        last_change=last,
        currency=shop.settings.shop.currency,
        sections=[
            LiveSection(
                section=x, label=SECTIONS[x], at=document["freshness"][x],
                age_seconds=_age(now, document["freshness"][x]),
            )
            for x in ("live", "features", "base")
        ],
        identifiers=[_identifier(x) for x in document["identifiers"]],
        traits=_traits(document["traits"], words, live, now),
        scores=[_score(shop, kind, x, now) for kind, x in sorted(document["scores"].items())],
        audiences=[
            LiveAudience(
                audience_id=x["audience_id"], name=audiences.get(x["audience_id"], x["audience_id"]),
                since=x["since"],
            )
            for x in document["audiences"]
        ],
        timeline=[_moment(shop, x) for x in document["timeline"]],
        changes=[_change(x, words, audiences) for x in reversed(changes[-CHANGES:])],
    )  # fmt: skip


def _trait_words(shop: OpenShop) -> tuple[Words, frozenset[str]]:
    """Names of whatever a profile may hold, and which of them follow from events."""
    own = definitions(shop.runtime)
    words = {str(x): Text(zh=x.zh, en=x.en) for x in PROFILES.columns}
    words |= {x.name: Text(zh=x.zh, en=x.en) for x in all_features()}
    words |= {x.name: Text(zh=x.zh or x.name, en=x.en or x.name) for x in own}
    return words, frozenset(x.name for x in own)


def _audience_names(shop: OpenShop) -> dict[str, str]:
    table = state.audiences
    with shop.state.connect() as connection:
        found = connection.execute(select(table.c.audience_id, table.c.name))
        return {row.audience_id: row.name for row in found}


def _traits(
    given: dict[str, dict[str, Any]], words: Words, live: frozenset[str], now: dt.datetime
) -> list[LiveTraitValue]:
    found = []
    for name, trait in given.items():
        by_features = trait["source"] == "features"
        origin: Origin = "features" if by_features else "live" if name in live else "fact"
        hidden = name in SECRET
        found.append(
            LiveTraitValue(
                name=name,
                label=words.get(name) or Text(zh=name, en=name),
                value=wording.masked(str(trait["value"])) if hidden else _plain(trait["value"]),
                unit=trait["unit"],
                origin=origin,
                source=trait["source"],
                as_of=trait["as_of"],
                age_seconds=_age(now, trait["as_of"]),
                masked=hidden,
            )
        )
    return sorted(found, key=lambda x: (ORDER[x.origin], x.name))


def _plain(value: Any) -> str | float | bool | None:
    if value is None or isinstance(value, bool | str | float):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    return msgspec.json.encode(value).decode()


def _score(shop: OpenShop, kind: str, given: dict[str, Any], now: dt.datetime) -> LiveScore:
    task, label = names.score(kind)
    unit = given.get("unit")
    low, high = given.get("low"), given.get("high")
    reasons = given.get("reasons")
    return LiveScore(
        task=task,
        task_name=labels.named(names.TASKS, task),
        name=kind,
        label=label,
        value=given.get("value"),
        unit=names.unit(unit),
        currency=shop.settings.shop.currency if unit in {"minor", "minor units"} else None,
        horizon_days=given.get("horizon_days"),
        interval=(None if low is None or high is None else Interval(low=low, high=high, level=0.9)),
        band=judged.band(kind, given.get("band")),
        model=given.get("model"),
        version=given.get("model_version"),
        as_of=None if given["as_of"] is None else given["as_of"].date(),
        reasons=sentences.score_reasons(msgspec.json.encode(reasons).decode() if reasons else None),
        judged_at=given["as_of"],
        age_seconds=_age(now, given["as_of"]),
    )


def _moment(shop: OpenShop, line: dict[str, Any]) -> LiveMoment:
    amount = line["amount_minor"]
    return LiveMoment(
        at=line["at"],
        kind=line["kind"],
        title=labels.named(EVENT_NAMES, line["kind"]),
        detail=None if line["word"] is None else str(line["word"]),
        channel=line["channel"],
        amount=(
            None if amount is None
            else Money(minor=int(amount), currency=shop.settings.shop.currency)
        ),
        event_id=line["event_id"],
    )  # fmt: skip


def _identifier(identifier: str) -> CustomerIdentifier:
    kind, _, value = identifier.partition(":")
    hidden = kind in SECRET
    shown = wording.masked(value) if hidden else value
    return CustomerIdentifier(
        identifier=f"{kind}:{shown}",
        kind=kind,
        kind_label=labels.named(labels.IDENTIFIER_KINDS, kind),
        value=shown,
        masked=hidden,
        first_seen_at=None,
    )


def _change(change: ProfileChange, words: Words, audiences: dict[str, str]) -> LiveChange:
    said = change.change
    kind = str(said.get("type", ""))
    return LiveChange(
        sequence=change.sequence,
        at=from_us(change.at_us),
        kind=kind,
        text=_sentence(kind, said, words, audiences),
    )


def _sentence(kind: str, said: Any, words: Words, audiences: dict[str, str]) -> Text:
    if kind == "traits":
        named = [words.get(x) or Text(zh=x, en=x) for x in said.get("traits", {})]
        more = len(named) - TOLD
        zh, en = "、".join(x.zh for x in named[:TOLD]), ", ".join(x.en for x in named[:TOLD])
        if more > 0:
            zh, en = f"{zh}等 {len(named)} 项", f"{en} and {more} more"
        return Text(zh=f"标签更新：{zh}", en=f"Traits changed: {en}")
    if kind == "audience":
        name = audiences.get(said["audience"], said["audience"])
        if said["change"] == "entered":
            return Text(zh=f"进入人群包「{name}」", en=f"Entered the audience {name}")
        return Text(zh=f"离开人群包「{name}」", en=f"Left the audience {name}")
    if kind == "score":
        _, label = names.score(said["score"])
        was, now = (judged.band(said["score"], said.get(x)) for x in ("from", "to"))
        zh = f"{was.name.zh if was else '无'} → {now.name.zh if now else '无'}"
        en = f"{was.name.en if was else 'none'} → {now.name.en if now else 'none'}"
        return Text(zh=f"{label.zh}：{zh}", en=f"{label.en}: {en}")
    if kind == "merged":
        return Text(
            zh=f"与 {said.get('from')} 合并为同一位客户", en=f"Joined with {said.get('from')}"
        )
    return Text(zh=f"资料更新（{kind}）", en=f"Profile changed ({kind})")


def _age(now: dt.datetime, at: dt.datetime | None) -> float | None:
    return None if at is None else (now - at).total_seconds()
