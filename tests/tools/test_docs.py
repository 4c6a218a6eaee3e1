"""The generated pages are what the code says, and the written ones name what exists."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
STAGES = (
    "collect", "govern", "unify", "features", "predict", "segment", "decide", "deliver", "measure",
    "learn", "simulate",
)  # fmt: skip


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build_docs", ROOT / "tools" / "build_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def paths(build):
    return set(re.findall(r'^    "(/[^"]*)": \{', build.document(), re.MULTILINE))


def written() -> list[Path]:
    return sorted(
        [DOCS / "start.md", DOCS / "architecture.md", DOCS / "glossary.md",
         *(DOCS / "stages").glob("*.md")]
    )  # fmt: skip


def test_committed_pages_are_current(build, capsys):
    code = build.main(["--check"])
    assert code == 0, capsys.readouterr().out


def test_check_names_the_stale_file_and_the_command(build, tmp_path, capsys, monkeypatch):
    few = {x: build.PAGES[x] for x in ("docs/settings.md", "docs/reasons.md")}
    monkeypatch.setattr(build, "PAGES", few)
    build.write(tmp_path)
    assert build.main(["--check", "--root", str(tmp_path)]) == 0
    stale = tmp_path / "docs" / "settings.md"
    stale.write_text(stale.read_text(encoding="utf-8") + "x", encoding="utf-8")
    assert build.main(["--check", "--root", str(tmp_path)]) == 1
    assert capsys.readouterr().out == (
        "docs/settings.md is not what the code says now. Run: make docs\n"
    )
    assert build.main(["--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "wrote docs/settings.md\n"


@pytest.mark.parametrize(
    ("value", "seen"),
    [("a", '`"a"`'), (None, "empty"), ("a\tb\u3000", '`"a\\u0009b\\u3000"`'), ("a`b", '``"a`b"``')],
)
def test_invisible_characters_are_shown(build, value, seen):
    assert build.shown(value, "empty") == seen


def test_settings_state_range_default_and_variable(build):
    text = build.settings_page()
    assert "| `decide.holdout` | number, ≥ 0, < 1 | `0.1` | `SHOPKEEPER_DECIDE__HOLDOUT` |" in text
    assert '| `store.engine` | `duckdb` / `spark` | `"duckdb"` |' in text


def test_every_stage_has_a_page_of_readable_length():
    for stage in STAGES:
        lines = (DOCS / "stages" / f"{stage}.md").read_text(encoding="utf-8").splitlines()
        assert 40 <= len(lines) <= 90, f"{stage}: {len(lines)} lines"


@pytest.mark.parametrize("file", written(), ids=lambda x: x.name)
def test_links_lead_somewhere(file):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), target


@pytest.mark.parametrize("file", written(), ids=lambda x: x.name)
def test_commands_exist(file):
    from shopkeeper.apps.cli.main import VERBS

    for verb in re.findall(
        r"^\s*shopkeeper ([a-z]+)", file.read_text(encoding="utf-8"), re.MULTILINE
    ):
        assert verb in VERBS


@pytest.mark.parametrize("file", written(), ids=lambda x: x.name)
def test_paths_of_the_service_exist(paths, file):
    text = file.read_text(encoding="utf-8")
    for path in re.findall(r"`(?:GET|POST) (/[^`?]*)[^`]*`", text):
        assert path in paths, path
