"""Money as integer minor units plus currency, never as a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from shopkeeper.core.errors import InputError

EXPONENTS: dict[str, int] = {
    "AED": 2, "AUD": 2, "BRL": 2, "CAD": 2, "CHF": 2, "CNY": 2, "CZK": 2, "DKK": 2, "EUR": 2,
    "GBP": 2, "HKD": 2, "IDR": 2, "ILS": 2, "INR": 2, "JPY": 0, "KRW": 0, "KWD": 3, "MOP": 2,
    "MXN": 2, "MYR": 2, "NOK": 2, "NZD": 2, "PHP": 2, "PLN": 2, "RUB": 2, "SAR": 2, "SEK": 2,
    "SGD": 2, "THB": 2, "TRY": 2, "TWD": 2, "USD": 2, "VND": 0, "ZAR": 2,
}  # fmt: skip
"""Digits after the decimal point by ISO 4217 code."""

SYMBOLS: dict[str, str] = {
    "¥": "CNY", "￥": "CNY", "元": "CNY", "RMB": "CNY", "人民币": "CNY", "$": "USD", "US$": "USD",
    "美元": "USD", "€": "EUR", "欧元": "EUR", "£": "GBP", "英镑": "GBP", "HK$": "HKD",
    "港币": "HKD", "港元": "HKD", "NT$": "TWD", "新台币": "TWD", "日元": "JPY", "円": "JPY",
    "₩": "KRW", "韩元": "KRW", "S$": "SGD",
}  # fmt: skip
"""Signs and names people write instead of the code."""

SIGNS: dict[str, str] = {
    "AUD": "A$", "BRL": "R$", "CAD": "C$", "CNY": "¥", "EUR": "€", "GBP": "£", "HKD": "HK$",
    "INR": "₹", "JPY": "JP¥", "KRW": "₩", "NZD": "NZ$", "SGD": "S$", "TWD": "NT$", "USD": "$",
    "VND": "₫",
}  # fmt: skip
"""Sign that a sentence puts before an amount; any other currency is said by its code."""


def currency_code(text: str) -> str:
    """ISO 4217 code of what somebody wrote for a currency.

    Parameters
    ----------
    text
        A code, a sign or a Chinese name; case and spaces do not matter.

    Returns
    -------
    str
        The upper-case code.

    Raises
    ------
    InputError
        If no known currency is meant.

    Examples
    --------
    >>> currency_code(" 元 "), currency_code("usd")
    ('CNY', 'USD')
    """
    cleaned = text.strip()
    code = SYMBOLS.get(cleaned, SYMBOLS.get(cleaned.upper(), cleaned.upper()))
    if code not in EXPONENTS:
        raise InputError(
            f"unknown currency {text!r}",
            next_step="Use an ISO 4217 code such as CNY or USD",
            value=text,
        )
    return code


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units (fen, cents) of one currency.

    Examples
    --------
    >>> Money.parse("12.345", "CNY")
    Money(minor=1234, currency='CNY')
    >>> str(Money(123456, "CNY")), str(Money(500, "JPY"))
    ('CNY 1,234.56', 'JPY 500')
    """

    minor: int
    currency: str

    @classmethod
    def parse(cls, amount: str | int | float | Decimal, currency: str) -> Money:
        """Read a decimal amount; half a minor unit rounds to even."""
        code = currency_code(currency)
        try:
            value = Decimal(str(amount)).scaleb(EXPONENTS[code])
        except InvalidOperation as error:
            raise InputError(
                f"{amount!r} is not an amount of {code}",
                next_step="Write it as digits with an optional decimal point",
                value=str(amount),
            ) from error
        return cls(int(value.to_integral_value(ROUND_HALF_EVEN)), code)

    def __add__(self, other: Money) -> Money:
        """Sum of two amounts of one currency."""
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        """Difference of two amounts of one currency."""
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise InputError(
                f"cannot add {self.currency} and {other.currency}",
                next_step="Convert to one currency first",
            )

    @property
    def major(self) -> Decimal:
        """The amount in whole units as an exact decimal."""
        return Decimal(self.minor).scaleb(-EXPONENTS[self.currency])

    def __str__(self) -> str:
        """Code and amount with thousands separators."""
        return f"{self.currency} {self.major:,.{EXPONENTS[self.currency]}f}"


def said(minor: float, currency: str, *, brief: bool = False) -> str:
    """An amount as a sentence says it: sign, thousands separators, decimals.

    Parameters
    ----------
    minor
        Minor units; a fraction is rounded.
    currency
        ISO 4217 code.
    brief
        Leave the decimals out from 100 whole units on.

    Returns
    -------
    str
        The same in Chinese and in English.

    Examples
    --------
    >>> said(280, "CNY"), said(-123456, "USD"), said(500, "JPY"), said(1250, "CHF")
    ('¥2.80', '−$1,234.56', 'JP¥500', 'CHF 12.50')
    >>> said(8_600_000, "CNY", brief=True)
    '¥86,000'
    """
    digits = EXPONENTS.get(currency, 2)
    major = abs(minor) / 10**digits
    shown = 0 if brief and major >= 100 else digits
    sign = SIGNS.get(currency, f"{currency} ")
    return f"{'−' if round(minor) < 0 else ''}{sign}{major:,.{shown}f}"
