"""Runs migrations on the connection it is given; Alembic loads this file.

A new one after a change of ``core.state``::

    python -m shopkeeper.backends.embedded.new_migration "what changes"
"""

from __future__ import annotations

from alembic import context

from shopkeeper.core.state import metadata


def run() -> None:
    """Bring the connection's database to the wanted version."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


# Alembic executes this file with its context set; a mere import does nothing.
if hasattr(context, "config"):
    run()
