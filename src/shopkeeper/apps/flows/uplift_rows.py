"""Randomised contacts as trials: arms, outcomes, and features as they were before each contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select

from shopkeeper.apps.flows.decide import PERFORMED, RESPONSE_DAYS
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.clock import MICROSECONDS_PER_DAY, to_us
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import CONTACTS, DECISIONS, PURCHASES
from shopkeeper.predict.history import Floats, Ints
from shopkeeper.predict.uplift.trial import LEAST_ARM, Trial

HELD_OUT = "held_out"
ALL = "all"
PLAN = "plan:"
MOST_ROWS = 400_000
DAY_S = 86_400
FEATURES = (
    "purchases", "purchases_365d", "purchases_90d", "purchases_30d", "spend_365d", "spend_90d",
    "mean_amount", "days_since_last", "days_since_first", "mean_gap_days",
)  # fmt: skip
"""Features of a customer at a moment, from purchases before it; money in minor units."""


@dataclass(frozen=True, slots=True)
class Contacted:
    """Randomised contacts and hold-outs whose response window has closed; one entry each.

    Parameters
    ----------
    customer : Any
        Customer ids, an Arrow array.
    moment_s : Ints
        Seconds UTC.
    treated : Any
        Whether somebody wrote to the customer.
    campaign : Any
        Campaign or plan the coin was tossed for.
    offer : Any
        Offer; empty where none is known.
    """

    customer: pa.Array
    moment_s: Ints
    treated: Any
    campaign: Any
    offer: Any

    def take(self, places: Any) -> Contacted:
        """Some of them.

        Parameters
        ----------
        places : Any
            Positions.
        """
        return Contacted(
            self.customer.take(pa.array(places)), self.moment_s[places], self.treated[places],
            self.campaign[places], self.offer[places],
        )  # fmt: skip


def randomised_contacts(runtime: Runtime, as_of: datetime) -> Contacted:
    """Contacts of campaigns that held somebody out by chance, and customers of performed plans.

    Parameters
    ----------
    runtime
        The open shop.
    as_of
        Only contacts whose response window has closed by then.

    Returns
    -------
    Contacted
        Ordered by campaign, customer and time. In a plan everybody it could have written to
        counts as its hold-out coin fell (intention to treat).
    """
    end = to_us(as_of) - RESPONSE_DAYS * MICROSECONDS_PER_DAY
    parts = [_campaigns(runtime.tables, end), *_plans(runtime, as_of, end)]
    table = pa.concat_tables(parts)
    table = table.take(
        pc.sort_indices(
            table, sort_keys=[(x, "ascending") for x in ("campaign", "customer_id", "ts_us")]
        )
    )
    campaign = table.column("campaign").to_numpy(zero_copy_only=False)
    treated = table.column("treated").to_numpy(zero_copy_only=False).astype(bool)
    _, code = np.unique(campaign.astype(str), return_inverse=True)
    both = np.bincount(code, weights=treated) * np.bincount(code, weights=~treated) > 0
    mine = np.flatnonzero(both[code]) if len(code) else np.empty(0, dtype=np.int64)
    whole = Contacted(
        table.column("customer_id").combine_chunks(),
        table.column("ts_us").to_numpy() // 1_000_000,
        treated,
        campaign,
        pc.fill_null(table.column("offer_id"), "").to_numpy(zero_copy_only=False),
    )
    return whole.take(mine)


def _campaigns(store: TableStore, end_us: int) -> pa.Table:
    contacts = store.table(CONTACTS)
    closed = contacts.filter(contacts.ts_us <= ibis.literal(end_us).cast("int64"))
    arms = closed.group_by("campaign_id").aggregate(
        held=(closed.status == HELD_OUT).sum(), sent=(closed.status != HELD_OUT).sum()
    )
    tested = arms.filter((arms.held > 0) & (arms.sent > 0)).select("campaign_id")
    mine = closed.semi_join(tested, "campaign_id")
    rows = store.run(
        mine.select(
            "customer_id", "ts_us", campaign=mine.campaign_id, offer_id=mine.offer_id,
            treated=mine.status != HELD_OUT,
        )
    )  # fmt: skip
    return _shaped(rows)


def _shaped(rows: pa.Table) -> pa.Table:
    kinds = {
        "customer_id": pa.string(), "ts_us": pa.int64(), "campaign": pa.string(),
        "offer_id": pa.string(), "treated": pa.bool_(),
    }  # fmt: skip
    return pa.table({name: rows.column(name).cast(kind) for name, kind in kinds.items()})


def _plans(runtime: Runtime, as_of: datetime, end_us: int) -> list[pa.Table]:
    plans = state.plans
    with runtime.state.connect() as connection:
        known = connection.execute(
            select(plans.c.plan_id).where(plans.c.status == PERFORMED, plans.c.as_of <= as_of)
        ).all()
    if not known:
        return []
    decisions = runtime.tables.table(DECISIONS)
    open_pattern = '%"consent":true,"address":true%'
    mine = decisions.filter(
        decisions.plan_id.isin([row.plan_id for row in known])
        & ~decisions.reason.isin(["no_consent", "no_address"])
        & decisions.constraints.like(open_pattern)
    )
    rows = runtime.tables.run(
        mine.select("customer_id", "as_of", "plan_id", "offer_id", treated=~mine.holdout)
    )
    moment = rows.column("as_of").cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    made = pa.table({
        "customer_id": rows.column("customer_id"), "ts_us": moment,
        "campaign": pc.binary_join_element_wise(PLAN, rows.column("plan_id"), ""),
        # Whom a plan would have offered what is not known of those held out.
        "offer_id": pa.nulls(rows.num_rows, pa.string()), "treated": rows.column("treated"),
    })  # fmt: skip
    return [_shaped(made.filter(pc.less_equal(made.column("ts_us"), end_us)))]


@dataclass(frozen=True, slots=True)
class Bought:
    """Sales sorted by customer and time.

    Parameters
    ----------
    customers : Any
        Customer ids; their position is their code.
    key : Ints
        Code and second of each sale as one number.
    moment_s : Ints
        Seconds UTC of each sale.
    spent : Floats
        Running sum of amounts, with a zero in front.
    """

    customers: pa.Array
    key: Ints
    moment_s: Ints
    spent: Floats


SHIFT = 2**34


def read_bought(store: TableStore, as_of: datetime) -> Bought:
    """Sales before a moment.

    Parameters
    ----------
    store
        The lake.
    as_of
        Nothing at or after it is seen.
    """
    purchases = store.table(PURCHASES)
    known = purchases.filter(
        (purchases.ts_us < ibis.literal(to_us(as_of)).cast("int64")) & (purchases.kind == "sale")
    )
    rows = store.run(known.select("customer_id", "ts_us", "amount_minor"))
    coded = rows.column("customer_id").combine_chunks().dictionary_encode()
    code = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    moment = rows.column("ts_us").to_numpy() // 1_000_000
    order = np.argsort(code * SHIFT + moment, kind="stable")
    amount = rows.column("amount_minor").to_numpy().astype(np.float64)[order]
    return Bought(
        coded.dictionary, (code * SHIFT + moment)[order], moment[order],
        np.r_[0.0, np.cumsum(amount)],
    )  # fmt: skip


def features_at(bought: Bought, code: Ints, moment_s: Ints) -> np.ndarray:
    """Features of customers at moments.

    Parameters
    ----------
    bought
        Sales.
    code
        Code of each customer; −1 for one who never bought.
    moment_s
        Moment of each, seconds UTC; sales in that second or later are not seen.

    Returns
    -------
    np.ndarray
        (rows, `FEATURES`) float32; NaN where there is no purchase before.
    """

    def place(seconds: Ints) -> Ints:
        return np.searchsorted(bought.key, code * SHIFT + seconds)

    begin, now = place(np.zeros_like(moment_s)), place(moment_s)
    count = (now - begin).astype(np.float64)
    spent = bought.spent[now] - bought.spent[begin]
    since = {days: place(moment_s - days * DAY_S) for days in (30, 90, 365)}
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.r_[bought.moment_s, 0]
        last = np.where(count > 0, (moment_s - times[now - 1]) / DAY_S, np.nan)
        first = np.where(count > 0, (moment_s - times[begin]) / DAY_S, np.nan)
        gap = np.where(count > 1, (first - last) / (count - 1), np.nan)
        mean = np.where(count > 0, spent / count, np.nan)
    columns = [
        count, *((now - since[days]).astype(np.float64) for days in (365, 90, 30)),
        *(bought.spent[now] - bought.spent[since[days]] for days in (365, 90)),
        mean, last, first, gap,
    ]  # fmt: skip
    return np.column_stack(columns).astype(np.float32)


def codes_of(bought: Bought, customer: pa.Array) -> Ints:
    """Code of each customer; −1 for one who never bought.

    Parameters
    ----------
    bought
        Sales.
    customer
        Customer ids.
    """
    found = pc.index_in(customer, bought.customers)
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False)).astype(np.int64)


def trial_of(bought: Bought, contacted: Contacted, seed: int) -> Trial:
    """A trial of randomised contacts; the outcome is an order within the response window.

    Parameters
    ----------
    bought
        Sales.
    contacted
        Contacts and hold-outs.
    seed
        Decides the sample where there are more than 400,000.

    Returns
    -------
    Trial
        With the share each campaign treated as the known probability.
    """
    if len(contacted.treated) > MOST_ROWS:
        places = np.random.default_rng(seed).permutation(len(contacted.treated))[:MOST_ROWS]
        contacted = contacted.take(np.sort(places))
    code = codes_of(bought, contacted.customer)
    base = code * SHIFT + contacted.moment_s
    ordered = np.searchsorted(bought.key, base + RESPONSE_DAYS * DAY_S) > np.searchsorted(
        bought.key, base
    )
    _, arm = np.unique(contacted.campaign.astype(str), return_inverse=True)
    share = np.bincount(arm, weights=contacted.treated) / np.maximum(np.bincount(arm), 1)
    return Trial(
        FEATURES,
        features_at(bought, code, contacted.moment_s),
        contacted.treated,
        (ordered & (code >= 0)).astype(np.float64),
        share[arm],
    )


def arms_by_offer(contacted: Contacted) -> Mapping[str, tuple[int, int]]:
    """Treated and held-out rows by offer, `all` first.

    Parameters
    ----------
    contacted
        Contacts and hold-outs.
    """
    found = {ALL: (int(contacted.treated.sum()), int((~contacted.treated).sum()))}
    for offer in sorted({str(x) for x in contacted.offer if x}):
        mine = contacted.offer == offer
        found[offer] = (
            int(contacted.treated[mine].sum()), int((~contacted.treated[mine]).sum())
        )  # fmt: skip
    return found


def more_needed(treated: int, held: int) -> int:
    """Randomised contacts still needed before anything is learned.

    Parameters
    ----------
    treated, held
        Rows of each arm.
    """
    return max(LEAST_ARM - treated, 0) + max(LEAST_ARM - held, 0)
