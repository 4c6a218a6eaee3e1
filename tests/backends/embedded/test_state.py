"""Migrations give exactly the declared tables; moments keep their zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, exc, func, insert, select, text

from shopkeeper.backends.embedded.new_migration import new_migration
from shopkeeper.backends.embedded.state import MIGRATIONS, migrate, open_state
from shopkeeper.core.errors import InputError, StoreError
from shopkeeper.core.state import metadata, plans, run_steps

NOW = datetime(2026, 11, 21, 8, 30, 0, 123456, tzinfo=UTC)
PLAN = {"plan_id": "p", "status": "draft", "digest": "d", "summary": {"人数": 3}, "created_at": NOW}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_state(tmp_path / "state" / "state.db")
    yield opened
    opened.dispose()


def test_migrations_produce_exactly_the_declared_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_table_can_be_declared_and_indexed_twice(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        versions = connection.execute(text("SELECT version_num FROM alembic_version")).all()
        indexes = connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'outbox'")
        )
        names = {x for (x,) in indexes}
    assert len(versions) == 1
    assert "ix_outbox_status_send_at" in names


def test_migrations_can_be_taken_back(engine: Engine) -> None:
    from alembic import command

    from shopkeeper.backends.embedded.state import migration_config

    config = migration_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with engine.connect() as connection:
        left = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        assert {x for (x,) in left} == {"alembic_version"}
    migrate(engine)


def test_a_moment_of_any_zone_comes_back_in_utc(engine: Engine) -> None:
    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
    with engine.begin() as connection:
        connection.execute(insert(plans).values(**PLAN, as_of=shanghai))
    with engine.connect() as connection:
        row = connection.execute(select(plans).where(plans.c.as_of <= shanghai)).one()
        assert connection.execute(select(func.max(plans.c.as_of))).scalar_one() == NOW
    assert (row.as_of, row.as_of.tzinfo, row.approved_at) == (NOW, UTC, None)
    assert row.summary == {"人数": 3}


def test_a_moment_without_zone_is_refused(engine: Engine) -> None:
    with (
        pytest.raises((InputError, exc.StatementError), match="has no time zone"),
        engine.begin() as connection,
    ):
        connection.execute(insert(plans).values(**PLAN, as_of=NOW.replace(tzinfo=None)))


def test_foreign_keys_and_full_sync_are_on(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    step = {"run_id": "nobody", "step": "s", "position": 1, "status": "done"}
    with pytest.raises(exc.IntegrityError, match="FOREIGN KEY"), engine.begin() as connection:
        connection.execute(insert(run_steps).values(**step))


def test_what_a_newer_release_wrote_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    engine = open_state(file)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match=r"written by a newer release \(version 9999\)"):
        open_state(file)


def test_a_new_migration_of_nothing_changes_nothing() -> None:
    before = set((MIGRATIONS / "versions").iterdir())
    file = new_migration("nothing new")
    try:
        text_of = file.read_text(encoding="utf-8")
        assert "Nothing new" in text_of or "nothing new" in text_of
        assert "op." not in text_of.split("def upgrade")[1]
    finally:
        file.unlink()
    assert {x for x in (MIGRATIONS / "versions").iterdir() if x.suffix == ".py"} == {
        x for x in before if x.suffix == ".py"
    }
