"""Orders, order lines and products of a simulated shop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import tables
from shopkeeper.simulate.latent import Latent, customer_refs, numbered
from shopkeeper.simulate.spec import CATEGORIES, Floats, Ints, ShopSpec

HOURS = np.array(
    [1, 1, 0, 0, 0, 1, 2, 4, 6, 7, 8, 8, 9, 7, 6, 6, 7, 9, 11, 12, 12, 10, 6, 3], dtype=float
)


@dataclass(frozen=True, slots=True)
class OrderDraw:
    """Orders of one chunk, sorted by customer and time; one array entry each.

    Parameters
    ----------
    member
        Position of the customer in the chunk.
    moment
        Days since the start, as fractions.
    amount_minor
        Order value.
    first
        Whether it is the customer's first order.
    """

    member: Ints
    moment: Floats
    amount_minor: Ints
    first: np.ndarray


def draw_orders(spec: ShopSpec, truth: Latent, chunk: int) -> OrderDraw:
    """Every customer's first order, then a Poisson process until death or the end."""
    rng = spec.rng("orders", chunk)
    n = len(truth.number)
    observed = np.clip(np.minimum(truth.death_day, spec.days) - truth.joined_day, 0, None)
    counts = rng.poisson(truth.rate * observed)
    member = np.repeat(np.arange(n), counts)
    moment = truth.joined_day[member] + rng.random(len(member)) * observed[member]
    member = np.concatenate([np.arange(n), member])
    moment = np.concatenate([truth.joined_day, moment])
    order = np.lexsort((moment, member))
    member, moment = member[order], moment[order]
    spend_rate = spec.p / truth.mean_spend[member]
    amount = rng.gamma(spec.p, 1.0, len(member)) / spend_rate
    first = np.r_[True, member[1:] != member[:-1]]
    return OrderDraw(member, moment, np.maximum(np.rint(amount * 100), 1).astype(np.int64), first)


def local_times(spec: ShopSpec, moment: Floats, night: Ints, chunk: int) -> dict[str, pa.Array]:
    """Time columns of moments in days; the hour is redrawn from how people shop.

    Parameters
    ----------
    spec
        The shop; its zone decides day and hour.
    moment
        Days since the start.
    night
        1 for evening shoppers, aligned with ``moment``.
    chunk
        Stream of the random hours.
    """
    rng = spec.rng("times", chunk)
    day_shape = HOURS / HOURS.sum()
    evening = np.where(np.arange(24) >= 18, HOURS * 3, HOURS)
    table = np.stack([np.cumsum(day_shape), np.cumsum(evening / evening.sum())])
    draw = rng.random(len(moment))
    hour = np.empty(len(moment), dtype=np.int64)
    for kind in (0, 1):
        chosen = night == kind
        hour[chosen] = np.searchsorted(table[kind], draw[chosen], side="right").clip(0, 23)
    day = np.floor(moment).astype(np.int64)
    # Within the hour the fraction of the day keeps the order of one customer's moments.
    within = ((moment - day) * 3_600_000_000).astype(np.int64)
    epoch_day = np.datetime64(spec.start, "D").astype(np.int64) + day
    local_us = epoch_day * 86_400_000_000 + hour * 3_600_000_000 + within
    return time_columns(spec.time_zone, local_us)


def time_columns(zone: str, local_us: Ints) -> dict[str, pa.Array]:
    """Contract time columns of local wall-clock microseconds."""
    local = pa.array(local_us).cast(pa.timestamp("us"))
    aware = pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="earliest")
    utc = aware.cast(pa.timestamp("us", tz="UTC"))
    # A skipped hour moves forward: day and hour are read back from the real moment.
    wall = pc.local_timestamp(aware)
    return {
        "occurred_at": utc,
        "ts_us": utc.cast(pa.int64()),
        "day": wall.cast(pa.date32()),
        "month": pc.strftime(wall, format="%Y-%m"),
        "dow": pc.add(pc.day_of_week(wall), 1).cast(pa.int8()),
        "hour": pc.hour(wall).cast(pa.int8()),
    }


def order_table(spec: ShopSpec, truth: Latent, draw: OrderDraw, chunk: int) -> pa.Table:
    """Orders of one chunk under the ORDERS contract."""
    number = order_numbers(len(draw.member), chunk)
    share = spec.rng("profiles", chunk + 500_000).random(len(number))
    channel = np.array(["store", "miniapp", "web"])[np.digitize(share, [0.5, 0.8])]
    columns = {
        "order_id": numbered("o", number),
        "customer_ref": customer_refs(truth.number[draw.member]),
        "kind": pa.array(np.full(len(number), "sale")),
        "channel": pa.array(channel),
        "store_id": numbered("s", truth.number[draw.member] % 20),
        **local_times(spec, draw.moment, truth.night[draw.member], chunk),
        "amount_minor": pa.array(draw.amount_minor),
        "currency": pa.array(np.full(len(number), spec.currency)),
        "source": pa.array(np.full(len(number), "simulated")),
    }
    return tables.ORDERS.cast(pa.table(columns), fill=True)


