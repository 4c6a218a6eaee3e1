"""What a user agent says about who sends it: a person's browser, a crawler, a script."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Sort = Literal["browser", "app", "declared_bot", "program", "mail_fetcher", "none"]


class Agent(NamedTuple):
    """A user agent, understood.

    Parameters
    ----------
    sort
        ``browser``, ``app`` (an in-app or old system browser that says little about itself),
        ``declared_bot``, ``program``, ``mail_fetcher`` (a provider fetching pictures for a
        reader) or ``none``.
    system
        Operating system it claims; empty when it claims none.
    """

    sort: Sort
    system: str


# Named crawlers, monitors, previewers and archivers, then the words such programs describe
# themselves with. A phone of the make Cubot, the browsers of Sogou, 360, Baidu, Yandex and
# DuckDuckGo carry similar words and are none.
_BOT = re.compile(
    r"(?<!cu)bot(?![a-z])|robot|spider|crawl|slurp|mediapartners|feedfetcher|fetcher|feedly|heritrix|"
    r"facebookexternalhit|facebookcatalog|meta-external|chatgpt-user|claude-(?:user|web|searchbot)|"
    r"anthropic-ai|cohere-ai|perplexity|google-(?:extended|read-aloud|inspectiontool|safety|structured)|"
    r"googleother|google favicon|bingpreview|ia_archiver|archive\.org|screaming frog|sitebulb|validator|"
    r"gtmetrix|lighthouse|pagespeed|ptst/|pingdom|uptime|statuscake|site24x7|newrelic|datadog|nagios|"
    r"zabbix|prometheus|monitoring|checker|scanner|nikto|sqlmap|nmap|masscan|zgrab|censys|expanse|"
    r"netcraft|qwantify|embedly|skypeuripreview|whatsapp/|telegram|discord|slack-imgproxy|vkshare|"
    r"pinterest/0|tumblr|flipboard|barracuda|mimecast|proofpoint|fireeye|symantec|trendmicro|"
    r"turnitin|wordpress/|drupal|magpie|newspaper|trafilatura|diffbot|httrack|teleport|webcopier|"
    r"yisouspider|bytespider|sogou (?:web|inst|news|pic)|haosouspider|youdao|sosospider|"
    r"web preview|scraper|xrawler|link.?che?c?k|checklink|link sleuth|finder|indexer|analyzer|"
    r"siteimprove|ips-agent|http_get|httpunit|cloudfront|cloudflare|larbin|subscribers|appinsights|"
    r"dareboost|hatena|semantic|antenna|"
    r"https?://|www\.|[a-z0-9._-]+@[a-z]|[a-z0-9-]\.(?:com|net|org)(?![.\w])"
)
_DRIVEN = re.compile(
    r"headless|phantomjs|puppeteer|playwright|selenium|webdriver|slimerjs|htmlunit|splash|cypress|"
    r"nightmare|zombie\.js|jsdom"
)
_PROGRAM = re.compile(
    r"^(?:curl|wget|python|go-http|java/|jakarta|apache-http|okhttp|node|axios|got |undici|deno|bun/|"
    r"libwww|lwp|perl|php|guzzle|ruby|faraday|rest-client|typhoeus|colly|reqwest|hyper|ureq|httpie|"
    r"http\.rb|aiohttp|httpx|urllib|scrapy|postman|insomnia|paw/|winhttp|powershell|dart|cpp-httplib|"
    r"libcurl|restsharp|unirest|analytics-|@segment|async-http|akka|vert\.x|jmeter|k6/|locust|wrk|"
    r"jetty|jersey|ahc/|pcore|apachebench|siege|vegeta|gatling|lua-resty|erlang|hackney|mojolicious|test|mozilla/4\.0$|-$)"
)
_FETCHER = re.compile(r"googleimageproxy|yahoomailproxy|outlook-(?:ios|android)|mail\.ru/proxy")
_APP = re.compile(
    r"micromessenger|wxwork|windowswechat|alipay|aweme|bytedancewebview|newsarticle|baiduboxapp|"
    r"dalvik|; wv\)|fban|fbav|instagram|line/|kakaotalk|weibo|qq/|dingtalk|feishu|lark|xhsdiscover|"
    r"taobao|tmall|jdapp|pinduoduo|kuaishou|bilibili|gsa/|ucbrowser|mqqbrowser|quark|"
    r"android [2-6]\.|msie|cfnetwork|mini ?program|version/4\.0 mobile"
)
_SYSTEMS = (
    ("iphone", "iOS"), ("ipad", "iOS"), ("ipod", "iOS"), ("harmony", "Android"),
    ("android", "Android"), ("dalvik", "Android"), ("windows", "Windows"),
    ("macintosh", "macOS"), ("mac os x", "macOS"), ("cros", "ChromeOS"), ("linux", "Linux"),
    ("x11", "Linux"),
)  # fmt: skip
LONGEST = 512
"""Characters of a user agent that are looked at."""


def read_agent(agent: str) -> Agent:
    """Understand a user agent.

    Parameters
    ----------
    agent
        As sent; only its first :data:`LONGEST` characters count.

    Returns
    -------
    Agent

    Examples
    --------
    >>> read_agent("Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)").sort
    'declared_bot'
    >>> read_agent("Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) Chrome/80.0 Mobile").sort
    'browser'
    >>> read_agent("python-requests/2.31.0").sort
    'program'
    """
    text = agent[:LONGEST].strip(" \"'").lower()
    if not text:
        return Agent("none", "")
    system = next((name for word, name in _SYSTEMS if word in text), "")
    if _FETCHER.search(text) or text == "mozilla/5.0":
        return Agent("mail_fetcher", system)
    if _DRIVEN.search(text):
        return Agent("program", system)
    if _PROGRAM.match(text):
        return Agent("program", system)
    if _BOT.search(text):
        return Agent("declared_bot", system)
    if text.startswith("dalvik") or _APP.search(text):
        return Agent("app", system)
    if not text.startswith("mozilla/"):
        return Agent("none", system)
    return Agent("browser", system)
