"""Audiences: definitions, preview, build, and why somebody is in one."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from fastapi.encoders import jsonable_encoder
from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from shopkeeper.apps.flows.audiences import (
    build_audience,
    read_rule,
    rule_tables,
    shop_vocabulary,
    why_customer,
)
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.customers import headlines, must_exist
from shopkeeper.apps.service.queries.reading import day_of, freshness, latest, one, rows, utc
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import NextStep, Text
from shopkeeper.apps.service.schemas.segment import (
    Audience,
    AudienceCreate,
    AudienceDraft,
    AudienceList,
    AudiencePreview,
    AudienceWhy,
    Fact,
)
from shopkeeper.apps.service.schemas.segment import RuleError as RuleFault
from shopkeeper.core import columns as c
from shopkeeper.core import state
from shopkeeper.core.errors import InputError, NotEnoughDataError, NotFoundError, RuleError
from shopkeeper.core.ids import content_id
from shopkeeper.core.tables import AUDIENCE_MEMBERS, FEATURES, PROFILES
from shopkeeper.segment.rules.batch import as_of_microseconds, members
from shopkeeper.segment.rules.document import to_document, to_yaml
from shopkeeper.segment.rules.printed import print_rule
from shopkeeper.segment.rules.tree import Rule
from shopkeeper.segment.rules.why import Condition

SAMPLE = 10
FIRST_AUDIENCE = NextStep(
    text=Text(
        zh="还没有人群包。写一条规则，先预览人数，再保存。",
        en="There is no audience yet. Write a rule, preview its size, then save it.",
    ),
    action=Text(zh="新建人群包", en="New audience"),
    link="/segment/audiences/new",
)


def audiences(shop: OpenShop) -> AudienceList:
    """Audiences, newest first.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    AudienceList
    """
    table = state.audiences
    query = select(table).order_by(table.c.created_at.desc(), table.c.audience_id)
    with shop.state.connect() as connection:
        found = connection.execute(query).all()
    return AudienceList(
        items=[_audience(shop, row) for row in found], next_step=None if found else FIRST_AUDIENCE
    )


def _row(shop: OpenShop, audience_id: str) -> Row[Any]:
    table = state.audiences
    with shop.state.connect() as connection:
        row = connection.execute(select(table).where(table.c.audience_id == audience_id)).first()
    if row is None:
        raise NotFoundError(
            f"there is no audience {audience_id!r}",
            next_step="See /api/v1/segment/audiences",
            audience_id=audience_id,
        )
    return row


def _stored_rule(shop: OpenShop, row: Row[Any]) -> Rule:
    return read_rule(row.rule, shop_vocabulary(shop.runtime))


def _drafted_rule(shop: OpenShop, draft: AudienceDraft) -> Rule:
    """A rule as somebody wrote it, in one of the two forms."""
    words = shop_vocabulary(shop.runtime)
    if draft.rule_text is not None and draft.rule_yaml is None:
        return read_rule(draft.rule_text, words)
    if draft.rule_yaml is not None and draft.rule_text is None:
        return read_rule(draft.rule_yaml, words, form="yaml")
    raise InputError(
        "a rule needs rule_text or rule_yaml, one of the two",
        next_step="Send the rule in one form",
    )


def _audience(shop: OpenShop, row: Row[Any]) -> Audience:
    rule = _stored_rule(shop, row)
    written = print_rule(rule)
    built = utc(row.built_as_of)
    return Audience(
        audience_id=row.audience_id,
        name=row.name,
        description=row.description or None,
        rule_text=Text(zh=written, en=written),
        rule_yaml=to_yaml(rule),
        version=row.version,
        status="draft" if row.size is None else "built",
        size=row.size,
        as_of=day_of(shop, built),
        built_at=utc(row.updated_at) if row.size is not None else None,
        created_at=utc(row.created_at),
        updated_at=utc(row.updated_at),
    )


def audience(shop: OpenShop, audience_id: str) -> Audience:
    """One audience.

    Parameters
    ----------
    shop
        The open shop.
    audience_id
        Which audience.

    Returns
    -------
    Audience

    Raises
    ------
    NotFoundError
        If there is no such audience.
    """
    return _audience(shop, _row(shop, audience_id))


def create_audience(shop: OpenShop, body: AudienceCreate) -> Audience:
    """Save a rule under a name.

    Parameters
    ----------
    shop
        The open shop.
    body
        Name and rule.

    Returns
    -------
    Audience
        A draft; nothing is built yet.

    Raises
    ------
    RuleError
        If the rule cannot be read.
    InputError
        If another audience has the name.
    """
    rule = _drafted_rule(shop, body)
    now = shop.clock.now()
    audience_id = content_id(body.name, prefix="audience", length=12)
    try:
        with shop.state.begin() as connection:
            connection.execute(
                insert(state.audiences).values(
                    audience_id=audience_id,
                    name=body.name,
                    rule=print_rule(rule),
                    description=body.description or "",
                    version=1,
                    created_at=now,
                    updated_at=now,
                )
            )
    except IntegrityError as error:
        raise InputError(
            f"there is already an audience named {body.name!r}",
            next_step="Choose another name, or open the existing one",
            name=body.name,
            audience_id=audience_id,
        ) from error
    return audience(shop, audience_id)


def preview(shop: OpenShop, body: AudienceDraft) -> AudiencePreview:
    """Size and sample that a rule gives now, or where it cannot be read.

    Parameters
    ----------
    shop
        The open shop.
    body
        Text or YAML.

    Returns
    -------
    AudiencePreview
        With `error` set, and nothing else, for a rule that cannot be read.
    """
    started = time.perf_counter()
    everybody = shop.tables.count(PROFILES)
    as_of = latest(shop, FEATURES)
    try:
        rule = _drafted_rule(shop, body)
    except RuleError as error:
        return AudiencePreview(
            size=None,
            customers=everybody,
            share=None,
            sample=[],
            rule_text=None,
            rule_yaml=None,
            rule_tree=None,
            error=_fault(error),
            seconds=time.perf_counter() - started,
            freshness=freshness(shop, as_of),
        )
    size, ids = _counted(shop, rule, as_of) if as_of is not None else (0, [])
    written = print_rule(rule)
    return AudiencePreview(
        size=size,
        customers=everybody,
        share=size / everybody if everybody else None,
        sample=headlines(shop, ids),
        rule_text=Text(zh=written, en=written),
        rule_yaml=to_yaml(rule),
        rule_tree=jsonable_encoder(to_document(rule)),
        error=None,
        seconds=time.perf_counter() - started,
        freshness=freshness(shop, as_of),
    )


def _counted(shop: OpenShop, rule: Rule, as_of: dt.datetime) -> tuple[int, list[str]]:
    """Customers for whom a rule is true, and the first of them."""
    words = shop_vocabulary(shop.runtime)
    inside = members(rule, words, rule_tables(shop.tables, as_of), as_of_microseconds(as_of))
    size: int = rows(shop, inside.aggregate(n=inside.count()))[0]["n"]
    first = rows(shop, inside.order_by(c.CUSTOMER_ID).limit(SAMPLE))
    return size, [x["customer_id"] for x in first]


def _fault(error: RuleError) -> RuleFault:
    facts = error.facts
    hint = f". {error.next_step}" if error.next_step else ""
    return RuleFault(
        message=Text(zh=str(facts.get("message_zh") or error.message), en=f"{error.message}{hint}"),
        line=facts.get("line"),
        column=facts.get("column"),
        offset=facts.get("offset"),
        length=facts.get("length"),
        expected=list(facts.get("expected") or ()),
    )


def build(shop: OpenShop, audience_id: str) -> Audience:
    """Freeze the customers that the rule gives now.

    Parameters
    ----------
    shop
        The open shop.
    audience_id
        Which audience.

    Returns
    -------
    Audience
        With its size.

    Raises
    ------
    NotFoundError
        If there is no such audience.
    NotEnoughDataError
        If no features were ever computed.
    """
    _row(shop, audience_id)
    as_of = latest(shop, FEATURES)
    if as_of is None:
        raise NotEnoughDataError(
            "no features were computed yet, so no rule can be answered",
            next_step=f"Run: {NEVER_RAN.command}",
            audience_id=audience_id,
        )
    build_audience(shop.runtime, audience_id, as_of)
    with shop.state.begin() as connection:
        connection.execute(
            update(state.audiences)
            .where(state.audiences.c.audience_id == audience_id)
            .values(updated_at=shop.clock.now())
        )
    return audience(shop, audience_id)


def why(shop: OpenShop, audience_id: str, customer_id: str) -> AudienceWhy:
    """Why a customer is, or is not, in an audience.

    Parameters
    ----------
    shop
        The open shop.
    audience_id
        Which audience.
    customer_id
        Customer as currently believed.

    Returns
    -------
    AudienceWhy

    Raises
    ------
    NotFoundError
        If there is no such audience or customer.
    """
    row = _row(shop, audience_id)
    must_exist(shop, customer_id)
    rule = _stored_rule(shop, row)
    found = why_customer(shop.runtime, rule, customer_id, shop_vocabulary(shop.runtime))
    return AudienceWhy(
        audience_id=audience_id,
        customer_id=customer_id,
        member=found.member,
        built_member=None if row.size is None else _was_built(shop, row, customer_id),
        sentence=Text(zh=found.zh, en=found.en),
        facts=[_fact(condition) for condition in found.conditions],
    )


def _was_built(shop: OpenShop, row: Row[Any], customer_id: str) -> bool:
    table = shop.tables.table(AUDIENCE_MEMBERS)
    mine = table.filter(
        (table[c.AUDIENCE_ID] == row.audience_id)
        & (table[c.VERSION] == str(row.version))
        & (table[c.CUSTOMER_ID] == customer_id)
    )
    return one(shop, mine) is not None


def _fact(condition: Condition) -> Fact:
    return Fact(
        field=condition.field,
        label=Text(zh=condition.zh, en=condition.en),
        operator=condition.operator,
        expected=condition.expected,
        actual=condition.actual,
        unit=condition.unit or None,
        satisfied=condition.truth is True,
        flips=condition.flips,
        text=Text(zh=condition.sentence_zh, en=condition.sentence_en),
    )
