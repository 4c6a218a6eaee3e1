"""Features against an oracle in plain Python, against data visible by eye, and against the future."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.features.compute import cutoffs_table
from shopkeeper.features.library_index import all_features, select_features

Row = dict[str, Any]
AS_OF = datetime(2025, 6, 1, 16, 0, tzinfo=UTC)
EARLIER = datetime(2025, 3, 10, 16, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = [x.name for x in all_features()]


def same(ours: Any, truth: Any) -> bool:
    if isinstance(ours, float) and isinstance(truth, int | float):
        return math.isclose(ours, truth, rel_tol=1e-9, abs_tol=1e-9)
    return bool(ours == truth)


# --- the oracle: one customer, rows as lists, datetimes instead of microsecond arithmetic ----------
class Oracle:
    def __init__(self, shop: dict[str, list[Row]], customer: str, as_of: datetime) -> None:
        def before(rows: list[Row]) -> list[Row]:
            return [
                {**x, "at": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=x["ts_us"])}
                for x in rows
                if x["customer_id"] == customer
            ]

        self.as_of = as_of
        keep = lambda rows: [x for x in before(rows) if x["at"] < as_of]  # noqa: E731
        orders = keep(shop["purchases"])
        self.sales = [x for x in orders if x["kind"] == "sale"]
        self.backs = [x for x in orders if x["kind"] == "return"]
        self.lines = [x for x in keep(shop["purchase_lines"]) if x["kind"] == "sale"]
        self.all_lines = keep(shop["purchase_lines"])
        self.events = keep(shop["activity"])
        never = ("held_out", "refused", "withdrawn")
        self.contacts = [x for x in keep(shop["contacts"]) if x["status"] not in never]
        self.orders = orders

    def within(self, rows: list[Row], days: int | None) -> list[Row]:
        return [x for x in rows if days is None or x["at"] >= self.as_of - timedelta(days=days)]

    def age(self, row: Row) -> int:
        # Whole 24-hour days back from the moment just before as_of.
        return (self.as_of - timedelta(microseconds=1) - row["at"]) // DAY

    def recency(self, rows: list[Row]) -> int | None:
        return min((self.age(x) for x in rows), default=None)

    def days(self, rows: list[Row]) -> set[int]:
        return {self.age(x) for x in rows}

    def gaps(self) -> list[int]:
        ages = sorted(self.days(self.sales), reverse=True)
        return [a - b for a, b in pairwise(ages)]

    def facts(self) -> Row:
        w, truth = self.within, {}
        everything = [*self.orders, *self.all_lines, *self.events, *self.contacts]
        truth["first_seen_days"] = max(self.age(x) for x in everything)
        truth["recency_days"] = self.recency(self.sales)
        truth["tenure_days"] = max((self.age(x) for x in self.sales), default=None)
        for name, days in (("7d", 7), ("30d", 30), ("90d", 90), ("180d", 180), ("365d", 365),
                           ("life", None)):  # fmt: skip
            sales = w(self.sales, days)
            truth[f"orders_{name}"] = len(sales)
            truth[f"purchase_days_{name}"] = len(self.days(sales))
            truth[f"spend_minor_{name}"] = sum(x["amount_minor"] for x in sales)
            truth[f"net_spend_minor_{name}"] = sum(x["amount_minor"] for x in w(self.orders, days))
            truth[f"quantity_{name}"] = sum(x["quantity"] for x in sales)
            truth[f"lines_{name}"] = sum(x["lines"] for x in sales)
            truth[f"discount_minor_{name}"] = sum(x["discount_minor"] or 0 for x in sales)
            truth[f"coupon_orders_{name}"] = sum(x["coupon_id"] is not None for x in sales)
            truth[f"discounted_orders_{name}"] = sum((x["discount_minor"] or 0) > 0 for x in sales)
            truth[f"returns_{name}"] = len(w(self.backs, days))
            truth[f"refund_minor_{name}"] = -sum(x["amount_minor"] for x in w(self.backs, days))
            truth[f"max_order_minor_{name}"] = max([0, *(x["amount_minor"] for x in sales)])
            truth[f"avg_order_minor_{name}"] = (
                statistics.fmean(x["amount_minor"] for x in sales) if sales else None
            )
            lines = w(self.lines, days)
            truth[f"products_{name}"] = len({x["product_id"] for x in lines})
            truth[f"categories_{name}"] = len({x["category"] for x in lines} - {None})
            truth[f"brands_{name}"] = len({x["brand"] for x in lines} - {None})
            events = w(self.events, days)
            truth[f"events_{name}"] = len(events)
            truth[f"active_days_{name}"] = len(self.days(events))
            sessions = {(self.age(x), x["session_id"]) for x in events}
            truth[f"sessions_{name}"] = len(sessions)
            mobile = {(self.age(x), x["session_id"]) for x in events if x["device"] == "mobile"}
            truth[f"mobile_sessions_{name}"] = len(mobile)
            truth[f"contacts_{name}"] = len(w(self.contacts, days))
            truth[f"contact_cost_minor_{name}"] = sum(
                x["cost_minor"] or 0 for x in w(self.contacts, days)
            )
            for feature, kind in (("views", "view_item"), ("carts", "add_to_cart"),
                                  ("searches", "search"), ("checkouts", "begin_checkout"),
                                  ("chats", "chat_message_received"), ("cancels", "order_cancelled"),
                                  ("reviews", "product_reviewed"), ("shares", "share"),
                                  ("wishes", "add_to_wishlist")):  # fmt: skip
                truth[f"{feature}_{name}"] = sum(x["kind"] == kind for x in events)
            chats = [x for x in events if x["kind"] == "chat_message_received"]
            truth[f"conversations_{name}"] = len({(self.age(x), x["session_id"]) for x in chats})
        self._rhythm(truth)
        self._affinity(truth)
        self._preference(truth)
        self._contact(truth)
        self._scene(truth)
        return truth

    def _rhythm(self, truth: Row) -> None:
        gaps = self.gaps()
        truth["gap_mean_days"] = statistics.fmean(gaps) if gaps else None
        truth["gap_median_days"] = float(statistics.median(gaps)) if gaps else None
        truth["gap_std_days"] = statistics.stdev(gaps) if len(gaps) > 1 else None
        truth["gap_min_days"] = min(gaps, default=None)
        truth["gap_max_days"] = max(gaps, default=None)
        truth["overdue_ratio"] = (
            truth["recency_days"] / truth["gap_mean_days"] if gaps else None
        )  # fmt: skip
        truth["return_recency_days"] = self.recency(self.backs)
        truth["coupon_recency_days"] = self.recency([x for x in self.sales if x["coupon_id"]])
        truth["activity_recency_days"] = self.recency(self.events)
        carts = [x for x in self.events if x["kind"] == "add_to_cart"]
        truth["cart_recency_days"] = cart = self.recency(carts)
        for name, kind in (("chat", "chat_message_received"), ("review", "product_reviewed"),
                           ("share", "share")):  # fmt: skip
            said = [x for x in self.events if x["kind"] == kind]
            truth[f"{name}_recency_days"] = self.recency(said)
        truth["voice_365d"] = truth["reviews_365d"] + truth["shares_365d"]
        orders = truth["orders_365d"]
        truth["reviews_per_order_365d"] = truth["reviews_365d"] / orders if orders else None
        last = truth["recency_days"]
        truth["cart_waiting"] = int(cart is not None and (last is None or cart < last))

    def _affinity(self, truth: Row) -> None:
        lines = self.within(self.lines, 365)
        spend: dict[str, int] = defaultdict(int)
        for x in lines:
            if x["category"] is not None:
                spend[x["category"]] += x["amount_minor"]
        best = max(spend.values(), default=0)
        truth["top_category_365d"] = min(
            (k for k, v in spend.items() if v == best and v > 0), default=None
        )
        total = sum(spend.values())
        truth["top_category_share_365d"] = best / total if total else None
        truth["category_concentration_365d"] = (
            sum(v * v for v in spend.values()) / total**2 if total else None
        )
        counts = Counter(x["product_id"] for x in lines)
        truth["repeat_products_365d"] = sum(n >= 2 for n in counts.values())
        first: dict[str, int] = defaultdict(int)
        for x in self.lines:
            first[x["product_id"]] = max(first[x["product_id"]], self.age(x))
        truth["new_products_90d"] = sum(age < 90 for age in first.values())
        quantity = sum(x["quantity"] for x in lines)
        truth["unit_price_minor_365d"] = (
            sum(x["amount_minor"] for x in lines) / quantity if quantity else None
        )
        truth["discounted_lines_365d"] = sum((x["discount_minor"] or 0) > 0 for x in lines)

    def _preference(self, truth: Row) -> None:
        sales = self.within(self.sales, 365)
        for feature, key in (("top_channel_365d", "channel"), ("top_store_365d", "store_id"),
                             ("top_weekday_365d", "dow"), ("top_hour_365d", "hour")):  # fmt: skip
            counts = Counter(x[key] for x in sales if x[key] is not None)
            best = max(counts.values(), default=0)
            truth[feature] = min((k for k, n in counts.items() if n == best), default=None)
        truth["channels_365d"] = len({x["channel"] for x in sales})
        truth["weekend_share_365d"] = (
            sum(x["at"].astimezone(UTC) is not None and x["dow"] > 5 for x in sales) / len(sales)
            if sales else None
        )  # fmt: skip
        truth["single_line_orders_365d"] = sum(x["lines"] == 1 for x in sales)
        views = [x for x in self.within(self.events, 90) if x["kind"] == "view_item"]
        counts = Counter(x["category"] for x in views if x["category"])
        best = max(counts.values(), default=0)
        truth["top_viewed_category_90d"] = min(
            (k for k, n in counts.items() if n == best), default=None
        )
        truth["viewed_categories_90d"] = len(counts)

    def _scene(self, truth: Row) -> None:
        visits: dict[str, list[Row]] = defaultdict(list)
        for x in self.within(self.events, 90):
            visits[x["session_id"] or x["event_id"]].append(x)
        newest = max((x["ts_us"] for x in self.within(self.events, 90)), default=None)
        rank = {"begin_checkout": 0, "chat_message_received": 1, "add_to_cart": 2,
                "add_to_wishlist": 2, "search": 3, "view_item": 4}  # fmt: skip
        purposes = ("buying", "service", "choosing", "searching", "looking", "passing")
        bands = ((22, "late"), (18, "evening"), (14, "afternoon"), (11, "noon"), (9, "morning"),
                 (5, "early"), (0, "night"))  # fmt: skip
        seen: dict[str, list[tuple[str, bool]]] = defaultdict(list)
        for rows in visits.values():
            hour = min((x["ts_us"], x["hour"]) for x in rows)[1]
            scene = {
                "time": next(name for first, name in bands if hour >= first),
                "device": min((x["device"].lower() for x in rows if x["device"]), default=None),
                "place": min(({"web": "online"}.get(x["channel"], "store") for x in rows
                              if x["channel"]), default=None),
                "purpose": purposes[min(rank.get(x["kind"], 5) for x in rows)],
            }  # fmt: skip
            for side, value in scene.items():
                if value is not None:
                    seen[side].append((value, max(x["ts_us"] for x in rows) == newest))
        for side in ("time", "device", "place", "purpose"):
            counts = Counter(value for value, _ in seen[side])
            best = max(counts.values(), default=0)
            truth[f"scene_{side}_90d"] = min(
                (k for k, n in counts.items() if n == best), default=None
            )
            truth[f"last_scene_{side}_90d"] = min(
                (x for x, last in seen[side] if last), default=None
            )

    def _contact(self, truth: Row) -> None:
        recent = self.within(self.contacts, 90)
        opened = sum(x["status"] in ("opened", "clicked") for x in recent)
        truth["opened_contacts_90d"] = opened
        truth["open_rate_90d"] = opened / len(recent) if recent else None
        truth["email_contacts_30d"] = sum(
            x["channel"] == "email" for x in self.within(self.contacts, 30)
        )
        truth["contact_recency_days"] = self.recency(self.contacts)
        both, late = truth["orders_180d"], truth["orders_90d"]
        truth["orders_trend_90d"] = (2 * late - both) / both if both else None


@pytest.mark.parametrize("seed", range(3))
def test_oracle(seed: int, compute: Callable[..., Any], shops: Callable[..., Any]) -> None:
    """At least a hundred features, at two cut-offs at once, equal a plain Python reading of the rows."""
    shop = shops(seed, AS_OF)
    rows = compute(shop, [EARLIER, AS_OF])
    checked: set[str] = set()
    expected = {
        (x["customer_id"], moment)
        for moment in (EARLIER, AS_OF)
        for table in shop.values()
        for x in table
        if x["ts_us"] < int(moment.timestamp()) * 1_000_000
    }
    assert set(rows) == expected
    for (customer, as_of), row in rows.items():
        for name, truth in Oracle(shop, customer, as_of).facts().items():
            if name in row:
                checked.add(name)
                assert same(row[name], truth), (customer, as_of, name, row[name], truth)
    assert len(checked) >= 100


def test_seen_by_eye(compute: Callable[..., Any], stamped: Callable[[int], Row]) -> None:
    """Three orders 10 and 20 days apart, the last one 5 days ago; a return; one later order."""
    now = int(AS_OF.timestamp()) * 1_000_000
    day = 86_400_000_000

    def order(i: int, days_ago: float, kind: str, amount: int) -> Row:
        return {
            "order_id": f"o{i}", "customer_id": "ann", "kind": kind, "channel": "web",
            "store_id": None, **stamped(now - int(days_ago * day)), "amount_minor": amount,
            "discount_minor": 0, "currency": "CNY", "quantity": 1.0, "lines": 1, "coupon_id": None,
        }  # fmt: skip

    shop = {
        "purchases": [
            order(1, 35.5, "sale", 1000), order(2, 25.5, "sale", 3000),
            order(3, 5.5, "sale", 2000), order(4, 4.5, "return", -2000),
            order(5, -1, "sale", 99_999),
        ],
        "purchase_lines": [], "activity": [], "contacts": [],
    }  # fmt: skip
    row = compute(shop, [AS_OF])["ann", AS_OF]
    assert (row["recency_days"], row["tenure_days"], row["orders_life"]) == (5, 35, 3)
    assert (row["gap_mean_days"], row["gap_median_days"]) == (15.0, 15.0)
    assert row["gap_std_days"] == pytest.approx(math.sqrt(50))
    assert (row["spend_minor_30d"], row["net_spend_minor_90d"]) == (5000, 4000)
    assert (row["returns_90d"], row["refund_minor_90d"]) == (1, 2000)
    assert row["overdue_ratio"] == pytest.approx(1 / 3)
    assert (row["sessions_30d"], row["contacts_30d"], row["activity_recency_days"]) == (0, 0, None)


def test_only_contacts_really_sent_count(compute: Callable[..., Any]) -> None:
    now, day = int(AS_OF.timestamp()) * 1_000_000, 86_400_000_000
    statuses = [
        "sent", "delivered", "opened", "clicked", "complained", "failed", None,
        "held_out", "refused", "withdrawn", "waiting",
    ]  # fmt: skip
    contacts = [
        {
            "touch_id": f"t{i}", "customer_id": "ann", "campaign_id": None, "offer_id": None,
            "channel": "email", "status": status, "ts_us": now - (12 - i) * day,
            "day": AS_OF.date(), "cost_minor": 5, "currency": "CNY",
        }
        for i, status in enumerate(statuses)
    ]  # fmt: skip
    contacts.append({**contacts[-1], "touch_id": "b", "customer_id": "bob", "status": "held_out"})
    found = compute(
        {"purchases": [], "purchase_lines": [], "activity": [], "contacts": contacts}, [AS_OF]
    )
    assert {who for who, _ in found} == {"ann"}
    row = found["ann", AS_OF]
    assert (row["contacts_30d"], row["email_contacts_30d"], row["opened_contacts_90d"]) == (7, 7, 2)
    assert (row["failed_contacts_90d"], row["contact_cost_minor_90d"]) == (1, 35)
    # The last one sent is the seventh, six days and a moment before.
    assert row["contact_recency_days"] == 5


@pytest.mark.parametrize("seed", range(2))
def test_no_row_at_or_after_as_of_changes_any_feature(
    seed: int, compute: Callable[..., Any], shops: Callable[..., Any]
) -> None:
    """Dropping, altering or adding rows from ``as_of`` on leaves every value of every feature."""
    shop = shops(100 + seed, AS_OF)
    moment = int(AS_OF.timestamp()) * 1_000_000
    past = {k: [x for x in v if x["ts_us"] < moment] for k, v in shop.items()}
    assert any(x["ts_us"] == moment for v in shop.values() for x in v)
    assert any(x["ts_us"] == moment - 1 for v in shop.values() for x in v)
    loud = {
        k: [x if x["ts_us"] < moment else {**x, **_loud(x)} for x in v] for k, v in shop.items()
    }
    truth = compute(past, [AS_OF])
    assert compute(shop, [AS_OF]) == truth
    assert compute(loud, [AS_OF]) == truth
    assert len(next(iter(truth.values()))) == len(NAMES) + 2


def _loud(row: Row) -> Row:
    changed = {"amount_minor": 10**9, "discount_minor": 10**6, "quantity": 1e6, "cost_minor": 10**6,
               "category": "zz", "channel": "zz", "kind": "sale", "status": "clicked"}  # fmt: skip
    return {k: v for k, v in changed.items() if k in row}


def test_many_cutoffs_equal_one_by_one(
    compute: Callable[..., Any], shops: Callable[..., Any]
) -> None:
    shop = shops(7, AS_OF)
    together = compute(shop, [EARLIER, AS_OF])
    apart = compute(shop, [EARLIER]) | compute(shop, [AS_OF])
    assert together == apart


def test_a_subset_equals_the_whole(compute: Callable[..., Any], shops: Callable[..., Any]) -> None:
    shop = shops(8, AS_OF)
    names = ["overdue_z", "orders_90d", "top_category_365d", "discount_trend_90d"]
    whole, part = compute(shop, [AS_OF]), compute(shop, [AS_OF], names)
    assert list(next(iter(part.values()))) == ["customer_id", "as_of", *names]
    assert {k: [v[n] for n in names] for k, v in whole.items()} == {
        k: [v[n] for n in names] for k, v in part.items()
    }


def test_order_of_rows_is_irrelevant(
    compute: Callable[..., Any], shops: Callable[..., Any]
) -> None:
    shop = shops(9, AS_OF)
    turned = {k: list(reversed(v)) for k, v in shop.items()}
    assert compute(shop, [AS_OF]) == compute(turned, [AS_OF])


def test_empty_shop(compute: Callable[..., Any]) -> None:
    shop: dict[str, list[Row]] = {
        x: [] for x in ("purchases", "purchase_lines", "activity", "contacts")
    }
    assert compute(shop, [AS_OF]) == {}


def test_unknown_name() -> None:
    with pytest.raises(NotFoundError, match="no feature 'recency_day'.*recency_days"):
        select_features(["recency_day"])


def test_cutoffs_need_a_zone() -> None:
    with pytest.raises(InputError, match="has no time zone"):
        cutoffs_table([datetime(2025, 1, 1)])
    with pytest.raises(InputError, match="no cut-off"):
        cutoffs_table([])
    assert cutoffs_table([AS_OF, EARLIER, AS_OF])["as_of"].to_pylist() == [EARLIER, AS_OF]
