"""Numbers inside sentences. Figures outside of sentences stay numbers; the console formats them."""

from __future__ import annotations

from shopkeeper.core.money import said

PHONE_KEEPS_START = 3
KEEPS_END = 4


def amount(minor: float, currency: str) -> str:
    """An amount as a sentence says it: sign, thousands, decimals only when small.

    Parameters
    ----------
    minor
        Minor units.
    currency
        ISO 4217 code.

    Returns
    -------
    str

    Examples
    --------
    >>> amount(8_600_000, "CNY"), amount(1250, "USD"), amount(-410_000, "CNY")
    ('¥86,000', '$12.50', '−¥4,100')
    """
    return said(minor, currency, brief=True)


def share(ratio: float) -> str:
    """A ratio as per cent, with a decimal where it matters.

    Parameters
    ----------
    ratio
        0 to 1.

    Returns
    -------
    str

    Examples
    --------
    >>> share(0.1234), share(0.5)
    ('12.3%', '50%')
    """
    per_cent = ratio * 100
    return f"{per_cent:.0f}%" if per_cent == round(per_cent) else f"{per_cent:.1f}%"


def masked(value: str) -> str:
    """A contact address of which only enough is left to recognise it.

    Parameters
    ----------
    value
        Phone number, e-mail address or another secret text.

    Returns
    -------
    str

    Examples
    --------
    >>> masked("+8613912345678"), masked("mei@example.com"), masked("1234")
    ('+86*******5678', 'm***@example.com', '****')
    """
    name, at, domain = value.partition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    if len(value) <= PHONE_KEEPS_START + KEEPS_END:
        return "*" * len(value)
    hidden = len(value) - PHONE_KEEPS_START - KEEPS_END
    return value[:PHONE_KEEPS_START] + "*" * hidden + value[-KEEPS_END:]
