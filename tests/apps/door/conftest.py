from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from door_shop import OpenDoor, open_door


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[OpenDoor]:
    """An empty shop with a source ``web`` (key ``k``) and its door."""
    opened = open_door(tmp_path)
    yield opened
    opened.runtime.close()
