from __future__ import annotations

from shopkeeper.collect.live.arrive import ArriveSettings, arrive
from shopkeeper.collect.live.envelope import VERSION, Arrived, Envelope
from shopkeeper.collect.live.order_facts import Line, told
from shopkeeper.collect.live.orders import Known, line_rows, mentioned, order_rows, settle

T0 = 1_780_000_000_000_000


def event(name, number=1, **properties) -> Arrived:
    import json

    raw = json.dumps(
        {"type": "track", "event": name, "messageId": f"m{number}", "userId": "u1",
         "properties": properties}
    ).encode()  # fmt: skip
    found = arrive(
        raw, Envelope(VERSION, "events", "web", T0 + number * 1_000_000, []),
        settings=ArriveSettings(), offset=number,
    )  # fmt: skip
    assert isinstance(found, Arrived), found
    return found


def facts(*events):
    return [x for x in (told(y, currency="CNY") for y in events) if x is not None]


TEA = {"product_id": "tea", "price": 10, "quantity": 2}
CUP = {"item_id": "cup", "price": 5.5}


def test_a_purchase_of_either_vocabulary_is_an_order_with_its_lines():
    segment = event("Order Completed", 1, order_id="o1", total=25.5, coupon="SPRING",
                    discount=1, products=[TEA, CUP])  # fmt: skip
    ga4 = event("purchase", 2, transaction_id="o2", value=25.5, currency="USD", items=[TEA, CUP])
    found = settle(facts(segment, ga4), {})
    orders = order_rows(found.new, zone_name="UTC").to_pylist()
    assert [(x["order_id"], x["kind"], x["amount_minor"], x["currency"]) for x in orders] == [
        ("o1", "sale", 2550, "CNY"), ("o2", "sale", 2550, "USD"),
    ]  # fmt: skip
    assert (orders[0]["discount_minor"], orders[0]["coupon_id"]) == (100, "SPRING")
    assert [x["quantity"] for x in orders] == [3.0, 3.0]
    assert orders[0]["customer_ref"] == "user:u1"
    lines = line_rows(found.new, zone_name="UTC").to_pylist()
    assert [(x["line_id"], x["product_id"], x["quantity"], x["amount_minor"]) for x in lines] == [
        ("o1:1", "tea", 2.0, 2000), ("o1:2", "cup", 1.0, 550),
        ("o2:1", "tea", 2.0, 2000), ("o2:2", "cup", 1.0, 550),
    ]  # fmt: skip


def test_an_order_without_a_total_costs_what_its_lines_do_less_the_discount():
    found = settle(facts(event("purchase", 1, order_id="o", discount=3, products=[TEA, CUP])), {})
    assert found.new[0].amount_minor == 2550 - 300


def test_lines_without_price_share_the_total_to_the_last_unit():
    bare = [{"product_id": x} for x in "abc"]
    found = settle(facts(event("purchase", 1, order_id="o", total=1.0, products=bare)), {})
    assert [x.amount_minor for x in found.new[0].lines] == [33, 34, 33]


def test_a_known_order_is_no_second_one():
    twice = facts(event("purchase", 1, order_id="o", total=5),
                  event("POS Order Completed", 2, order_id="o", total=5))  # fmt: skip
    assert len(settle(twice, {}).new) == 1
    assert settle(twice, {"o": Known(500, "CNY")}).new == []


def test_a_purchase_without_order_id_counts_under_its_message_id():
    assert settle(facts(event("purchase", 9, total=5)), {}).new[0].order_id == "event:m9"


def test_a_full_refund_and_a_cancellation_undo_an_order_once():
    known = {"o": Known(2550, "USD", (Line("tea", 2, 2000), Line("cup", 1, 550)))}
    both = facts(event("Order Refunded", 1, order_id="o"),
                 event("Order Cancelled", 2, order_id="o"))  # fmt: skip
    (back,) = settle(both, known).new
    assert (back.order_id, back.kind, back.amount_minor, back.currency) == (
        "o:return", "return", -2550, "USD",
    )  # fmt: skip
    assert [(x.product_id, x.quantity, x.amount_minor) for x in back.lines] == [
        ("tea", -2, -2000), ("cup", -1, -550),
    ]  # fmt: skip
    assert back.status == "refunded"
    assert settle(both, {**known, "o:return": Known(-2550, "USD")}).new == []


def test_parts_are_given_back_at_the_price_that_was_paid():
    known = {"o": Known(2550, "CNY", (Line("tea", 2, 2000), Line("cup", 1, 550)))}
    part = {"product_id": "tea", "quantity": 1}
    (first, second) = settle(
        facts(event("refund", 1, order_id="o", products=[part]),
              event("refund", 2, order_id="o", products=[part])), known
    ).new  # fmt: skip
    assert first.amount_minor == second.amount_minor == -1000
    assert first.order_id != second.order_id
    (stated,) = settle(facts(event("refund", 3, order_id="o", value=4, items=[part])), known).new
    assert stated.amount_minor == -400


def test_a_refund_of_an_order_nobody_told_of_needs_its_own_amount():
    unknown = event("refund", 1, order_id="x")
    assert settle(facts(unknown), {}).unknown == [unknown]
    (back,) = settle(facts(event("refund", 2, order_id="x", total=7)), {}).new
    assert back.amount_minor == -700


def test_a_change_is_taken_into_the_order_wherever_that_is():
    sale = event("purchase", 1, order_id="o", total=5, products=[CUP])
    change = event("Order Updated", 2, order_id="o", total=25.5, products=[TEA, CUP])
    (order,) = settle(facts(sale, change), {}).new
    assert (order.amount_minor, order.event.occurred_us) == (2550, sale.occurred_us)
    found = settle(facts(change), {"o": Known(500, "CNY")})
    assert (found.new, [x.amount_minor for x in found.changed]) == ([], [2550])
    assert [x.amount_minor for x in settle(facts(change), {}).new] == [2550]
    undone = settle(facts(change, event("refund", 3, order_id="o")), {"o": Known(500, "CNY")})
    assert [x.amount_minor for x in undone.new] == [-2550]


def test_nonsense_in_an_order_makes_no_row_up():
    odd = event("purchase", 1, order_id="o", total=5,
                products=["x", {"name": "no id"}, {"sku": "s", "quantity": "two", "price": "?"}])  # fmt: skip
    (order,) = settle(facts(odd), {}).new
    assert [(x.product_id, x.quantity, x.amount_minor) for x in order.lines] == [("s", 1.0, 500)]
    assert told(event("Order Updated", 2, total=5), currency="CNY") is None
    assert told(event("Product Viewed", 3), currency="CNY") is None


def test_what_the_lake_is_asked_for():
    asked = mentioned(facts(event("purchase", 1, order_id="a", total=1),
                            event("refund", 2, order_id="b")))  # fmt: skip
    assert asked == ["a", "b", "b:return"]
