"""Facts find their customer; orders without a row of their own are built from their lines."""

from __future__ import annotations

import datetime as dt

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopkeeper.apps.flows.unify import run_unify
from shopkeeper.core import tables as t
from shopkeeper.unify import resolve
from shopkeeper.unify.identifiers import customer_id_of

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ME, OTHER = customer_id_of("crm:1"), customer_id_of("crm:2")


def moment(day, hour=12):
    return START + dt.timedelta(days=day, hours=hour)


def when(day, hour=12):
    at = moment(day, hour)
    return {
        "occurred_at": at, "ts_us": int(at.timestamp() * 1_000_000), "day": at.date(),
        "month": f"{at:%Y-%m}", "dow": at.isoweekday(), "hour": at.hour,
    }  # fmt: skip


def line(number, order, day, *, amount, quantity=1.0, product="p", ref="crm:1", hour=12, **more):
    return {
        "line_id": number, "order_id": order, "customer_ref": ref, "kind": "sale", "product_id": product,
        "quantity": quantity, "amount_minor": amount, "currency": "CNY", **when(day, hour), **more,
    }  # fmt: skip


def owners(runtime, **owner):
    """``crm_1="c"`` says that ``crm:1`` is customer ``c``."""
    rows = [
        {"identifier": k.replace("_", ":"), "identifier_kind": "crm", "customer_id": v}
        for k, v in owner.items()
    ]
    runtime.tables.append(t.IDENTITIES, t.IDENTITIES.cast(pa.Table.from_pylist(rows), fill=True))


def by(key, rows):
    return {x[key]: x for x in rows.to_pylist()}


def test_orders_stated_and_derived(runtime, make):
    lines = [
        line("1", "o1", 3, amount=100, discount_minor=5, store_id="s1", hour=9),
        line("2", "o1", 3, amount=50, quantity=2.0, store_id="s1", hour=10),
        line("3", "o2", 4, amount=70, ref="crm:2"),
        line("4", "o3", 5, amount=-30, quantity=-1.0, kind="return"),
        line("5", "o4", 6, amount=80),
        line("6", "o4", 6, amount=-100, quantity=-1.0, kind="return"),
    ]
    stated = [
        {"order_id": "o2", "customer_ref": "crm:2", "kind": "sale", "channel": "web", "amount_minor": 75,
         "currency": "CNY", **when(4, 20)},
        {"order_id": "o9", "customer_ref": "crm:2", "kind": "sale", "quantity": 3.0, "amount_minor": 10,
         "currency": "CNY", **when(7)},
    ]  # fmt: skip
    runtime.tables.append(t.ORDER_LINES, make(t.ORDER_LINES, lines, source="pos", load_id="l"))
    runtime.tables.append(t.ORDERS, make(t.ORDERS, stated, source="web", load_id="l"))
    store = runtime.tables
    owners(runtime, crm_1=ME, crm_2=OTHER)
    expr = resolve.purchases(*(store.table(x) for x in (t.ORDERS, t.ORDER_LINES, t.IDENTITIES)))
    table = store.run(expr)
    found = by("order_id", table)
    assert set(found) == {"o1", "o2", "o3", "o4", "o9"}
    one = found["o1"]
    assert (one["amount_minor"], one["discount_minor"], one["quantity"], one["lines"]) == (
        150,
        5,
        3.0,
        2,
    )
    assert (one["hour"], one["store_id"], one["customer_id"], one["kind"]) == (9, "s1", ME, "sale")
    two = found["o2"]
    assert (two["amount_minor"], two["quantity"], two["lines"], two["hour"]) == (75, 1.0, 1, 20)
    assert (two["customer_id"], two["channel"]) == (OTHER, "web")
    assert found["o3"]["kind"] == found["o4"]["kind"] == "return"
    assert found["o4"]["amount_minor"] == -20
    assert (found["o9"]["quantity"], found["o9"]["lines"]) == (3.0, None)
    assert table.schema.types == t.PURCHASES.arrow_schema.types


def test_lines_carry_the_place_of_the_product(runtime, make):
    runtime.tables.append(
        t.ORDER_LINES,
        make(
            t.ORDER_LINES,
            [line("1", "o", 1, amount=1), line("2", "o", 1, amount=1, product="q")],
            source="s",
            load_id="l",
        ),
    )
    runtime.tables.append(
        t.PRODUCTS,
        make(
            t.PRODUCTS,
            [{"product_id": "p", "category": "茶", "brand": "b"}],
            source="s",
            load_id="l",
        ),
    )
    store = runtime.tables
    parts = (store.table(x) for x in (t.ORDER_LINES, t.PRODUCTS, t.IDENTITIES))
    found = by("line_id", store.run(resolve.purchase_lines(*parts)))
    assert (found["1"]["category"], found["1"]["brand"], found["1"]["customer_id"]) == (
        "茶",
        "b",
        ME,
    )
    assert found["2"]["category"] is None


def test_contacts_find_customers_by_reference_and_by_our_own_id(runtime, make):
    def touch(number, ref):
        return {
            "touch_id": number,
            "customer_ref": ref,
            "channel": "sms",
            "status": "sent",
            "sent_at": moment(2),
            "ts_us": 1,
        }

    given = [touch("a", "crm:1"), touch("b", f"customer_id:{ME}"), touch("c", ME)]
    runtime.tables.append(t.TOUCHES, make(t.TOUCHES, given, source="s", load_id="l"))
    run_unify(runtime, as_of=moment(30), run_id="r")
    found = by("touch_id", runtime.tables.run(runtime.tables.table(t.CONTACTS)))
    assert {x["customer_id"] for x in found.values()} == {ME}
    assert found["a"]["day"] == moment(2).date()
    identities = runtime.tables.run(runtime.tables.table(t.IDENTITIES)).to_pylist()
    assert [x["identifier"] for x in identities] == ["crm:1"]


