"""Write the next migration from the difference between ``core.state`` and the last one."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from shopkeeper.backends.embedded.state import migration_config, open_state

__all__ = ["new_migration"]


def new_migration(message: str) -> Path:
    """Compare a freshly migrated database with the definitions and write the step.

    Parameters
    ----------
    message
        What changes, in a few words.

    Returns
    -------
    Path
        The new file; read it before committing it.
    """
    config = migration_config()
    number = 1 + len(list(ScriptDirectory.from_config(config).walk_revisions()))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    with tempfile.TemporaryDirectory() as folder:
        engine = open_state(Path(folder) / "state.db")
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            script = command.revision(
                config,
                message=re.sub(r"[.\s]+$", "", message),
                autogenerate=True,
                rev_id=f"{number:04d}",
            )
        engine.dispose()
    return Path(script.path)  # type: ignore[union-attr]


if __name__ == "__main__":
    sys.stdout.write(f"{new_migration(' '.join(sys.argv[1:]))}\n")
