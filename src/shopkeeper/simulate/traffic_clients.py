# ruff: noqa: E501  one user agent, one line
"""Browsers, apps, programs and addresses that simulated traffic comes from.

The user agents are ones that occur in the wild, odd ones included: phones whose model ends
in "bot", browsers named after search engines, apps that wrap a browser.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Rng = np.random.Generator

_KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
DESKTOP: tuple[tuple[str, str, tuple[tuple[int, int], ...]], ...] = (
    (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/{{v}}.0.0.0 Safari/537.36",
        "Windows",
        ((1920, 1080), (1366, 768), (1536, 864), (2560, 1440)),
    ),
    (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/{{v}}.0.0.0 Safari/537.36 Edg/{{v}}.0.0.0",
        "Windows",
        ((1920, 1080), (1536, 864)),
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0",
        "Windows",
        ((1920, 1080), (1366, 768)),
    ),
    (
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_KIT} Chrome/{{v}}.0.0.0 Safari/537.36",
        "macOS",
        ((1440, 900), (1728, 1117), (2560, 1440)),
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.{m} Safari/605.1.15",
        "macOS",
        ((1440, 900), (1512, 982)),
    ),
    (
        f"Mozilla/5.0 (Windows NT 10.0; WOW64) {_KIT} Chrome/{{o}}.0.4240.198 Safari/537.36 SE 2.X MetaSr 1.0",
        "Windows",
        ((1366, 768), (1920, 1080)),
    ),
    (
        f"Mozilla/5.0 (Windows NT 6.1; WOW64) {_KIT} Chrome/{{o}}.0.4280.88 Safari/537.36 360SE",
        "Windows",
        ((1366, 768), (1440, 900)),
    ),
    (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/{{v}}.0.0.0 YaBrowser/24.{{m}}.0 Safari/537.36",
        "Windows",
        ((1920, 1080),),
    ),
    (
        f"Mozilla/5.0 (X11; Linux x86_64) {_KIT} Chrome/{{v}}.0.0.0 Safari/537.36",
        "Linux",
        ((1920, 1080), (3840, 2160)),
    ),
)
PHONE: tuple[tuple[str, str, tuple[tuple[int, int], ...]], ...] = (
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{m} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.{m} Mobile/15E148 Safari/604.1",
        "iOS",
        ((390, 844), (393, 852), (430, 932), (375, 812)),
    ),
    (
        f"Mozilla/5.0 (Linux; Android 1{{d}}; K) {_KIT} Chrome/{{v}}.0.0.0 Mobile Safari/537.36",
        "Android",
        ((412, 915), (360, 800), (393, 873)),
    ),
    (
        f"Mozilla/5.0 (Linux; U; Android 13; zh-cn; V2230A Build/TP1A.220624.014) {_KIT} Version/4.0 Chrome/{{o}}.0.4896.58 Quark/6.{{m}}.5.520 Mobile Safari/537.36",
        "Android",
        ((360, 800), (393, 873)),
    ),
    (
        f"Mozilla/5.0 (Linux; U; Android 12; zh-CN; PEEM00 Build/SP1A.210812.016) {_KIT} Version/4.0 Chrome/{{o}}.0.4472.114 MQQBrowser/14.{{m}} Mobile Safari/537.36",
        "Android",
        ((360, 800), (412, 915)),
    ),
    (
        f"Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) {_KIT} Chrome/{{v}}.0.0.0 Mobile Safari/537.36",
        "Android",
        ((360, 720),),
    ),
    (
        f"Mozilla/5.0 (Linux; Android 12; SM-G991B) {_KIT} Chrome/{{v}}.0.0.0 Mobile DuckDuckGo/5 Safari/537.36",
        "Android",
        ((360, 800),),
    ),
    (
        f"Mozilla/5.0 (Linux; Android 11; M2007J17C) {_KIT} Version/4.0 Chrome/{{o}}.0.4183.127 Mobile Safari/537.36 SogouMobileBrowser/5.{{m}}",
        "Android",
        ((393, 873),),
    ),
)
IN_APP: tuple[tuple[str, str, tuple[tuple[int, int], ...]], ...] = (
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{m} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.4{d}(0x18004{d}2d) NetType/WIFI Language/zh_CN",
        "iOS",
        ((390, 844), (414, 896)),
    ),
    (
        f"Mozilla/5.0 (Linux; Android 13; 2211133C Build/TKQ1.220905.001; wv) {_KIT} Version/4.0 Chrome/{{o}}.0.5735.61 MQQBrowser/6.2 TBS/046{{d}}42 Mobile Safari/537.36 MMWEBID/4{{d}}29 MicroMessenger/8.0.4{{d}}.2480(0x28002F36) WeChat/arm64 Weixin NetType/4G Language/zh_CN",
        "Android",
        ((393, 873), (360, 800)),
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_{m} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 wxwork/4.1.2{d} MicroMessenger/7.0.1 Language/zh ColorScheme/Light",
        "iOS",
        ((390, 844),),
    ),
    (
        f"Mozilla/5.0 (Windows NT 10.0; WOW64) {_KIT} Chrome/{{o}}.0.4638.69 Safari/537.36 wxwork/4.1.2{{d}} (MicroMessenger/6.2) WindowsWechat",
        "Windows",
        ((1920, 1080), (1366, 768)),
    ),
    (
        f"Mozilla/5.0 (Linux; Android 12; ANA-AN00 Build/HUAWEIANA-AN00; wv) {_KIT} Version/4.0 Chrome/{{o}}.0.4896.127 Mobile Safari/537.36 aweme_230{{d}}00 JsSdk/1.0 NetType/WIFI Channel/huawei ByteLocale/zh-CN BytedanceWebview/d8a21c6",
        "Android",
        ((360, 780),),
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_{m} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1 baiduboxapp/13.5{d} (Baidu; P2 16.3)",
        "iOS",
        ((375, 812),),
    ),
    (
        f"Mozilla/5.0 (Linux; U; Android 12; zh-CN; NOH-AN00) {_KIT} Version/4.0 Chrome/{{o}}.0.4472.164 UWS/5.12.{{d}} Mobile Safari/537.36 AlipayClient/10.5.{{d}}0 Language/zh-Hans",
        "Android",
        ((360, 800),),
    ),
    (
        "Dalvik/2.1.0 (Linux; U; Android 1{d}; PGT-AN10 Build/HONORPGT-AN10)",
        "Android",
        ((360, 792),),
    ),
)
OLD_ANDROID: tuple[tuple[str, str, tuple[tuple[int, int], ...]], ...] = (
    (
        "Mozilla/5.0 (Linux; U; Android 4.4.2; zh-cn; HM NOTE 1LTE Build/KOT49H) AppleWebKit/533.1 (KHTML, like Gecko) Version/4.0 Mobile Safari/533.1",
        "Android",
        ((360, 640),),
    ),
    (
        "Mozilla/5.0 (Linux; Android 5.1; m2 note Build/LMY47D) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/40.0.2214.127 Mobile Safari/537.36",
        "Android",
        ((360, 640),),
    ),
    (
        "Mozilla/5.0 (Linux; U; Android 6.0.1; zh-CN; OPPO R9s) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/57.0.2987.108 UCBrowser/12.1.{d}.1001 Mobile Safari/537.36",
        "Android",
        ((360, 640),),
    ),
)
CRAWLERS: tuple[str, ...] = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) {_KIT} Chrome/120.0.6099.109 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Googlebot-Image/1.0", "Mediapartners-Google", "AdsBot-Google (+http://www.google.com/adsbot.html)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (compatible; Baiduspider-render/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
    "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
    "Mozilla/5.0 (compatible; 360Spider/1.0; +http://www.so.com/help/help_3_2.html)",
    f"Mozilla/5.0 (Windows NT 6.1) {_KIT} Chrome/50.0.2661.102 Safari/537.36; 360Spider",
    "Mozilla/5.0 (compatible; YisouSpider/5.0; +http://www.yisou.com)", "YisouSpider",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
    "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; OAI-SearchBot/1.0; +https://openai.com/searchbot",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
    "CCBot/2.0 (https://commoncrawl.org/faq/)", "Mozilla/5.0 (compatible; Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
    "Mozilla/5.0 (compatible; DotBot/1.2; +https://opensiteexplorer.org/dotbot; help@moz.com)",
    "Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)",
    "Mozilla/5.0 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
    "Mozilla/5.0 (compatible; BLEXBot/1.0; +http://webmeup-crawler.com/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    "Twitterbot/1.0", "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
    "Mozilla/5.0 (compatible; coccocbot-web/1.0; +http://help.coccoc.com/searchengine)",
    "ia_archiver (+http://www.alexa.com/site/help/webmasters; crawler@alexa.com)", "Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)",
    "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
    "Mozilla/5.0 (compatible; DataForSeoBot/1.0; +https://dataforseo.com/dataforseo-bot)", "Screaming Frog SEO Spider/19.4",
    "Mozilla/5.0 (compatible; ShopPriceWatch/3.2; https://pricewatch.example/about)", "acme-stock-checker/1.0 (+https://acme.example)",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/112.0.0.0 Safari/537.36 GTmetrix", "W3C_Validator/1.3 http://validator.w3.org/services",
    "Mozilla/5.0 (compatible; heritrix/3.4.0 +https://archive.example)", "Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)",
)  # fmt: skip
TOOLS: tuple[str, ...] = (
    "curl/8.4.0", "curl/7.68.0", "Wget/1.21.2", "python-requests/2.31.0", "python-urllib3/2.0.7", "Python-urllib/3.10",
    "Python/3.11 aiohttp/3.9.1", "python-httpx/0.25.2", "Scrapy/2.11.0 (+https://scrapy.org)", "Go-http-client/1.1", "Go-http-client/2.0",
    "Java/17.0.9", "Apache-HttpClient/4.5.14 (Java/11.0.20)", "okhttp/4.12.0", "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
    "axios/1.6.2", "libwww-perl/6.67", "PostmanRuntime/7.35.0", "GuzzleHttp/7", "Ruby", "colly - https://github.com/gocolly/colly",
    f"Mozilla/5.0 (X11; Linux x86_64) {_KIT} HeadlessChrome/119.0.6045.105 Safari/537.36",
    "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/120.0.0.0 Safari/537.36 Puppeteer", "undici", "reqwest/0.11",
)  # fmt: skip
SERVER_AGENTS: tuple[tuple[str, str], ...] = (
    ("analytics-python/2.3.2", "analytics-python"), ("analytics-node/1.1.3", "@segment/analytics-node"),
    ("python-requests/2.31.0", ""), ("Go-http-client/1.1", "analytics-go"), ("okhttp/4.9.0", "analytics-android"),
    ("Java/17.0.9", "analytics-java"), ("axios/1.6.2", ""), ("", ""),
)  # fmt: skip
MAIL_SCANNERS: tuple[str, ...] = (
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/79.0.3945.88 Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/118.0.0.0 Safari/537.36 Edg/118.0.2088.46",
    "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.0.0 Safari/537.36",
    "Mozilla/5.0", "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 5.1)", "python-requests/2.28.1",
)  # fmt: skip
GMAIL_PROXY = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
)
ZONES = (("Asia/Shanghai", "zh-CN"), ("Asia/Shanghai", "zh-CN"), ("Asia/Shanghai", "zh-CN"), ("Asia/Hong_Kong", "zh-HK"), ("Europe/Berlin", "de-DE"), ("America/New_York", "en-US"))  # fmt: skip

HOMES = ("36.112", "58.33", "101.81", "113.66", "114.85", "117.136", "120.36", "183.14", "222.64", "223.104", "84.17", "73.22")  # fmt: skip
CARRIERS = ("117.136", "223.104", "112.96", "106.121")
CENTRES = ("47.92", "47.254", "39.105", "43.153", "101.32", "3.80", "18.206", "52.14", "34.83", "35.201", "13.250", "5.161", "51.15", "167.71", "159.65", "45.76")  # fmt: skip
SCANNER_NETS = ("209.222.82", "67.231.149", "148.163.135", "207.211.30", "40.94.29", "52.147.216", "185.58.86", "91.220.42")  # fmt: skip
APPLE_NETS = ("17.58.101", "172.224.240", "104.28.38", "146.75.164")
GOOGLE_PROXIES = ("66.249.93", "66.102.8", "74.125.212")


@dataclass(frozen=True, slots=True)
class Client:
    """A browser, app or program as its events describe it.

    Parameters
    ----------
    agent
        User agent; empty when it sends none.
    context
        ``context`` of its events besides address and page.
    """

    agent: str
    context: dict[str, Any] = field(default_factory=dict)


def pick(rng: Rng, options: tuple[Any, ...]) -> Any:
    """One of the options, each as likely."""
    return options[int(rng.integers(len(options)))]


def address(rng: Rng, nets: tuple[str, ...]) -> str:
    """An IPv4 address in one of the networks, given by its first two or three numbers."""
    net = pick(rng, nets)
    rest = 4 - net.count(".") - 1
    return ".".join([net, *(str(int(x)) for x in rng.integers(1, 255, rest))])


def agent_of(rng: Rng, template: str) -> str:
    """A user agent with versions filled in; new versions are more common than old ones."""
    newest = 131 - int(rng.geometric(0.3))
    old = int(pick(rng, (86, 89, 92, 95, 100, 107, 113)))
    return template.format(v=newest, o=old, m=int(rng.integers(0, 8)), d=int(rng.integers(0, 5)))


def browser(rng: Rng, *, phone: bool, share_webdriver: float = 0.4) -> Client:
    """What a person browses with, chosen at random.

    Parameters
    ----------
    rng
        Random stream.
    phone
        Whether it is a phone.
    share_webdriver
        Share of sites' snippets that report whether the browser is driven by a program.
    """
    template, system, screens = pick(rng, PHONE if phone else DESKTOP)
    return _described(rng, agent_of(rng, template), system, pick(rng, screens), share_webdriver)


def app_browser(rng: Rng) -> Client:
    """An in-app browser or mini program: often without screen, language or zone."""
    template, system, screens = pick(rng, IN_APP)
    client = _described(rng, agent_of(rng, template), system, pick(rng, screens), 0.2)
    for part, chance in (("screen", 0.3), ("locale", 0.25), ("timezone", 0.35)):
        if rng.random() < chance:
            client.context.pop(part, None)
    if rng.random() < 0.04:
        client.context["screen"] = {"width": 0, "height": 0}
    return client


def old_phone(rng: Rng) -> Client:
    """An Android of ten years ago: no zone, seldom a language."""
    template, system, screens = pick(rng, OLD_ANDROID)
    client = _described(rng, agent_of(rng, template), system, pick(rng, screens), 0.0)
    client.context.pop("timezone")
    if rng.random() < 0.6:
        client.context.pop("locale")
    return client


def _described(
    rng: Rng, agent: str, system: str, screen: tuple[int, int], share_webdriver: float
) -> Client:
    zone, locale = pick(rng, ZONES)
    if rng.random() < 0.04:
        zone, _ = pick(rng, ZONES)  # A traveller keeps the language.
    context: dict[str, Any] = {
        "userAgent": agent,
        "locale": locale,
        "timezone": zone,
        "screen": {"width": screen[0], "height": screen[1]},
        "library": {"name": "analytics.js", "version": "2.1.0"},
        "os": {"name": system},
    }
    if rng.random() < share_webdriver:
        context["webdriver"] = False
    return Client(agent, context)
