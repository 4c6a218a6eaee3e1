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