def order_numbers(count: int, chunk: int) -> Ints:
    """Numbers that no other chunk uses."""
    return np.arange(count, dtype=np.int64) + chunk * 1_000_000_000


def product_table(spec: ShopSpec) -> pa.Table:
    """The catalogue under the PRODUCTS contract; categories in equal parts."""
    rng = spec.rng("products")
    number = np.arange(spec.products)
    price = np.rint(np.exp(rng.normal(3.0, 0.7, spec.products)) * 100).astype(np.int64)
    columns = {
        "product_id": numbered("p", number, width=5),
        "name": pc.binary_join_element_wise(
            pa.array(np.array(CATEGORIES)[number % len(CATEGORIES)]),
            pa.array(number // len(CATEGORIES)).cast(pa.string()), "",
        ),
        "category": pa.array(np.array(CATEGORIES)[number % len(CATEGORIES)]),
        "brand": numbered("brand", rng.integers(0, 40, spec.products)),
        "price_minor": pa.array(price),
        "cost_minor": pa.array(np.rint(price * rng.uniform(0.55, 0.8, spec.products)).astype("i8")),
        "currency": pa.array(np.full(spec.products, spec.currency)),
        "source": pa.array(np.full(spec.products, "simulated")),
    }  # fmt: skip
    return tables.PRODUCTS.cast(pa.table(columns), fill=True)


def draw_products(spec: ShopSpec, tastes: Floats, who: Ints, rng: np.random.Generator) -> Ints:
    """Product numbers by taste for a category and a Zipf law inside it.

    Parameters
    ----------
    spec
        The shop.
    tastes
        Category probabilities, shape (customers, categories).
    who
        Row of ``tastes`` of each wanted product.
    rng
        Random stream.
    """
    k = len(CATEGORIES)
    edges = np.cumsum(tastes, axis=1)
    draw = rng.random(len(who))
    category = np.zeros(len(who), dtype=np.int64)
    for i in range(k - 1):
        category += draw > edges[who, i]
    sizes = np.bincount(np.arange(spec.products) % k, minlength=k)
    weights = 1 / np.arange(1, sizes.max() + 1)
    law = np.cumsum(weights) / weights.sum()
    rank = np.searchsorted(law, rng.random(len(who)) * law[sizes[category] - 1], side="right")
    product: Ints = np.minimum(rank, sizes[category] - 1) * k + category
    return product


def line_table(
    spec: ShopSpec, truth: Latent, draw: OrderDraw, orders: pa.Table, chunk: int
) -> pa.Table:
    """Lines of one chunk's orders under the ORDER_LINES contract; amounts add up to the order."""
    rng = spec.rng("lines", chunk)
    count = 1 + rng.poisson(max(spec.lines_per_order - 1, 0), len(draw.member))
    # An order of n cents cannot be split into more than n lines.
    count = np.minimum(count, draw.amount_minor)
    row = np.repeat(np.arange(len(draw.member)), count)
    position = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    weight = rng.gamma(2.0, 1.0, len(row)) + 1e-9
    total = np.bincount(row, weights=weight, minlength=len(count))
    upto = np.cumsum(weight)
    before_order = np.repeat(np.r_[0.0, np.cumsum(total)[:-1]], count)
    share = np.clip((upto - before_order) / total[row], 0, 1)
    upper = np.rint(share * draw.amount_minor[row]).astype(np.int64)
    last = position == count[row] - 1
    upper[last] = draw.amount_minor[row][last]
    lower = np.where(position == 0, 0, np.r_[0, upper[:-1]])
    product = draw_products(spec, truth.tastes, draw.member[row], rng)
    taken = orders.take(pa.array(row))
    same = ("order_id", "customer_ref", "kind", "channel", "store_id", "occurred_at", "ts_us",
            "day", "month", "dow", "hour", "currency", "source")  # fmt: skip
    columns = {name: taken.column(name) for name in same} | {
        "line_id": pc.binary_join_element_wise(
            taken.column("order_id"), pa.array(position + 1).cast(pa.string()), "-"
        ),
        "product_id": numbered("p", product, width=5),
        "quantity": pa.array(1.0 + rng.poisson(0.3, len(row))),
        "amount_minor": pa.array(upper - lower),
    }
    return tables.ORDER_LINES.cast(pa.table(columns), fill=True)
