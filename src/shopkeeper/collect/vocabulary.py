# ruff: noqa: E501  one entry, one line of words
"""Words inside values that decide whether a row is a sale, a return, or neither."""

from __future__ import annotations

from collections.abc import Mapping


def _spread(groups: Mapping[str, str]) -> dict[str, str]:
    return {
        word: meaning for meaning, words in groups.items() for word in (meaning, *words.split())
    }


KINDS = _spread({
    "sale": "销售 购买 正单 销售单 消费 order purchase sell sales buy s",
    "return": "退货 退款 退单 退货单 负单 refund returns returned refunded r",
})  # fmt: skip
"""Kinds of order."""
STATES = _spread({
    "return": "退货 已退货 退货完成 退款 已退款 退款成功 退款完成 全额退款 refund refunded returned",
    "none": "取消 已取消 交易取消 关闭 已关闭 交易关闭 订单关闭 作废 已作废 未付款 待付款 待支付 未支付 等待买家付款 交易失败 支付失败 "
    "cancelled canceled cancel void voided unpaid pending_payment payment_pending failed payment_failed",
})  # fmt: skip
"""States of an order that make it a return, or no purchase at all."""
GENDERS = _spread({
    "1": "男 男性 男士 先生 m male man mr",
    "2": "女 女性 女士 小姐 f female woman ms mrs",
    "9": "0 未知 保密 不详 未说明 其他 u unknown other x",
})  # fmt: skip
"""Gender codes."""
CONSENTS = _spread({
    "GRANT": "grant granted 同意 授权 已同意 已授权 接受 是 y yes true 1 opt-in optin opt_in in accept accepted "
    "subscribed 订阅",
    "DENY": "deny denied 拒绝 不同意 未同意 否 n no false 0 opt-out optout opt_out out reject rejected",
    "REVOKED": "revoked revoke 撤回 撤销 已撤回 退订 取消授权 withdrawn withdraw unsubscribe unsubscribed",
})  # fmt: skip
"""States of consent."""
