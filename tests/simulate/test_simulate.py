"""The simulated shop keeps its word: contracts, sums, known parameters, known effects."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import InputError
from shopkeeper.simulate.latent import latent
from shopkeeper.simulate.shop import CONTRACTS, generate, offer_table, respond, truth_table
from shopkeeper.simulate.spec import CHANNELS, GROUPS, ShopSpec
from shopkeeper.simulate.supplement import consents, contact_points, visitors, web_log
from shopkeeper.simulate.supplement_words import PRAISE, chats, checkouts, idle_visits, reviews

SPEC = ShopSpec(customers=3000, days=200, join_days=60, seed=11)


def numbers_of(rows: pa.Table) -> np.ndarray:
    digits = pc.utf8_slice_codeunits(rows.column("customer_ref"), 5)
    return pc.cast(digits, pa.int64()).to_numpy()


def collected(spec: ShopSpec) -> dict[str, pa.Table]:
    parts: dict[str, list[pa.Table]] = {}
    for contract, rows in generate(spec):
        assert rows.schema == contract.arrow_schema
        parts.setdefault(contract.name, []).append(rows)
    return {name: pa.concat_tables(rows) for name, rows in parts.items()}


@pytest.fixture(scope="module")
def shop() -> dict[str, pa.Table]:
    return collected(SPEC)


def test_every_table_has_unique_keys_and_nothing_after_the_end(shop: dict[str, pa.Table]) -> None:
    assert set(shop) == {c.name for c in CONTRACTS}
    for contract in CONTRACTS:
        rows = shop[contract.name]
        keys = rows.select([str(k) for k in contract.key])
        assert keys.group_by(keys.column_names).aggregate([]).num_rows == rows.num_rows
        if "ts_us" in rows.column_names:
            assert pc.max(rows.column("ts_us")).as_py() < to_us(SPEC.as_of)


def test_lines_add_up_to_their_order(shop: dict[str, pa.Table]) -> None:
    sums = shop["order_lines"].group_by("order_id").aggregate([("amount_minor", "sum")])
    joined = shop["orders"].join(sums, "order_id")
    assert joined.num_rows == shop["orders"].num_rows
    assert (
        joined.column("amount_minor").to_pylist() == joined.column("amount_minor_sum").to_pylist()
    )
    assert pc.min(shop["order_lines"].column("amount_minor")).as_py() >= 0


def test_equal_specs_give_equal_tables_and_seeds_differ(shop: dict[str, pa.Table]) -> None:
    again = collected(SPEC)
    assert all(shop[name].equals(again[name]) for name in shop)
    assert not collected(replace(SPEC, seed=12))["orders"].equals(shop["orders"])


def test_order_rates_and_spend_follow_the_declared_laws() -> None:
    spec = ShopSpec(
        customers=50_000,
        days=300,
        join_days=1,
        seed=3,
        touches_per_customer=0,
        events_per_customer=0,
    )
    truth = latent(spec, 0)
    assert truth.rate.mean() == pytest.approx(spec.r / spec.alpha, rel=0.03)
    assert truth.rate.var() == pytest.approx(spec.r / spec.alpha**2, rel=0.06)
    assert truth.mean_spend.mean() == pytest.approx(spec.p * spec.gamma / (spec.q - 1), rel=0.03)
    orders = collected(spec)["orders"]
    # E[X(t)] of Pareto/NBD (Schmittlein et al. 1987, eq. 17) plus the first order.
    t, beta, s = spec.days - 0.5, spec.beta, spec.s
    expected = spec.r * beta / (spec.alpha * (s - 1)) * (1 - (beta / (beta + t)) ** (s - 1))
    assert orders.num_rows / spec.customers == pytest.approx(1 + expected, rel=0.03)


def test_randomised_contacts_show_the_true_effect() -> None:
    spec = ShopSpec(
        customers=50_000,
        days=120,
        join_days=5,
        seed=5,
        events_per_customer=0,
        touches_per_customer=4,
    )
    shop = collected(spec)
    touches, orders = shop["touches"], shop["orders"]
    number = numbers_of(touches)
    key_orders = np.sort(numbers_of(orders) * 10**11 + orders.column("ts_us").to_numpy() // 10**6)
    begin = number * 10**11 + touches.column("ts_us").to_numpy() // 10**6
    # Whole days around the window, because the hour of the day is redrawn.
    ordered = np.searchsorted(key_orders, begin + 8 * 86400) - np.searchsorted(
        key_orders, begin - 86400
    )
    sent = np.asarray(touches.column("status").to_pylist()) == "sent"
    measured = ordered[sent].mean() - ordered[~sent].mean()
    truth = truth_table(spec)
    channel = np.array([CHANNELS.index(x) for x in touches.column("channel").to_pylist()])
    effects = np.stack([truth.column(f"effect_{x}").to_numpy() for x in CHANNELS], axis=1)
    day = (touches.column("ts_us").to_numpy() - to_us(spec.as_of)) / 86_400e6 + spec.days
    alive = truth.column("death_day").to_numpy()[number] > day
    expected = np.clip(effects[number, channel], 0, None) * alive
    error = np.sqrt(ordered[sent].var() / sent.sum() + ordered[~sent].var() / (~sent).sum())
    assert abs(measured - expected.mean()) < 4 * error + 0.01
    assert measured > 4 * error


def test_the_world_answers_a_plan_as_its_truth_says() -> None:
    spec = ShopSpec(customers=60_000, days=100, join_days=10, seed=2)
    numbers = np.arange(spec.customers)
    none = respond(spec, numbers, np.full(len(numbers), -1), seed=1)
    all_sms = respond(spec, numbers, np.full(len(numbers), 1), seed=1)
    assert not none.effect.any()
    lift = all_sms.orders.mean() - none.orders.mean()
    # An order that would have come anyway cannot be gained again.
    assert 0 < lift <= np.clip(all_sms.effect, 0, None).mean()
    group = np.concatenate([latent(spec, c).group for c in spec.chunks])
    harm = group == GROUPS.index("do_not_disturb")
    assert all_sms.orders[harm].mean() < none.orders[harm].mean()
    assert ((all_sms.amount_minor > 0) == (all_sms.orders > 0)).all()


def test_offers_are_valid_after_the_end(shop: dict[str, pa.Table]) -> None:
    assert offer_table(SPEC).num_rows == 20
    assert pc.min(shop["offers"].column("valid_to")).as_py() > SPEC.as_of


def test_supplement_is_labelled_and_precedes_the_orders(shop: dict[str, pa.Table]) -> None:
    log = web_log(shop["order_lines"], "America/New_York", 7)
    assert set(log.column("source").to_pylist()) == {"simulated"}
    assert log.num_rows > 100
    first = shop["order_lines"].group_by("customer_ref").aggregate([("ts_us", "max")])
    joined = log.join(first, "customer_ref")
    assert pc.all(pc.less(joined.column("ts_us"), joined.column("ts_us_max"))).as_py()
    assert log.equals(web_log(shop["order_lines"], "America/New_York", 7))
    refs = shop["customers"].column("customer_ref").combine_chunks()
    points = contact_points(refs, "UTC", 1)
    assert 0.6 < 1 - points.column("email").null_count / points.num_rows < 1
    assert consents(refs, 0, 1).num_rows == len(refs) * len(CHANNELS)


def test_words_and_idle_visits_are_labelled_and_known(shop: dict[str, pa.Table]) -> None:
    lines, zone = shop["order_lines"], "America/New_York"
    until = pc.max(lines.column("ts_us")).as_py()
    log = web_log(lines, zone, 7)
    made = {
        "checkouts": checkouts(log, zone, 7),
        "idle": idle_visits(lines, zone, 7),
        "reviews": reviews(lines, zone, 7, until, most=600),
        "chats": chats(lines, zone, 7, until, most=200),
    }
    for name, rows in made.items():
        assert set(rows.column("source").to_pylist()) == {"simulated"}, name
        assert len(set(rows.column("event_id").to_pylist())) == rows.num_rows > 0, name
        assert pc.max(rows.column("ts_us")).as_py() < until + (name == "checkouts") * 10**9
    carts = log.filter(pc.equal(log.column("kind"), "product_added")).column("session_id")
    assert set(made["checkouts"].column("session_id").to_pylist()) <= set(carts.to_pylist())
    said = made["reviews"].select(["query", "properties"]).to_pylist()
    stars = np.array([json.loads(x["properties"])["rating"] for x in said])
    # What opens a review follows its stars; what comes after "but" does not.
    praised = np.array(
        [any(word in x["query"].split("but")[0].split("但是")[0] for word in PRAISE) for x in said]
    )
    assert np.array_equal(praised, stars >= 4)
    assert reviews(lines, zone, 7, until, most=600).equals(made["reviews"])


def test_visitors_are_labelled_and_never_fewer_than_orders(shop: dict[str, pa.Table]) -> None:
    lines = shop["order_lines"]
    stores = pa.array([f"s{int(x[-1])}" for x in lines.column("order_id").to_pylist()])
    at = lines.column_names.index("store_id")
    lines = lines.set_column(at, "store_id", stores)
    found = visitors(lines, "America/New_York", 7, stores=3)
    assert set(found.column("source").to_pylist()) == {"simulated"}
    assert len(set(found.column("store_id").to_pylist())) == 3
    keys = list(
        zip(found.column("store_id").to_pylist(), found.column("ts_us").to_pylist(), strict=True)
    )
    assert len(set(keys)) == len(keys)
    came = dict(zip(keys, found.column("visitors").to_pylist(), strict=True))
    orders = {
        (s, o): t
        for s, o, t in zip(stores.to_pylist(), lines.column("order_id").to_pylist(), lines.column("ts_us").to_pylist(), strict=True)
        if s in {x for x, _ in keys}
    }  # fmt: skip
    sold: dict[tuple[str, int], int] = {}
    for (s, _), t in orders.items():
        hour = (s, t - t % 3_600_000_000)
        sold[hour] = sold.get(hour, 0) + 1
    assert all(came[x] >= n for x, n in sold.items())
    assert sum(came.values()) > 1.5 * sum(sold.values())
    assert found.equals(visitors(lines, "America/New_York", 7, stores=3))


def test_impossible_shops_are_refused() -> None:
    with pytest.raises(InputError, match="0 customers"):
        ShopSpec(customers=0)
    with pytest.raises(InputError, match="join_days 40 is not within"):
        ShopSpec(days=30, join_days=40)
    with pytest.raises(InputError, match="q above 1"):
        ShopSpec(q=1.0)
    with pytest.raises(InputError, match="2 customers but 1 channels"):
        respond(SPEC, np.array([0, 1]), np.array([0]), 1)
    with pytest.raises(InputError, match="outside the simulated shop"):
        respond(SPEC, np.array([9999]), np.array([0]), 1)
    with pytest.raises(InputError, match="channel index is unknown"):
        respond(SPEC, np.array([1]), np.array([9]), 1)
    assert ShopSpec(start=date(2024, 1, 1), days=366).end == date(2025, 1, 1)
