"""Contacts: how often somebody was spoken to, and how they answered."""

from __future__ import annotations

from shopkeeper.features.definition import (
    LIFE,
    Feature,
    WindowedBuilder,
    derived,
    quotient,
    windowed,
)


def _days(
    stem: str,
    windows: tuple[int | None, ...],
    build: WindowedBuilder,
    zh: str,
    en: str,
    unit: str = "contacts",
) -> tuple[Feature, ...]:
    return windowed(
        stem,
        windows,
        build,
        grain="contact_days",
        source="contacts",
        group="contact",
        zh=zh,
        en=en,
        unit=unit,
    )


def _share(name: str, above: str, below: str, zh: str, en: str) -> Feature:
    return derived(
        name,
        (above, below),
        quotient(above, below),
        source="contacts",
        group="contact",
        window_days=90,
        zh=zh,
        en=en,
        unit="share",
    )


FEATURES: tuple[Feature, ...] = (
    *_days(
        "contacts", (7, 30, 90, 365), lambda t, w: t.contacts.sum(where=w), "触达次数", "Contacts"
    ),
    *_days(
        "email_contacts",
        (30,),
        lambda t, w: t.email.sum(where=w),
        "邮件触达次数",
        "E-mail contacts",
    ),
    *_days("sms_contacts", (30,), lambda t, w: t.sms.sum(where=w), "短信触达次数", "SMS contacts"),
    *_days(
        "push_contacts", (30,), lambda t, w: t.push.sum(where=w), "推送触达次数", "Push contacts"
    ),
    *_days(
        "wecom_contacts",
        (30,),
        lambda t, w: t.wecom.sum(where=w),
        "企业微信触达次数",
        "WeCom contacts",
    ),
    *_days(
        "opened_contacts",
        (90,),
        lambda t, w: t.opened.sum(where=w),
        "打开的触达次数",
        "Contacts opened",
    ),
    *_days(
        "clicked_contacts",
        (90,),
        lambda t, w: t.clicked.sum(where=w),
        "点击的触达次数",
        "Contacts clicked",
    ),
    *_days(
        "failed_contacts",
        (90,),
        lambda t, w: t.failed.sum(where=w),
        "未送达的触达次数",
        "Contacts that failed",
    ),
    *_days(
        "contact_cost_minor",
        (90, LIFE),
        lambda t, w: t.cost.sum(where=w),
        "触达成本",
        "Cost of contacts",
        "minor units",
    ),
    Feature(
        "contact_recency_days",
        "contact_days",
        "contacts",
        "contact",
        "int64",
        "days",
        LIFE,
        "距最近一次触达天数",
        "Days since last contact",
        lambda t: t.age_day.min(),
        None,
    ),
    Feature(
        "click_recency_days",
        "contact_days",
        "contacts",
        "contact",
        "int64",
        "days",
        LIFE,
        "距最近一次点击触达天数",
        "Days since last contact clicked",
        lambda t: t.age_day.min(where=t.clicked > 0),
        None,
    ),
    _share(
        "open_rate_90d",
        "opened_contacts_90d",
        "contacts_90d",
        "打开率（近 90 天）",
        "Share of contacts opened, last 90 days",
    ),
    _share(
        "click_rate_90d",
        "clicked_contacts_90d",
        "contacts_90d",
        "点击率（近 90 天）",
        "Share of contacts clicked, last 90 days",
    ),
    _share(
        "failed_share_90d",
        "failed_contacts_90d",
        "contacts_90d",
        "未送达占比（近 90 天）",
        "Share of contacts that failed, last 90 days",
    ),
)
