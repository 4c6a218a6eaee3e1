"""``shopkeeper customer``: everything known about one customer."""

from __future__ import annotations

from typing import Annotated, Any

import ibis
import typer

from shopkeeper.apps.cli.context import ConfigFlag, JsonFlag, ShopFlag, opened, out, print_json
from shopkeeper.apps.cli.stages import show
from shopkeeper.apps.flows.identity import customer_named
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import (
    FEATURES,
    IDENTITIES,
    PROFILES,
    RECOMMENDATIONS,
    SCORES,
    SEGMENTS,
)


def customer(
    who: Annotated[str, typer.Argument(help="Customer id, or an identifier such as crm:123.")],
    shop: ShopFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Profile, segments, scores with reasons, features and recommendations."""
    with opened(shop, config) as runtime:
        found = everything(runtime.tables, who)
    if as_json:
        print_json(found)
        return
    show(f"customer {found['customer_id']}", {k: v for k, v in found.items() if v})
    for score in found["scores"]:
        for reason in score["why"]:
            out.print(f"  {score['kind']}: {reason['en']} · {reason['zh']}", highlight=False)


def everything(store: TableStore, who: str) -> dict[str, Any]:
    """Rows about one customer from every table.

    Parameters
    ----------
    store
        The lake.
    who
        Customer id or identifier.

    Raises
    ------
    NotFoundError
        If nobody answers to it.
    """
    from shopkeeper.predict.explain import render

    customer_id = customer_named(store, who)
    identities = store.table(IDENTITIES)
    every = store.run(identities.filter(identities.customer_id == ibis.literal(customer_id)))

    def of(contract: Any) -> list[dict[str, Any]]:
        table = store.table(contract)
        mine = table.filter(table.customer_id == ibis.literal(customer_id))
        found: list[dict[str, Any]] = store.run(mine).to_pylist()
        return found

    scores = of(SCORES)
    latest = max((s["as_of"] for s in scores), default=None)
    scores = [s for s in scores if s["as_of"] == latest]
    for score in scores:
        stored = score.pop("reasons")
        languages = [render(stored, x) for x in ("zh", "en")] if stored else [[], []]
        score["why"] = [{"zh": z, "en": e} for z, e in zip(*languages, strict=True)]
    features = max(of(FEATURES), key=lambda r: r["as_of"], default={})
    return {
        "customer_id": customer_id,
        "identifiers": [r["identifier"] for r in every.to_pylist()],
        "profile": next(iter(of(PROFILES)), {}),
        "segments": of(SEGMENTS),
        "scores": scores,
        "recommendations": sorted(of(RECOMMENDATIONS), key=lambda r: (r["kind"], r["rank"])),
        "features": features,
    }
