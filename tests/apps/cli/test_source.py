from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shopkeeper.apps.cli.main import app
from shopkeeper.apps.flows.sources import ensure_source
from shopkeeper.backends.open import open_runtime
from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.core.settings import load_settings


def told(shop: Path, *words: str) -> str:
    result = CliRunner().invoke(
        app, ["source", *words, "--shop", str(shop)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_a_source_from_its_key_to_its_end(tmp_path: Path) -> None:
    assert "source add web" in told(tmp_path, "list")
    made = told(tmp_path, "add", "app", "--kind", "app", "--user-kind", "crm")
    row = json.loads(told(tmp_path, "show", "app", "--json"))
    assert row["write_key"] in made
    assert (row["kind"], row["user_kind"], row["enabled"], row["origins"]) == (
        "app",
        "crm",
        True,
        [],
    )
    assert row["write_key"] in told(tmp_path, "list")
    rotated = json.loads(told(tmp_path, "rotate", "app", "--json"))
    assert rotated["write_key"] != row["write_key"]
    assert "is disabled" in told(tmp_path, "disable", "app")
    assert "may send" in told(tmp_path, "enable", "app")
    assert "https://a.example" in told(tmp_path, "allow", "app", "--origin", "https://a.example")
    assert "pages: any" in told(tmp_path, "allow", "app")


@pytest.mark.parametrize(("words", "error", "said"), [
    (("show", "nobody"), NotFoundError, "there is no source 'nobody'"),
    (("add", "a b"), InputError, "cannot name a source"),
    (("add", "a", "--kind", "fax"), InputError, "no kind of source 'fax'"),
    (("add", "a", "--user-kind", "A-1"), InputError, "cannot name a kind of identifier"),
    (("add", "a", "--origin", "a.example"), InputError, "is no origin of a page"),
])  # fmt: skip
def test_what_cannot_be(
    tmp_path: Path, words: tuple[str, ...], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        told(tmp_path, *words)


def test_a_shop_without_sources_gets_one(tmp_path: Path) -> None:
    runtime = open_runtime(load_settings(flags={"store.folder": str(tmp_path)}))
    first = ensure_source(runtime.state, now=runtime.clock.now())
    assert first is not None
    assert (first["source_id"], len(first["write_key"])) == ("web", 32)
    assert ensure_source(runtime.state, now=runtime.clock.now()) is None
    runtime.close()
    with pytest.raises(InputError, match="there is a source web already"):
        told(tmp_path, "add", "web")
