"""What a message says: sandboxed templates by channel and language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from shopkeeper.core.errors import InputError, NotFoundError

TEMPLATES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("zh", "reminder"): (
        "{{ name | default('您好') }}，{{ offer }}",
        "{{ name | default('您好') }}，\n\n您可能需要补充了：{{ offer }}。\n\n{{ shop }}",
    ),
    ("zh", "discount"): (
        "{{ name | default('您好') }}，{{ offer }}，{{ valid_to }} 前有效",
        (
            "{{ name | default('您好') }}，\n\n为您准备了：{{ offer }}，优惠 {{ discount }}，"
            "{{ valid_to }} 前有效。\n\n{{ shop }}"
        ),
    ),
    ("en", "reminder"): (
        "{{ name | default('Hello') }}, {{ offer }}",
        "{{ name | default('Hello') }},\n\nTime to stock up: {{ offer }}.\n\n{{ shop }}",
    ),
    ("en", "discount"): (
        "{{ name | default('Hello') }}, {{ offer }} until {{ valid_to }}",
        (
            "{{ name | default('Hello') }},\n\nFor you: {{ offer }}, {{ discount }} off "
            "until {{ valid_to }}.\n\n{{ shop }}"
        ),
    ),
}
"""Subject and body by language and kind of offer."""

OPT_OUT = {"zh": "拒收请回复R", "en": "Reply STOP to opt out"}
SMS_SIGN = {"zh": "【{shop}】", "en": "[{shop}] "}


@dataclass(frozen=True, slots=True)
class Content:
    """Subject and body of one message."""

    subject: str
    body: str


def environment() -> SandboxedEnvironment:
    """Templates that can neither call code nor leave a hole unnoticed."""
    return SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def render_message(channel: str, language: str, kind: str, values: Mapping[str, Any]) -> Content:
    """Fill the template of a channel, language and kind of offer.

    Parameters
    ----------
    channel
        ``sms`` gets signature and opt-out, and no subject.
    language
        A BCP 47 tag; Chinese for ``zh…``, else English.
    kind
        ``reminder``, or anything with a discount.
    values
        ``offer`` and ``shop`` always; ``name``, ``discount`` and ``valid_to`` as
        the template asks. An empty name counts as none.

    Returns
    -------
    Content

    Raises
    ------
    InputError
        If a value that the template needs is missing; names it.

    Examples
    --------
    >>> render_message("sms", "zh-CN", "reminder", {"offer": "咖啡", "shop": "一号店"}).body
    '【一号店】您好，您可能需要补充了：咖啡。拒收请回复R'
    """
    spoken = "zh" if language.lower().startswith("zh") else "en"
    subject, body = template(spoken, "reminder" if kind == "reminder" else "discount")
    facts = {k: v for k, v in values.items() if v not in (None, "")}
    try:
        made = environment()
        filled = Content(
            made.from_string(subject).render(facts), made.from_string(body).render(facts)
        )
    except TemplateError as error:
        raise InputError(
            f"the {channel} message cannot be filled: {error}",
            next_step="Give the value or a default in the template",
            channel=channel,
        ) from error
    if channel != "sms":
        return filled
    paragraphs = [x.strip() for x in filled.body.split("\n") if x.strip()]
    joiner = "" if spoken == "zh" else " "
    text = joiner.join(paragraphs[:-1]) + ("" if spoken == "zh" else " ")
    return Content("", SMS_SIGN[spoken].format(shop=facts["shop"]) + text + OPT_OUT[spoken])


def template(language: str, kind: str) -> tuple[str, str]:
    """Subject and body template.

    Raises
    ------
    NotFoundError
        If there is none for the language and kind.
    """
    try:
        return TEMPLATES[language, kind]
    except KeyError:
        raise NotFoundError(
            f"there is no {kind} template in {language}",
            next_step="Write one, or choose zh or en",
        ) from None
