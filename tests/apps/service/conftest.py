from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent))

from small_shop import fill, open_shop

from shopkeeper.apps.service import create_app
from shopkeeper.backends.runtime import Runtime

HOST = "http://127.0.0.1"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service over a shop in which nothing ever happened."""
    runtime = open_shop(tmp_path_factory.mktemp("empty"))
    yield TestClient(create_app(runtime), base_url=HOST, raise_server_exceptions=True)
    runtime.close()


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """The small shop; only read."""
    opened = open_shop(tmp_path_factory.mktemp("small"))
    fill(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shop(runtime: Runtime) -> TestClient:
    """A service over the small shop; only read."""
    return TestClient(create_app(runtime), base_url=HOST)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[TestClient]:
    """A service over a small shop that the test may change."""
    opened = open_shop(tmp_path)
    fill(opened)
    yield TestClient(create_app(opened), base_url=HOST)
    opened.close()
