"""One vocabulary for what happened: GA4 names where they exist, else Segment's, snake-cased.

Shops send Segment's e-commerce names, GA4 names, older spellings of both, or their own words.
Everything counts under one name, so that a feature is defined once.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_KIND = 100
"""Longest kind kept, in characters."""

CALLS: dict[str, str] = {
    "page": "page_view",
    "screen": "screen_view",
    "identify": "identify",
    "group": "group",
    "alias": "alias",
}
"""Kind of the calls that have no event name."""

GA4 = (
    "add_payment_info", "add_shipping_info", "add_to_cart", "add_to_wishlist", "begin_checkout",
    "generate_lead", "login", "page_view", "purchase", "refund", "remove_from_cart", "screen_view",
    "scroll", "search", "select_item", "select_promotion", "share", "sign_up", "user_engagement",
    "view_cart", "view_item", "view_item_list", "view_promotion",
)  # fmt: skip
"""Kinds spelled as GA4 spells them."""

SEGMENT = (
    "cart_shared", "checkout_step_viewed", "coupon_applied", "coupon_denied", "coupon_entered",
    "coupon_removed", "order_cancelled", "order_updated", "product_reviewed",
    "remove_from_wishlist", "wishlist_product_added_to_cart",
)  # fmt: skip
"""Kinds of Segment's commerce specification that GA4 has no name for."""

EXTENSIONS: dict[str, tuple[str, str, str]] = {
    "store_visited": ("Store Visited", "到店", "Somebody entered a store"),
    "pos_order_completed": ("POS Order Completed", "门店成交", "An order was paid at a till"),
    "chat_message_received": (
        "Chat Message Received",
        "客服消息",
        "A customer wrote to customer service",
    ),
    "coupon_redeemed_offline": (
        "Coupon Redeemed Offline",
        "线下核销",
        "A coupon was redeemed at a till",
    ),
    "honeypot": ("Honeypot", "触碰陷阱", "Something followed a link that no person can see"),
}
"""Kinds nobody standardised: name to send, and the meaning in zh and en."""

ALIASES: dict[str, str] = {
    # Segment's commerce specification, second version
    "products_searched": "search",
    "product_list_viewed": "view_item_list",
    "product_list_filtered": "view_item_list",
    "product_clicked": "select_item",
    "product_viewed": "view_item",
    "product_added": "add_to_cart",
    "product_removed": "remove_from_cart",
    "cart_viewed": "view_cart",
    "checkout_started": "begin_checkout",
    "checkout_step_completed": "add_shipping_info",
    "payment_info_entered": "add_payment_info",
    "order_completed": "purchase",
    "order_refunded": "refund",
    "promotion_viewed": "view_promotion",
    "promotion_clicked": "select_promotion",
    "product_added_to_wishlist": "add_to_wishlist",
    "product_removed_from_wishlist": "remove_from_wishlist",
    "product_shared": "share",
    "signed_up": "sign_up",
    "signed_in": "login",
    "logged_in": "login",
    "order_canceled": "order_cancelled",
    "coupon_redeemed": "coupon_applied",
    # Segment's first version: verb before noun
    "searched_products": "search",
    "viewed_product_category": "view_item_list",
    "viewed_product_list": "view_item_list",
    "product_category_viewed": "view_item_list",
    "clicked_product": "select_item",
    "viewed_product": "view_item",
    "added_product": "add_to_cart",
    "removed_product": "remove_from_cart",
    "viewed_cart": "view_cart",
    "started_order": "begin_checkout",
    "order_started": "begin_checkout",
    "started_checkout": "begin_checkout",
    "viewed_checkout_step": "checkout_step_viewed",
    "completed_checkout_step": "add_shipping_info",
    "entered_payment_info": "add_payment_info",
    "completed_order": "purchase",
    "refunded_order": "refund",
    "updated_order": "order_updated",
    "cancelled_order": "order_cancelled",
    "viewed_promotion": "view_promotion",
    "clicked_promotion": "select_promotion",
    "added_product_to_wishlist": "add_to_wishlist",
    "removed_product_from_wishlist": "remove_from_wishlist",
    "shared_product": "share",
    "shared_cart": "cart_shared",
    "reviewed_product": "product_reviewed",
    # Google's earlier measurement names
    "ecommerce_purchase": "purchase",
    "in_app_purchase": "purchase",
    "purchase_refund": "refund",
    "view_search_results": "search",
    "view_items": "view_item",
    "detail": "view_item",
    "checkout": "begin_checkout",
    "checkout_progress": "add_shipping_info",
    # Loose spellings met in the wild
    "page_viewed": "page_view",
    "pageview": "page_view",
    "viewed_page": "page_view",
    "screen_viewed": "screen_view",
    "viewed_screen": "screen_view",
    "visited_store": "store_visited",
    "store_visit": "store_visited",
    "footfall": "store_visited",
    "pos_order": "pos_order_completed",
    "chat_message": "chat_message_received",
    "review_submitted": "product_reviewed",
}
"""Other spellings, snake-cased, by the kind they count under."""

KINDS: frozenset[str] = frozenset((*CALLS.values(), *GA4, *SEGMENT, *EXTENSIONS))
"""Every kind of the vocabulary; a shop's own names are kinds too, as they are spelled."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+", re.UNICODE)


def snake(name: str) -> str:
    """A name in lower case with single underscores.

    Parameters
    ----------
    name
        Any spelling; letters of every script are kept.

    Returns
    -------
    str
        At most ``MAX_KIND`` characters; empty if the name has no letter or digit.

    Examples
    --------
    >>> snake("Product Viewed"), snake("productViewed"), snake(" PRODUCT--viewed ")
    ('product_viewed', 'product_viewed', 'product_viewed')
    >>> snake("POS Order Completed"), snake("领取优惠券")
    ('pos_order_completed', '领取优惠券')
    """
    spaced = _CAMEL.sub("_", name[: 4 * MAX_KIND])
    return _SEPARATORS.sub("_", spaced).strip("_").lower()[:MAX_KIND].strip("_")


@lru_cache(maxsize=4096)
def kind_of_name(name: str) -> str:
    """Kind under which a named event counts.

    Parameters
    ----------
    name
        As the client spelled it.

    Returns
    -------
    str
        A kind of the vocabulary, or the snake-cased name if it is the shop's own;
        empty if the name has no letter or digit.

    Examples
    --------
    >>> kind_of_name("Order Completed"), kind_of_name("purchase"), kind_of_name("Completed Order")
    ('purchase', 'purchase', 'purchase')
    >>> kind_of_name("Loyalty Card Shown")
    'loyalty_card_shown'
    """
    plain = snake(name)
    return ALIASES.get(plain, plain)


def kind_of(call: str, name: str) -> str:
    """Kind of one call.

    Parameters
    ----------
    call
        ``track``, ``identify``, ``page``, ``screen``, ``group`` or ``alias``.
    name
        Name of the event; only ``track`` has one.

    Returns
    -------
    str

    Examples
    --------
    >>> kind_of("page", "Home"), kind_of("track", "Product Added")
    ('page_view', 'add_to_cart')
    """
    return CALLS.get(call) or kind_of_name(name)
