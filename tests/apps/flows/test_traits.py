"""The shop's own live traits, planned and applied as one file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shopkeeper.apps.flows.traits import apply_traits, own_traits, plan_traits, trait_named
from shopkeeper.apps.worker.profile_rules import definitions
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.settings import load_settings
from shopkeeper.features.live.builtin import BUILT_IN
from shopkeeper.features.live.text import traits_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FILE = """
traits:
  tea_3d: {measure: count, kinds: [view_item], window: 3d, unit: events, zh: 看茶, en: Tea}
  views_7d: {measure: count, kinds: [view_item], window: 6d, unit: events, zh: 浏览, en: Views}
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = open_runtime(load_settings(flags={"store.folder": str(tmp_path)}))
    yield opened
    opened.close()


def test_a_file_is_planned_applied_and_in_force(runtime: Runtime) -> None:
    runtime.profiles.put_many({"c1": {}, "c2": {}}, section="live")
    wanted = traits_of(FILE)
    plan = plan_traits(runtime, wanted)
    assert (plan.added, plan.overriding, plan.profiles) == (
        ("tea_3d", "views_7d"),
        ("views_7d",),
        2,
    )
    assert own_traits(runtime.state) == ()
    assert apply_traits(runtime, wanted, now=NOW) == plan
    assert own_traits(runtime.state) == wanted
    assert runtime.profiles.queued() == ["c1", "c2"]
    assert apply_traits(runtime, wanted, now=NOW).empty
    force = {x.name: x for x in definitions(runtime)}
    assert len(force) == len(BUILT_IN) + 1
    assert force["views_7d"].window_s == 6 * 86_400
    fewer = apply_traits(runtime, wanted[:1], now=NOW)
    assert (fewer.removed, fewer.kept) == (("views_7d",), ("tea_3d",))
    assert trait_named(runtime.state, "views_7d").window_s == 7 * 86_400


def test_an_unknown_trait_is_named(runtime: Runtime) -> None:
    with pytest.raises(NotFoundError, match="there is no live trait 'nothing'"):
        trait_named(runtime.state, "nothing")
