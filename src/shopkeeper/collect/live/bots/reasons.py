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

SIGNS: dict[str, tuple[str, str]] = {
    "start": ("起点", "Where every sum starts"),
    "even": ("间隔均匀", "Even pauses"),
    "fast": ("节奏很快", "Fast pace"),
    "views_only": ("只看商品", "Looks at products only"),
    "long_run": ("连续查看很多商品", "A long run of products"),
    "cold_cart": ("一来就加购", "Puts into the cart before looking"),
    "client_marked": (
        "同一客户端的其他访客多为程序",
        "Other visitors with this client are programs",
    ),
    "place_marked": (
        "同一地址同一客户端的其他访客多为程序",
        "Other visitors at this address are programs",
    ),
    "same_beginning": ("开头与他人完全相同", "Begins exactly as others do"),
    "shallow_referrer": ("同一来源的访客都一来就走", "Everyone from this referrer leaves at once"),
    "shallow_client": (
        "同一客户端的访客都只看商品",
        "Visitors with this client look at products only",
    ),
    "bare": ("只有一两个事件", "One or two events only"),
    "human_mixture": ("行为多样", "Does various things"),
    "human_bought": ("之后有购买", "Bought something"),
    "human_known": ("已登录", "Logged in"),
    "human_uneven": ("间隔自然", "Natural pauses"),
    "marked": ("接入时已标记", "Marked on arrival"),
    "instant": ("送达后几秒内", "Within seconds of delivery"),
    "within_minute": ("送达后一分钟内", "Within a minute of delivery"),
    "many_links": ("点遍许多链接", "Follows many of the links"),
    "burst": ("连续快速点击", "Clicks in quick succession"),
    "bare_agent": ("标识只有 Mozilla/5.0", "Its agent is a bare Mozilla/5.0"),
    "old_agent": ("浏览器早已过时", "A browser long out of date"),
    "scanner_net": ("邮件网关的地址", "Address of a mail gateway"),
    "apple_net": ("苹果代理的地址", "Address that Apple fetches from"),
    "place_many": ("同一地址打开多封邮件", "One address opens many messages"),
    "click_unopened": ("未打开就点击", "Clicks without opening"),
    "first_touch": ("首个打开或点击", "The first to open or click"),
    "human_reader_proxy": ("读信时经邮箱代理取图", "Fetched by the mailbox while it is read"),
    "human_visit": ("随后在同一地址浏览", "Looks around afterwards from the same address"),
    "human_late": ("过了一段时间", "Some time later"),
}
"""Sign of a delayed verdict → what it means in zh and en."""
