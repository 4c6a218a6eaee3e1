"""Sites that send visits only to be seen in reports."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

HOSTS = frozenset({
    "semalt.com", "buttons-for-website.com", "buttons-for-your-website.com", "best-seo-offer.com",
    "best-seo-solution.com", "darodar.com", "ilovevitaly.com", "priceg.com", "blackhatworth.com",
    "hulfingtonpost.com", "o-o-6-o-o.com", "cenoval.ru", "simple-share-buttons.com",
    "free-share-buttons.com", "get-free-traffic-now.com", "trafficmonetize.org", "4webmasters.org",
    "floating-share-buttons.com", "guardlink.org", "event-tracking.com", "free-social-buttons.com",
    "success-seo.com", "videos-for-your-business.com", "7makemoneyonline.com", "econom.co",
    "ranksonic.info", "savetubevideo.com", "kambasoft.com", "100dollars-seo.com", "sitevaluation.org",
    "traffic2money.com", "webmonetizer.net", "uptime.com.seo", "rank-checker.online", "site-auditor.online",
    "sexyali.com", "aliexpress-promo.top", "xtraffic.plus", "monetizationking.net", "bottraffic.live",
})  # fmt: skip
"""Known ones, without ``www.``; subdomains count too."""


@lru_cache(maxsize=4096)
def spam_host(referrer: str) -> bool:
    """Whether a referring address belongs to a known sender of such visits.

    Parameters
    ----------
    referrer
        As the browser gives it.

    Examples
    --------
    >>> spam_host("https://www.semalt.com/crawler"), spam_host("https://www.baidu.com/link")
    (True, False)
    """
    try:
        host = urlsplit(referrer[:500]).hostname or ""
    except ValueError:
        return False
    parts = host.split(".")
    return any(".".join(parts[n:]) in HOSTS for n in range(max(len(parts) - 1, 0)))
