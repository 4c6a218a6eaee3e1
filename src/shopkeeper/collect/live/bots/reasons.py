"""Why an event counts as invalid traffic, in Chinese and English. Keys are stored, never renamed."""

from __future__ import annotations

REASONS: dict[str, tuple[str, str]] = {
    "declared_bot": ("自报家门的爬虫或监测程序", "A crawler or monitor that names itself"),
    "program": ("由脚本或 HTTP 程序库发出", "Sent by a script or HTTP library"),
    "headless": ("无界面或被程序驱动的浏览器", "A headless or automated browser"),
    "contradiction": ("浏览器自述前后矛盾", "The browser contradicts itself about its system"),
    "honeypot": ("触碰了人看不见的链接", "Followed a link that no person can see"),
    "impossible_rate": ("快得超出真人所能", "Faster than a person can be for so long"),
    "metronomic": ("间隔规律得像节拍器", "As regular as a metronome"),
    "enumeration": ("逐个翻遍商品，别无他事", "Reads product after product and does nothing else"),
    "rotating": (
        "不断更换地址与匿名标识的同一程序",
        "One program behind changing addresses and anonymous ids",
    ),
    "cart_rush": ("瞬间连续加购或下单", "Cart and checkout within an instant, over and over"),
    "no_browsing": ("从不浏览，直接加购或成交", "Buys again and again without ever looking"),
    "replayed_sequence": (
        "多个访客逐步重复同一套动作",
        "Several visitors play the very same visit",
    ),
    "impossible_clock": ("客户端时钟自相矛盾", "The client's clock contradicts itself"),
    "referrer_spam": ("垃圾来源链接", "Exists only to leave a referring address"),
    "mail_scanner": ("邮件安全网关代为打开", "Opened by a mail gateway that checks links"),
    "mail_proxy": ("邮件服务商代为预取图片", "Pictures fetched by the mail provider, read or not"),
    "known_actor": (
        "同一访客的其他事件已判定为程序",
        "Other events of the same visitor are a program's",
    ),
    "improbable": ("多种迹象合起来不像真人", "Several signs together do not look like a person"),
}
"""Reason key → what it means in zh and en."""
