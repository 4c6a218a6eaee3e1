"""Likeness to an audience as a field of rules."""

from __future__ import annotations

from sqlalchemy import select

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.tables import SCORES


def lookalike_scores(runtime: Runtime) -> list[tuple[str, str, str, str]]:
    """Likeness to audiences, as rules may use it.

    Parameters
    ----------
    runtime
        The open shop.

    Returns
    -------
    list of tuple
        Name in rules (``lookalike.<audience>``), kind of the score, label in Chinese and English.
    """
    scores = runtime.tables.table(SCORES)
    found = scores.filter(scores.kind.startswith("lookalike:")).select("kind").distinct()
    kinds = sorted(runtime.tables.run(found)["kind"].to_pylist())
    with runtime.state.connect() as connection:
        named = (
            dict(
                connection.execute(
                    select(state.audiences.c.audience_id, state.audiences.c.name)
                ).all()
            )
            if kinds
            else {}
        )
    ids = [kind.partition(":")[2] for kind in kinds]
    return [
        (f"lookalike.{x}", f"lookalike:{x}", f"与人群「{named.get(x, x)}」的相似度（0–1）",
         f"Likeness to the audience {named.get(x, x)}, 0 to 1")
        for x in ids
    ]  # fmt: skip
