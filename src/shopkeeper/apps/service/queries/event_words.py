"""Kinds of event in the words of the trade."""

from __future__ import annotations

from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.collect.live.names import EXTENSIONS

EVENT_NAMES: dict[str, Text] = {
    "add_payment_info": Text(zh="填写支付信息", en="Gave payment details"),
    "add_shipping_info": Text(zh="填写收货信息", en="Gave delivery details"),
    "add_to_cart": Text(zh="加入购物车", en="Added to cart"),
    "add_to_wishlist": Text(zh="加入心愿单", en="Added to wish list"),
    "alias": Text(zh="合并标识", en="Joined two identifiers"),
    "begin_checkout": Text(zh="开始结算", en="Started checkout"),
    "coupon_applied": Text(zh="使用优惠券", en="Used a coupon"),
    "coupon_redeemed": Text(zh="核销优惠券", en="Redeemed a coupon"),
    "email_clicked": Text(zh="点击邮件", en="Clicked in an e-mail"),
    "email_opened": Text(zh="打开邮件", en="Opened an e-mail"),
    "generate_lead": Text(zh="留下线索", en="Left contact details"),
    "group": Text(zh="加入群组", en="Joined a group"),
    "identify": Text(zh="表明身份", en="Said who it is"),
    "login": Text(zh="登录", en="Logged in"),
    "order_cancelled": Text(zh="取消订单", en="Cancelled an order"),
    "order_updated": Text(zh="修改订单", en="Changed an order"),
    "page_view": Text(zh="浏览页面", en="Viewed a page"),
    "product_added": Text(zh="加入购物车", en="Added to cart"),
    "product_reviewed": Text(zh="评价商品", en="Reviewed a product"),
    "product_view": Text(zh="浏览商品", en="Viewed a product"),
    "product_viewed": Text(zh="浏览商品", en="Viewed a product"),
    "purchase": Text(zh="下单", en="Placed an order"),
    "refund": Text(zh="退款", en="Got a refund"),
    "remove_from_cart": Text(zh="移出购物车", en="Removed from cart"),
    "remove_from_wishlist": Text(zh="移出心愿单", en="Removed from wish list"),
    "screen_view": Text(zh="浏览应用页面", en="Viewed a screen"),
    "search": Text(zh="搜索", en="Searched"),
    "select_item": Text(zh="点选商品", en="Picked a product"),
    "select_promotion": Text(zh="点击活动", en="Picked a promotion"),
    "share": Text(zh="分享", en="Shared"),
    "sign_up": Text(zh="注册", en="Signed up"),
    "view_cart": Text(zh="查看购物车", en="Looked at the cart"),
    "view_item": Text(zh="浏览商品", en="Viewed a product"),
    "view_item_list": Text(zh="浏览商品列表", en="Viewed a list of products"),
    "view_promotion": Text(zh="看到活动", en="Saw a promotion"),
} | {
    kind: Text(zh=zh, en=name[:1] + name[1:].lower().replace("pos ", "POS "))
    for kind, (name, zh, _) in EXTENSIONS.items()
}
"""Kind as it is stored → its name; kinds of a shop's own have no other name than themselves."""
