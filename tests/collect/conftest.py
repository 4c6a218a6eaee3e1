from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.guess import first_rows, guess_mapping, settled
from shopkeeper.collect.lexicon import is_known
from shopkeeper.collect.load import load, plan_load
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.report import LoadReport
from shopkeeper.collect.sources.open import open_source
from shopkeeper.core.settings import Settings, load_settings
from shopkeeper.core.tables import QUARANTINE, TableContract

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


@dataclass
class Shop:
    """A store in a temporary folder and the shortest way to load into it."""

    folder: Path
    settings: Settings
    runtime: Runtime

    def load(
        self, file: Path | str, mapping: dict[str, Any] | None = None, **how: Any
    ) -> LoadReport:
        chosen = SourceMapping.from_dict(mapping) if mapping else None
        source = open_source(str(file), chosen.file if chosen else None, known=is_known)
        if chosen is None:
            guess = guess_mapping(
                first_rows(source), settings=self.settings, table=how.pop("table", None)
            )
            chosen = settled(source, guess).mapping
        plan = plan_load(
            source, chosen, settings=self.settings, chunk_rows=how.pop("chunk_rows", 200_000)
        )
        return load(plan, how.pop("tables", self.runtime.tables), now=NOW, **how)

    def rows(self, contract: TableContract) -> pa.Table:
        return self.runtime.tables.run(self.runtime.tables.table(contract))

    def quarantine(self) -> dict[int, str]:
        return {x["row_number"]: x["reason"] for x in self.rows(QUARANTINE).to_pylist()}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    settings = load_settings(flags={"store.folder": str(tmp_path / "shop")})
    runtime = open_runtime(settings)
    yield Shop(tmp_path, settings, runtime)
    runtime.close()


@pytest.fixture
def settings() -> Settings:
    return load_settings()
