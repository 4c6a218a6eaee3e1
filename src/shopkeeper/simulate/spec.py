"""What a simulated shop is: sizes, seeds and the parameters of its truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from shopkeeper.core.clock import day_start
from shopkeeper.core.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Purpose = Literal[
    "products", "latent", "orders", "lines", "times", "events", "touches", "effects", "profiles"
]
_PURPOSES: tuple[Purpose, ...] = (
    "products", "latent", "orders", "lines", "times", "events", "touches", "effects", "profiles",
)  # fmt: skip

CATEGORIES: tuple[str, ...] = (
    "生鲜", "乳品", "零食", "饮料", "粮油", "个护", "母婴", "家居", "宠物", "酒水", "烘焙", "冷冻",
)  # fmt: skip
CHANNELS: tuple[str, ...] = ("email", "sms", "push", "wecom")
CHANNEL_COST_MINOR: dict[str, int] = {"email": 1, "sms": 5, "push": 1, "wecom": 2}
GROUPS: tuple[str, ...] = ("persuadable", "sure_thing", "lost_cause", "do_not_disturb")
GROUP_SHARES = (0.3, 0.2, 0.4, 0.1)
GROUP_EFFECT = (0.12, 0.01, 0.0, -0.08)
"""Mean change of the chance to order in the response window, by group."""
CHANNEL_FACTOR = (0.7, 1.2, 0.8, 1.3)
RESPONSE_DAYS = 7
CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class ShopSpec:
    """Everything that decides a simulated shop; equal specs give equal bytes.

    Orders follow Pareto/NBD (rate ~ Gamma(r, α), lifetime rate ~ Gamma(s, β),
    days) and order values Gamma-Gamma(p, q, γ), so that estimators can be held
    against the parameters they should recover.

    Parameters
    ----------
    customers
        How many people.
    days
        Length of the history; customers join during the first ``join_days``.
    seed
        Decides everything random.
    start
        First day in the shop's zone.
    products
        Size of the catalogue.
    events_per_customer
        Mean web events of one customer; 0 leaves the web log out.
    r, alpha, s, beta
        Pareto/NBD parameters, time in days.
    p, q, gamma
        Gamma-Gamma parameters, amounts in whole currency units.
    join_days
        Customers make their first order in this first part of the history.
    lines_per_order
        Mean order lines.
    touches_per_customer
        Mean randomised contacts per customer; each is sent with probability ½.
    currency, time_zone
        Of the shop.

    Examples
    --------
    >>> ShopSpec(customers=1000).end
    datetime.date(2024, 12, 31)
    """

    customers: int = 10_000
    days: int = 365
    seed: int = 7
    start: date = date(2024, 1, 1)
    products: int = 500
    events_per_customer: float = 20.0
    r: float = 0.8
    alpha: float = 25.0
    s: float = 0.6
    beta: float = 120.0
    p: float = 6.0
    q: float = 4.0
    gamma: float = 45.0
    join_days: int = 120
    lines_per_order: float = 3.0
    touches_per_customer: float = 2.0
    currency: str = "CNY"
    time_zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        if self.customers < 1 or self.days < 1 or self.products < len(CATEGORIES):
            raise InputError(
                f"a shop of {self.customers} customers, {self.days} days and "
                f"{self.products} products cannot be simulated",
                next_step=f"Give at least 1 customer, 1 day and {len(CATEGORIES)} products",
            )
        if not 0 < self.join_days <= self.days:
            raise InputError(
                f"join_days {self.join_days} is not within the {self.days} days",
                next_step="Choose a shorter joining period",
            )
        if min(self.r, self.alpha, self.s, self.beta, self.p, self.gamma) <= 0 or self.q <= 1:
            raise InputError(
                "distribution parameters must be positive and q above 1",
                next_step="Correct the parameters of the simulated shop",
            )

    @property
    def end(self) -> date:
        """First day after the history."""
        return self.start + timedelta(days=self.days)

    @property
    def as_of(self) -> datetime:
        """The moment the history ends."""
        return day_start(self.end, self.time_zone).astimezone(UTC)

    @property
    def chunks(self) -> range:
        """Numbers of the customer chunks; each is generated on its own."""
        return range(-(-self.customers // CHUNK))

    def members(self, chunk: int) -> Ints:
        """Customer numbers of a chunk."""
        return np.arange(chunk * CHUNK, min((chunk + 1) * CHUNK, self.customers), dtype=np.int64)

    def rng(self, purpose: Purpose, chunk: int = 0) -> np.random.Generator:
        """Independent stream of a purpose and chunk."""
        return np.random.default_rng([self.seed, _PURPOSES.index(purpose), chunk])
