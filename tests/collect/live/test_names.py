from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.collect.live.names import ALIASES, EXTENSIONS, KINDS, MAX_KIND, kind_of, snake
from shopkeeper.features import grains

# The table of Segment's commerce specification beside GA4's events, written down by hand.
PAIRS = {
    "Products Searched": "search",
    "Product List Viewed": "view_item_list",
    "Product List Filtered": "view_item_list",
    "Product Clicked": "select_item",
    "Product Viewed": "view_item",
    "Product Added": "add_to_cart",
    "Product Removed": "remove_from_cart",
    "Cart Viewed": "view_cart",
    "Checkout Started": "begin_checkout",
    "Checkout Step Viewed": "checkout_step_viewed",
    "Checkout Step Completed": "add_shipping_info",
    "Payment Info Entered": "add_payment_info",
    "Order Completed": "purchase",
    "Order Updated": "order_updated",
    "Order Refunded": "refund",
    "Order Cancelled": "order_cancelled",
    "Promotion Viewed": "view_promotion",
    "Promotion Clicked": "select_promotion",
    "Coupon Entered": "coupon_entered",
    "Coupon Applied": "coupon_applied",
    "Coupon Denied": "coupon_denied",
    "Coupon Removed": "coupon_removed",
    "Product Added to Wishlist": "add_to_wishlist",
    "Wishlist Product Added to Cart": "wishlist_product_added_to_cart",
    "Product Shared": "share",
    "Product Reviewed": "product_reviewed",
    "Store Visited": "store_visited",
    "POS Order Completed": "pos_order_completed",
    "Chat Message Received": "chat_message_received",
    "Coupon Redeemed Offline": "coupon_redeemed_offline",
}


def spellings(name: str) -> list[str]:
    words = name.split()
    camel = words[0].lower() + "".join(x.capitalize() for x in words[1:])
    return [name, name.lower(), name.upper(), "_".join(words), "-".join(words).lower(),
            f"  {name} ", camel, "".join(x.capitalize() for x in words)]  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), PAIRS.items())
def test_every_spelling_counts_under_one_kind(name: str, kind: str) -> None:
    assert {kind_of("track", x) for x in spellings(name)} == {kind}
    assert kind_of("track", kind) == kind
    assert kind in KINDS


def test_calls_without_a_name_have_their_own_kind() -> None:
    calls = {x: kind_of(x, "Whatever") for x in ("page", "screen", "identify", "group", "alias")}
    assert calls == {
        "page": "page_view", "screen": "screen_view", "identify": "identify", "group": "group",
        "alias": "alias",
    }  # fmt: skip


def test_aliases_end_in_the_vocabulary_and_never_chain() -> None:
    assert set(ALIASES.values()) <= KINDS
    assert not set(ALIASES) & set(ALIASES.values())
    assert all(snake(x) == x for x in (*ALIASES, *KINDS))


def test_features_count_the_kinds_of_the_vocabulary() -> None:
    counted = {"view_item", "search", "add_to_cart", "begin_checkout"}
    declared = {
        *grains.VIEW_KINDS,
        *grains.SEARCH_KINDS,
        *grains.CART_KINDS,
        *grains.CHECKOUT_KINDS,
    }
    assert counted <= declared
    assert {kind_of("track", x) for x in declared} == counted


def test_extensions_map_to_themselves() -> None:
    assert {kind_of("track", name): key for key, (name, _, _) in EXTENSIONS.items()} == {
        key: key for key in EXTENSIONS
    }


def test_extensions_are_documented_as_a_schema() -> None:
    path = Path(__file__).parents[3] / "docs" / "extension-events.schema.json"
    described = json.loads(path.read_text(encoding="utf-8"))["$defs"]
    assert {key: one["properties"]["event"]["const"] for key, one in described.items()} == {
        key: name for key, (name, _, _) in EXTENSIONS.items()
    }
    for key, (_, zh, en) in EXTENSIONS.items():
        assert zh in described[key]["description"]
        assert en in described[key]["description"]


@given(st.text(max_size=2000))
def test_a_kind_is_short_and_stable(name: str) -> None:
    kind = kind_of("track", name)
    assert len(kind) <= MAX_KIND
    assert snake(kind) == kind
