"""What a next step or a page tells people to type can be typed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperGroup

from shopkeeper.apps.cli.main import VERBS, load_verb

ROOT = Path(__file__).resolve().parents[3]
SAID = re.compile(r"(?<![\w./-])shopkeeper ((?!-)[a-z][a-z-]*)(?: ([a-z][a-z-]*)(?![\w./:-]))?")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@cache
def subcommands(verb: str) -> frozenset[str] | None:
    """Words that may follow a verb; None if any may, as the verb takes an argument."""
    module, name, short = VERBS[verb]
    command = load_verb(verb, module, name, short)
    if isinstance(command, TyperGroup):
        return frozenset(command.commands)
    takes = any(x.param_type_name == "argument" for x in command.params)
    return None if takes else frozenset()


def unknown(text: str) -> Iterator[str]:
    """What the text tells people to type and the program does not know."""
    for verb, second in SAID.findall(text):
        if verb not in VERBS:
            yield f"shopkeeper {verb}"
        elif second and (known := subcommands(verb)) is not None and second not in known:
            yield f"shopkeeper {verb} {second}"


def spoken(value: ast.expr) -> str:
    """The constant text of an expression; what is filled in is a gap."""
    if isinstance(value, ast.JoinedStr):
        return "".join(spoken(x) for x in value.values)
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    inner = [x for x in ast.iter_child_nodes(value) if isinstance(x, ast.expr)]
    return "…" if isinstance(value, ast.FormattedValue) else " … ".join(map(spoken, inner))


def said_in(source: str) -> Iterator[str]:
    """Next steps, and texts printed that name one after ``Next:``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "next_step":
            yield spoken(node.value)
        elif isinstance(node, ast.Constant | ast.JoinedStr) and "Next: shopkeeper" in spoken(node):
            yield spoken(node).partition("Next: ")[2]


def commands_in(page: str) -> Iterator[str]:
    """Lines of code blocks, and code within a sentence."""
    for block in re.findall(r"```.*?```", page, re.DOTALL):
        yield from (line.partition("#")[0] for line in block.splitlines())
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))


def test_every_next_step_can_be_typed() -> None:
    found = 0
    for path in sorted((ROOT / "src").rglob("*.py")):
        for text in said_in(path.read_text(encoding="utf-8")):
            found += len(SAID.findall(text))
            assert list(unknown(text)) == [], f"{path.relative_to(ROOT)}: {text}"
    assert found > 15


@pytest.mark.parametrize("page", PAGES, ids=lambda x: str(x.relative_to(ROOT)))
def test_every_command_on_a_page_can_be_typed(page: Path) -> None:
    for text in commands_in(page.read_text(encoding="utf-8")):
        assert list(unknown(text)) == [], text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("List them: shopkeeper segment audiences", ["shopkeeper segment audiences"]),
        ("Choose one listed by: shopkeeper govern rules", ["shopkeeper govern rules"]),
        ("Look up: shopkeeper customer crm:1", []),
        ("List them: shopkeeper plan audiences", ["shopkeeper plan audiences"]),
        ("List them with: shopkeeper models", ["shopkeeper models"]),
        ("Make one: shopkeeper plan approve latest", []),
        ("shopkeeper collect orders.csv --table offers", []),
    ],
)
def test_what_cannot_be_typed_is_found(text: str, wrong: list[str]) -> None:
    assert list(unknown(text)) == wrong


def test_next_steps_are_read_from_every_way_of_writing_them() -> None:
    source = """raise E("x", next_step=f"Do: shopkeeper plan approve {plan}" if a else "shopkeeper no")"""
    text = " ".join(said_in(source))
    assert SAID.findall(text) == [("plan", "approve"), ("no", "")]
    assert list(unknown(text)) == ["shopkeeper no"]
