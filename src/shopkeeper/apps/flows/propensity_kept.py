"""Definitions of models that people asked for: kept, listed, forgotten, and how they went."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, Row, delete, insert, select, update

from shopkeeper.apps.flows.propensity_spec import PropensitySpec, spec_of
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.errors import NotFoundError, ShopkeeperError


def refusal(error: ShopkeeperError) -> dict[str, str]:
    """Why a model was not trained, in both languages where the error speaks both.

    Parameters
    ----------
    error
        What was raised.
    """
    zh = error.facts.get("zh") or error.facts.get("message_zh") or error.message
    return {
        "zh": str(zh), "en": error.message, "next_en": error.next_step,
        "next_zh": str(error.facts.get("next_zh") or error.next_step),
    }  # fmt: skip


def keep_spec(runtime: Runtime, spec: PropensitySpec) -> None:
    """Keep a definition; the one of the same name is replaced.

    Parameters
    ----------
    runtime
        The open shop.
    spec
        What is asked.
    """
    table = state.propensities
    plain = spec.model_dump(mode="json", exclude={"as_of"})
    with runtime.state.begin() as connection:
        connection.execute(delete(table).where(table.c.name == spec.name))
        connection.execute(
            insert(table).values(
                name=spec.name, definition=plain, digest=spec.digest, status="waiting",
                created_at=runtime.clock.now(),
            )
        )  # fmt: skip


def stored_specs(engine: Engine) -> list[PropensitySpec]:
    """Every kept definition, by name.

    Parameters
    ----------
    engine
        State.
    """
    table = state.propensities
    with engine.connect() as connection:
        found = connection.execute(select(table.c.definition).order_by(table.c.name)).scalars()
        return [spec_of(x) for x in found]


def stored_rows(engine: Engine) -> list[Row[Any]]:
    """Every kept definition with how it went, newest first.

    Parameters
    ----------
    engine
        State.
    """
    table = state.propensities
    with engine.connect() as connection:
        query = select(table).order_by(table.c.created_at.desc(), table.c.name)
        return list(connection.execute(query).all())


def stored_row(engine: Engine, name: str) -> Row[Any]:
    """One kept definition with how it went.

    Parameters
    ----------
    engine
        State.
    name
        Which.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    table = state.propensities
    with engine.connect() as connection:
        found = connection.execute(select(table).where(table.c.name == name)).first()
    if found is None:
        raise _unknown(name)
    return found


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(
        f"there is no propensity model {name!r}",
        next_step="see /api/v1/predict/propensity",
        name=name,
    )


def forget_spec(engine: Engine, name: str) -> None:
    """Forget a definition; versions and scores stay.

    Parameters
    ----------
    engine
        State.
    name
        Which.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    table = state.propensities
    with engine.begin() as connection:
        gone = connection.execute(delete(table).where(table.c.name == name)).rowcount
    if not gone:
        raise _unknown(name)


def mark(engine: Engine, name: str, **values: Any) -> None:
    """Remember how a training goes.

    Parameters
    ----------
    engine
        State.
    name
        Which definition; nothing happens where it is not kept.
    **values
        Columns of the state table.
    """
    table = state.propensities
    with engine.begin() as connection:
        connection.execute(update(table).where(table.c.name == name).values(**values))
