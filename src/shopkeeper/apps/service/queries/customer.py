"""Everything known about one customer."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from shopkeeper.apps.service import labels, wording
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import judged, names, sentences
from shopkeeper.apps.service.queries.clusters import cluster_words
from shopkeeper.apps.service.queries.customers import headline, must_exist, resolve
from shopkeeper.apps.service.queries.dimensions import dimensions
from shopkeeper.apps.service.queries.reading import (
    Record,
    at_latest,
    day_of,
    freshness,
    latest,
    one,
    parsed,
    rows,
)
from shopkeeper.apps.service.queries.recommended import recommended
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Interval, Text, Unit
from shopkeeper.apps.service.schemas.customers import (
    Customer,
    CustomerAudience,
    CustomerConsent,
    CustomerFeatures,
    CustomerIdentifier,
    CustomerRow,
    CustomerScore,
    CustomerSegment,
    FeatureValue,
    MergeEdge,
    Trait,
)
from shopkeeper.core import columns as c
from shopkeeper.core import state
from shopkeeper.core.columns import Column
from shopkeeper.core.tables import (
    AUDIENCE_MEMBERS,
    FEATURES,
    IDENTITIES,
    IDENTITY_EDGES,
    PERMITS,
    PROFILES,
    SCORES,
    SEGMENTS,
)
from shopkeeper.features.definition import Feature
from shopkeeper.features.library_index import all_features
from shopkeeper.segment.rules.vocabulary import GROUPS

NOT_TRAITS = frozenset({c.CUSTOMER_ID, c.ATTRIBUTES, c.EVIDENCE, c.UPDATED_AT})
SECRET_KINDS = frozenset({"phone", "email"})
TRAIT_UNITS: dict[str, Unit] = {"date": "date", "timestamp": "timestamp"}
GENDERS = {1: "1 男 male", 2: "2 女 female", 9: "9 未说明 not stated"}
SCORE_LEVEL = 0.9
"""Coverage of the intervals that the value models write."""


def customer(shop: OpenShop, customer_id: str) -> Customer:
    """Everything known about one customer.

    Parameters
    ----------
    shop
        The open shop.
    customer_id
        Customer as currently believed.

    Returns
    -------
    Customer

    Raises
    ------
    NotFoundError
        If there is no such customer.
    """
    profile = must_exist(shop, customer_id)
    scores = judged.scores_of(shop, [customer_id]).get(customer_id, {})
    places = judged.places_of(shop, [customer_id]).get(customer_id, {})
    line = headline(shop, profile, scores, places)
    identifiers = _identifiers(shop, customer_id)
    return Customer(
        customer_id=customer_id,
        display_name=profile["person_name"],
        summary=_summary(shop, line),
        headline=line,
        traits=_traits(shop, profile),
        identifiers=[_identifier(row) for row in identifiers],
        merges=_merges(shop, [row["identifier"] for row in identifiers]),
        segments=_segments(shop, places),
        dimensions=dimensions(shop, customer_id),
        scores=[_score(shop, kind, row) for kind, row in sorted(scores.items())],
        recommendations=recommended(shop, customer_id),
        consents=consents(shop, customer_id),
        audiences=_audiences(shop, customer_id),
        freshness=freshness(shop, latest(shop, SCORES), profile["updated_at"]),
    )


def profile(shop: OpenShop, identifier: str) -> Customer:
    """Customer that an identifier belongs to now.

    Parameters
    ----------
    shop
        The open shop.
    identifier
        ``kind:value``.

    Returns
    -------
    Customer

    Raises
    ------
    NotFoundError
        If no customer has the identifier.
    """
    return customer(shop, resolve(shop, identifier))


def _traits(shop: OpenShop, profile_row: Record) -> list[Trait]:
    evidence = parsed(profile_row["evidence"])
    origins: dict[str, Any] = evidence if isinstance(evidence, dict) else {}
    traits = [
        _trait(shop, column, profile_row[column], origins.get(str(column)))
        for column in PROFILES.columns
        if column not in NOT_TRAITS and profile_row[column] is not None
    ]
    further = parsed(profile_row["attributes"])
    if isinstance(further, dict):
        for name, value in sorted(further.items()):
            column = Column(name, "string", name, name, privacy="personal")
            traits.append(
                _trait(shop, column, value, origins.get(name) or origins.get("attributes"))
            )
    return traits


def _trait(shop: OpenShop, column: Column, value: object, origin: object) -> Trait:
    known = origin if isinstance(origin, dict) else {}
    at = _moment(known.get("at") or known.get("updated_at") or known.get("valid_from"))
    hidden = column.privacy == "sensitive" and column in {c.PHONE, c.EMAIL}
    text = GENDERS.get(value, str(value)) if column == c.GENDER else _plain(value)  # type: ignore[call-overload]
    age = (shop.clock.now() - at).total_seconds() / 86_400 if at else None
    return Trait(
        name=str(column),
        label=Text(zh=column.zh, en=column.en),
        value=wording.masked(text) if hidden else text,
        unit=TRAIT_UNITS.get(column.kind, "text"),
        source=known.get("source") or (origin if isinstance(origin, str) else None),
        valid_from=at,
        freshness_days=age,
        classification=column.privacy if column.privacy != "none" else column.tier,
        masked=hidden,
    )


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, dt.date | dt.datetime) else str(value)


def _moment(text: object) -> dt.datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _identifiers(shop: OpenShop, customer_id: str) -> list[Record]:
    known = shop.tables.table(IDENTITIES)
    mine = known.filter(known[c.CUSTOMER_ID] == customer_id)
    return rows(shop, mine.order_by([mine[c.IDENTIFIER_KIND], mine[c.IDENTIFIER]]).limit(200))


def _identifier(row: Record) -> CustomerIdentifier:
    kind, _, value = row["identifier"].partition(":")
    hidden = kind in SECRET_KINDS
    shown = wording.masked(value) if hidden else value
    return CustomerIdentifier(
        identifier=f"{kind}:{shown}",
        kind=kind,
        kind_label=labels.named(labels.IDENTIFIER_KINDS, kind),
        value=shown,
        masked=hidden,
        first_seen_at=row["seen_at"],
    )


def _merges(shop: OpenShop, identifiers: list[str]) -> list[MergeEdge]:
    edges = shop.tables.table(IDENTITY_EDGES)
    mine = edges.filter(edges[c.LEFT].isin(identifiers) | edges[c.RIGHT].isin(identifiers))
    found = rows(shop, mine.order_by([mine[c.CREATED_AT], mine[c.EDGE_ID]]).limit(200))
    return [
        MergeEdge(
            edge_id=row["edge_id"],
            left=_shown(row["left"]),
            right=_shown(row["right"]),
            evidence=sentences.merge_evidence(row["rule"], parsed(row["evidence"])),
            source=row["source"],
            confidence=row["score"],
            created_at=row["created_at"],
            undone_at=row["undone_at"],
        )
        for row in found
    ]


def _shown(identifier: str) -> str:
    kind, _, value = identifier.partition(":")
    return f"{kind}:{wording.masked(value)}" if kind in SECRET_KINDS else identifier


def _segments(shop: OpenShop, places: dict[str, str]) -> list[CustomerSegment]:
    as_of = day_of(shop, latest(shop, SEGMENTS))
    clusters = cluster_words(shop) if "cluster" in places else {}
    return [
        CustomerSegment(
            scheme=scheme,
            scheme_name=names.scheme(scheme),
            segment=code,
            segment_name=(
                clusters[code][0]
                if scheme == "cluster" and code in clusters
                else names.segment(scheme, code)
            ),
            as_of=as_of,
        )
        for scheme, code in sorted(places.items())
    ]


def _score(shop: OpenShop, kind: str, row: Record) -> CustomerScore:
    task, label = names.score(kind)
    ranged = row["low"] is not None and row["high"] is not None
    amount_like = row["unit"] in {"minor", "minor units"}
    return CustomerScore(
        task=task,
        task_name=labels.named(names.TASKS, task),
        name=kind,
        label=label,
        value=row["value"],
        unit=names.unit(row["unit"]),
        currency=shop.settings.shop.currency if amount_like else None,
        horizon_days=row["horizon_days"],
        interval=Interval(low=row["low"], high=row["high"], level=SCORE_LEVEL) if ranged else None,
        band=judged.band(kind, row["band"]),
        model=row["model"],
        version=row["model_version"],
        as_of=day_of(shop, row["as_of"]),
        reasons=sentences.score_reasons(row["reasons"]),
    )


def consents(shop: OpenShop, customer_id: str) -> list[CustomerConsent]:
    """What the customer last said, by purpose and channel.

    Parameters
    ----------
    shop
        The open shop.
    customer_id
        Customer as currently believed.

    Returns
    -------
    list of CustomerConsent
        Empty when nothing was ever said; ``decide.default_consent`` holds then.
    """
    table = shop.tables.table(PERMITS)
    mine = table.filter(table[c.CUSTOMER_ID] == customer_id)
    return [
        CustomerConsent(
            purpose=row["purpose"],
            channel=row["channel"],
            channel_label=labels.named(labels.CHANNELS, row["channel"]),
            state=row["status"],
            state_label=labels.named(labels.STATUSES, row["status"]),
            since=row["status_at"],
        )
        for row in rows(shop, mine.order_by([mine[c.PURPOSE], mine[c.CHANNEL]]))
    ]


def _audiences(shop: OpenShop, customer_id: str) -> list[CustomerAudience]:
    table = shop.tables.table(AUDIENCE_MEMBERS)
    newest = table.group_by(c.AUDIENCE_ID).aggregate(newest=table[c.AS_OF].max())
    mine = table.filter(table[c.CUSTOMER_ID] == customer_id)
    joined = mine.join(
        newest,
        (mine[c.AUDIENCE_ID] == newest[c.AUDIENCE_ID]) & (mine[c.AS_OF] == newest["newest"]),
    )
    found = rows(shop, joined.select(mine[c.AUDIENCE_ID]).distinct())
    ids = sorted(row["audience_id"] for row in found)
    table_of = state.audiences
    with shop.state.connect() as connection:
        asked = select(table_of.c.audience_id, table_of.c.name)
        kept = connection.execute(asked.where(table_of.c.audience_id.in_(ids)))
        named = {row.audience_id: row.name for row in kept}
    return [CustomerAudience(audience_id=x, name=named.get(x, x)) for x in ids]


def _summary(shop: OpenShop, line: CustomerRow) -> Text:
    if not line.orders:
        return Text(zh="还没有购买记录。", en="Has not bought anything yet.")
    spent = wording.amount(line.spent.minor if line.spent else 0, shop.settings.shop.currency)
    zh = [f"累计购买 {line.orders} 次，消费 {spent}"]
    en = [f"Bought {line.orders} times for {spent} in all"]
    if line.last_purchase_on is not None:
        zh.append(f"最近一次在 {line.last_purchase_on.isoformat()}")
        en.append(f"last on {line.last_purchase_on.isoformat()}")
    if line.risk is not None and line.risk_band is not None:
        zh.append(f"流失风险 {line.risk}（{line.risk_band.name.zh}）")
        en.append(f"churn risk {line.risk} of 9 ({line.risk_band.name.en.lower()})")
    if line.value is not None:
        worth = wording.amount(line.value.minor, line.value.currency)
        zh.append(f"预计消费 {worth}")
        en.append(f"expected to spend {worth}")
    return Text(zh="，".join(zh) + "。", en=", ".join(en) + ".")


def features(shop: OpenShop, customer_id: str) -> CustomerFeatures:
    """All features of one customer at the latest cut-off.

    Parameters
    ----------
    shop
        The open shop.
    customer_id
        Customer as currently believed.

    Returns
    -------
    CustomerFeatures
        In the order of the library; columns that it no longer defines come last.

    Raises
    ------
    NotFoundError
        If there is no such customer.
    """
    must_exist(shop, customer_id)
    table = at_latest(shop, FEATURES)
    row = (
        one(shop, table.filter(table[c.CUSTOMER_ID] == customer_id)) if table is not None else None
    )
    if row is None:
        return CustomerFeatures(
            customer_id=customer_id,
            freshness=freshness(shop, None),
            items=[],
            next_step=NEVER_RAN,
        )
    library = {feature.name: feature for feature in all_features()}
    order = {name: place for place, name in enumerate(library)}
    stored = [name for name in row if name not in {str(c.CUSTOMER_ID), str(c.AS_OF)}]
    stored.sort(key=lambda name: order.get(name, len(order)))
    return CustomerFeatures(
        customer_id=customer_id,
        freshness=freshness(shop, row["as_of"]),
        items=[_feature(name, row[name], library.get(name)) for name in stored],
        next_step=None,
    )


def _feature(name: str, value: object, known: Feature | None) -> FeatureValue:
    label = names.feature(name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    group = GROUPS.get(known.group if known else "", GROUPS["features"])
    return FeatureValue(
        name=name,
        label=label,
        definition=names.feature_definition(known) if known else label,
        group=known.group if known else "",
        group_label=Text(zh=group[0], en=group[1]),
        value=float(value) if number else None,  # type: ignore[arg-type]
        text_value=None if number or value is None else str(value),
        unit=known.unit if known else "",
        window_days=known.window_days if known else None,
    )
