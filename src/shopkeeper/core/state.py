"""Definitions and state as SQL tables: what people create and what runs remember.

SQLAlchemy Core tables, so that SQLite and PostgreSQL share one definition; the
migrations in ``backends`` create them.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

mappings = Table(
    "mappings",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("table_name", String(40), nullable=False),
    Column("definition", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
"""How a source's columns were brought to a contract; found again by header fingerprint."""

load_progress = Table(
    "load_progress",
    metadata,
    Column("load_id", String(64), primary_key=True),
    Column("path", Text, nullable=False),
    Column("table_name", String(40), nullable=False),
    Column("status", String(16), nullable=False),
    Column("rows_done", BigInteger, nullable=False, default=0),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)
"""Where a load stands, for resuming after a crash."""

audiences = Table(
    "audiences",
    metadata,
    Column("audience_id", String(64), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("rule", Text, nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("version", Integer, nullable=False, default=1),
    Column("size", BigInteger),
    Column("built_as_of", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)
"""Audience definitions; members are in the lake."""

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("flow", String(40), nullable=False),
    Column("as_of", DateTime(timezone=True), nullable=False),
    Column("status", String(16), nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("inputs_digest", String(64), nullable=False, default=""),
    Column("error", Text),
)
"""One execution of a flow."""

run_steps = Table(
    "run_steps",
    metadata,
    Column("run_id", String(64), ForeignKey("runs.run_id"), primary_key=True),
    Column("step", String(60), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("seconds", Float),
    Column("detail", JSON),
)
"""Steps of a run; a finished step is not done again."""

plans = Table(
    "plans",
    metadata,
    Column("plan_id", String(64), primary_key=True),
    Column("as_of", DateTime(timezone=True), nullable=False),
    Column("status", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("summary", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("approved_at", DateTime(timezone=True)),
    Column("approved_by", String(200)),
    Column("performed_at", DateTime(timezone=True)),
)
"""Plans: draft → approved → performed. The decisions themselves are in the lake."""

outbox = Table(
    "outbox",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("plan_id", String(64), nullable=False, index=True),
    Column("decision_id", String(64), nullable=False),
    Column("customer_id", String(64), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("send_at", DateTime(timezone=True), nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("detail", Text, nullable=False, default=""),
    Column("sent_at", DateTime(timezone=True)),
    UniqueConstraint("decision_id"),
    Index("ix_outbox_status_send_at", "status", "send_at"),
)
"""Messages to send; written in the transaction that marks the step, sent afterwards."""

cluster_memory = Table(
    "cluster_memory",
    metadata,
    Column("scheme", String(40), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)
"""Centres and names of the last clustering, so that the next keeps its labels."""

schedules = Table(
    "schedules",
    metadata,
    Column("flow", String(40), primary_key=True),
    Column("cron", String(60), nullable=False),
    Column("enabled", Boolean, nullable=False, default=True),
)
"""When the scheduler starts a flow."""

sources = Table(
    "sources",
    metadata,
    Column("source_id", String(64), primary_key=True),
    Column("write_key", String(64), nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("user_kind", String(40), nullable=False, default="user"),
    Column("origins", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("settings", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
"""Where live events come from: a write key each, and the kind of identifier its user ids are."""

tracking_plans = Table(
    "tracking_plans",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=True),
    Column("definition", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("applied_by", String(200), nullable=False, default=""),
    Column("applied_at", DateTime(timezone=True), nullable=False),
)
"""Every tracking plan that was applied; the highest version is in force."""

replays = Table(
    "replays",
    metadata,
    Column("replay_id", String(64), primary_key=True),
    Column("load_id", String(64), nullable=False),
    Column("table_name", String(40), nullable=False),
    Column("row_number", BigInteger, nullable=False),
    Column("event_id", String(128), nullable=False, index=True),
    Column("payload", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("requested_by", String(200), nullable=False, default=""),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
"""Quarantined rows that a person edited and sent again."""

connectors = Table(
    "connectors",
    metadata,
    Column("connector_id", String(64), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("config", JSON, nullable=False),
    Column("every_seconds", Integer, nullable=False),
    Column("retry", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("cursor", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("error", Text),
    Column("rows_total", BigInteger, nullable=False, default=0),
    Column("data_until", DateTime(timezone=True)),
    Column("last_started_at", DateTime(timezone=True)),
    Column("last_ok_at", DateTime(timezone=True)),
    Column("next_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
"""Pulled and watched sources: how they are read, how far, and how they are doing."""

connector_runs = Table(
    "connector_runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("connector_id", String(64), nullable=False, index=True),
    Column("status", String(16), nullable=False),
    Column("rows", BigInteger, nullable=False, default=0),
    Column("detail", JSON, nullable=False),
    Column("error", Text),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)
"""One attempt of a connector."""

traits = Table(
    "traits",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)
"""Live traits that people defined beside the built-in ones."""

propensities = Table(
    "propensities",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("status", String(16), nullable=False, default="waiting"),
    Column("refused", JSON),
    Column("version", String(64)),
    Column("trained_at", DateTime(timezone=True)),
)
"""Models that people asked for: what each predicts, for whom, and how its last training went."""