@pytest.mark.parametrize(
    ("statements", "holds"),
    [
        ([("GRANT", 1), ("REVOKED", 2)], "REVOKED"),
        ([("REVOKED", 1), ("GRANT", 2)], "GRANT"),
        ([("GRANT", 2), ("DENY", 2)], "DENY"),
        ([("GRANT", 2), ("DENY", 40)], "GRANT"),
    ],
)
def test_the_latest_statement_known_holds_and_refusals_win_ties(runtime, make, statements, holds):
    # Of one moment two references of the same customer say different things.
    rows = [
        {"customer_ref": f"crm:{i}", "purpose": "marketing", "channel": "sms", "status": status, "status_at": moment(day)}
        for i, (status, day) in enumerate(statements, 1)
    ]  # fmt: skip
    runtime.tables.append(t.CONSENTS, make(t.CONSENTS, rows, source="s", load_id="l"))
    owners(runtime, crm_1=ME, crm_2=ME)
    as_of = ibis.literal(moment(30).replace(tzinfo=None)).cast("timestamp('UTC', 6)")
    expr = resolve.permits(
        runtime.tables.table(t.CONSENTS), runtime.tables.table(t.IDENTITIES), as_of=as_of
    )
    found = by("customer_id", runtime.tables.run(expr))
    assert {k: v["status"] for k, v in found.items()} == {ME: holds}


CONCRETE = ("email", "sms", "push", "wecom")


def permits_of(runtime, consents, identities, as_of=30):
    end = ibis.literal(moment(as_of).replace(tzinfo=None)).cast("timestamp('UTC', 6)")
    expr = resolve.permits(t.CONSENTS.unbound(), t.IDENTITIES.unbound(), as_of=end)
    rows = runtime.tables.run(expr, {"consents": consents, "identities": identities}).to_pylist()
    found = {(x["customer_id"], x["purpose"], x["channel"]): x for x in rows}
    assert len(found) == len(rows)
    return found


def said(ref, channel, status, day, purpose="marketing"):
    return {
        "customer_ref": ref, "purpose": purpose, "channel": channel, "status": status,
        "status_at": moment(day), "basis": f"{channel}/{day}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("statements", "holds"),
    [
        ([("email", "GRANT", 1), ("all", "REVOKED", 2)], {"email": "REVOKED", "sms": "REVOKED"}),
        ([("all", "REVOKED", 1), ("email", "GRANT", 2)], {"email": "GRANT", "sms": "REVOKED"}),
        ([("email", "DENY", 1), ("全渠道", "GRANT", 2)], {"email": "GRANT", "sms": "GRANT"}),
        ([("email", "GRANT", 2), ("all", "DENY", 2)], {"email": "DENY", "sms": "DENY"}),
        ([("email", "REVOKED", 2), ("all", "GRANT", 2)], {"email": "REVOKED", "sms": "GRANT"}),
        ([("phone", "GRANT", 1), ("all", "DENY", 2)], {"phone": "DENY", "email": "DENY"}),
        ([("email", "GRANT", 1), ("all", "REVOKED", 31)], {"email": "GRANT"}),
    ],
)
def test_a_statement_about_all_channels_is_one_about_each(runtime, make, statements, holds):
    consents = make(t.CONSENTS, [said("crm:1", *x) for x in statements], source="s", load_id="l")
    found = permits_of(runtime, consents, t.IDENTITIES.arrow_schema.empty_table())
    stated = {channel: x["status"] for (_, _, channel), x in found.items()}
    assert "all" not in stated
    assert {k: stated.get(k) for k in holds} == holds


STATEMENTS = st.lists(
    st.builds(
        said,
        st.sampled_from(["crm:1", "crm:2", "web:9"]),
        st.sampled_from(["all", "全渠道", "email", "sms", "wecom", "phone", "dingtalk"]),
        st.sampled_from(["GRANT", "DENY", "REVOKED"]),
        st.integers(1, 6),
        st.sampled_from(["marketing", "service"]),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda x: (x["customer_ref"], x["purpose"], x["channel"], x["status_at"]),
)


def spoken_of(statements, as_of):
    """Statement by statement: what each customer's last word on a channel is."""
    known = [x for x in statements if x["status_at"] < moment(as_of)]
    broad = ("all", "全渠道")
    channels = {*CONCRETE, *(x["channel"] for x in known if x["channel"] not in broad)}
    last = {}
    for x in known:
        who = ME if x["customer_ref"] in ("crm:1", "web:9") else OTHER
        for channel in channels if x["channel"] in broad else [x["channel"]]:
            key = (who, x["purpose"], channel)
            # Later beats earlier, and of one moment a refusal beats a grant.
            strength = (x["status_at"], x["status"] != "GRANT")
            if key not in last or strength > last[key]:
                last[key] = strength
    return last


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(statements=STATEMENTS, as_of=st.integers(2, 7))
def test_permits_are_the_last_word_on_each_channel(runtime, make, statements, as_of):
    owned = [("crm:1", ME), ("web:9", ME), ("crm:2", OTHER)]
    identities = t.IDENTITIES.cast(
        pa.Table.from_pylist(
            [{"identifier": i, "identifier_kind": "crm", "customer_id": x} for i, x in owned]
        ),
        fill=True,
    )
    consents = make(t.CONSENTS, statements, source="s", load_id="l")
    found = permits_of(runtime, consents, identities, as_of)
    assert {k: (x["status_at"], x["status"] != "GRANT") for k, x in found.items()} == spoken_of(
        statements, as_of
    )
    backwards = permits_of(
        runtime, consents.take(list(range(len(statements)))[::-1]), identities, as_of
    )
    assert backwards == found
