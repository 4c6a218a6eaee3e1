"""What audience rules see of the open shop: its vocabulary, its tables, one customer's facts."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import or_

import ibis

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import judged
from shopkeeper.apps.service.queries.clusters import cluster_segments
from shopkeeper.apps.service.queries.reading import Record, at_latest, latest, one, rows
from shopkeeper.apps.service.schemas.segment import AudienceDraft
from shopkeeper.core import columns as c
from shopkeeper.core.errors import InputError
from shopkeeper.core.tables import (
    ACTIVITY,
    CONTACTS,
    FEATURES,
    PERMITS,
    PROFILES,
    PURCHASE_LINES,
    SCORES,
    SEGMENTS,
)
from shopkeeper.features.library_index import all_features
from shopkeeper.segment.rules.batch import Tables, as_of_microseconds, facts_table
from shopkeeper.segment.rules.check import checked
from shopkeeper.segment.rules.document import from_yaml
from shopkeeper.segment.rules.single import Facts
from shopkeeper.segment.rules.text import parse
from shopkeeper.segment.rules.tree import Happened, Occurrence, Rule, leaves
from shopkeeper.segment.rules.vocabulary import Vocabulary, build_vocabulary


def vocabulary_of(shop: OpenShop) -> Vocabulary:
    """Fields that rules may use in this shop.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    Vocabulary
        Features of the library that are computed here; before the first computation, all.
    """
    stored = set(shop.tables.table(FEATURES).columns)
    written = shop.tables.exists(FEATURES)
    known = [x for x in all_features() if not written or x.name in stored]
    return build_vocabulary(
        [x.column for x in known],
        groups={x.name: x.group for x in known},
        clusters=cluster_segments(shop),
    )


def moment_of(shop: OpenShop) -> dt.datetime:
    """Moment at which rules look at the shop: that of the latest features, else now.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    datetime
        UTC.
    """
    return latest(shop, FEATURES) or shop.clock.now()


def tables_of(shop: OpenShop) -> Tables:
    """Tables that rules read, at the latest moment of each.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    Tables
        Unbound expressions.
    """
    features = at_latest(shop, FEATURES)
    if features is None:
        # Nothing was computed: the library's columns exist, and hold nothing.
        features = FEATURES.extended([x.column for x in all_features()]).unbound()
    segments = at_latest(shop, SEGMENTS)
    return Tables(
        features=features,
        scores=_scores(shop),
        segments=SEGMENTS.unbound() if segments is None else segments,
        profiles=shop.tables.table(PROFILES),
        permits=shop.tables.table(PERMITS),
        lines=shop.tables.table(PURCHASE_LINES),
        activity=shop.tables.table(ACTIVITY),
        contacts=shop.tables.table(CONTACTS),
    )


def _scores(shop: OpenShop) -> ibis.Table:
    table = shop.tables.table(SCORES)
    heads = judged.score_heads(shop).values()
    if not heads:
        return table
    return table.filter(reduce(or_, [judged.of_head(table, head) for head in heads]))


def read_rule(shop: OpenShop, draft: AudienceDraft) -> Rule:
    """A rule as somebody wrote it, held against the shop's vocabulary.

    Parameters
    ----------
    shop
        The open shop.
    draft
        Text or YAML.

    Returns
    -------
    Rule

    Raises
    ------
    InputError
        If both or neither form is given.
    RuleError
        If it cannot be read, or names unknown fields; the place is among the facts.
    """
    if (draft.rule_text is None) == (draft.rule_yaml is None):
        raise InputError(
            "a rule needs rule_text or rule_yaml, one of the two",
            next_step="Send the rule in one form",
        )
    rule = parse(draft.rule_text) if draft.rule_text is not None else from_yaml(_yaml(draft))
    return checked(rule, vocabulary_of(shop))


def _yaml(draft: AudienceDraft) -> str:
    return draft.rule_yaml or ""


def facts_of(shop: OpenShop, rule: Rule, customer_id: str) -> Facts:
    """What a rule needs to know about one customer.

    Parameters
    ----------
    shop
        The open shop.
    rule
        Checked against the vocabulary.
    customer_id
        Customer as currently believed.

    Returns
    -------
    Facts
    """
    as_of_us = as_of_microseconds(moment_of(shop))
    tables = tables_of(shop)
    everybody = facts_table(rule, vocabulary_of(shop), tables, as_of_us)
    row = one(shop, everybody.filter(everybody[c.CUSTOMER_ID] == customer_id))
    sources: dict[Occurrence, ibis.Table] = {
        "bought": tables.lines,
        "did": tables.activity,
        "contacted": tables.contacts,
    }
    asked = {leaf.what for leaf in leaves(rule) if isinstance(leaf, Happened)}
    happened: dict[Occurrence, list[Record]] = {
        what: rows(shop, table.filter(table[c.CUSTOMER_ID] == customer_id))
        for what, table in sources.items()
        if what in asked
    }
    return Facts(row or {}, happened, as_of_us)
