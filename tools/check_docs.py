"""Compare documented parameters with signatures, and run over every public docstring.

A public function whose docstring has a Parameters section must name exactly the
parameters of its signature; public modules, classes and functions need a docstring.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "src" / "shopkeeper"
HEADER = re.compile(r"^\s*(?P<title>[A-Z][A-Za-z ]+)\n\s*-{3,}\s*$", re.MULTILINE)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def section(doc: str, wanted: str) -> str | None:
    """Body of one numpydoc section, or None."""
    marks = list(HEADER.finditer(doc))
    for i, mark in enumerate(marks):
        if mark["title"].strip() == wanted:
            end = marks[i + 1].start() if i + 1 < len(marks) else len(doc)
            return doc[mark.end() : end]
    return None


def documented(body: str) -> list[str]:
    """Names at the left edge of a Parameters section."""
    lines = [x for x in body.splitlines() if x.strip()]
    if not lines:
        return []
    edge = min(len(x) - len(x.lstrip()) for x in lines)
    names: list[str] = []
    for line in lines:
        if len(line) - len(line.lstrip()) == edge:
            left = line.strip().split(" : ")[0].split(":")[0]
            names += [x.strip() for x in left.split(",")]
    return names


def parameters(node: Function) -> list[str]:
    args = node.args
    found = [x.arg for x in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    if args.vararg:
        found.append("*" + args.vararg.arg)
    if args.kwarg:
        found.append("**" + args.kwarg.arg)
    return [x for x in found if x not in {"self", "cls"}]


def check_function(where: str, node: Function) -> Iterator[str]:
    doc = ast.get_docstring(node)
    if not doc:
        return
    body = section(doc, "Parameters")
    if body is None:
        return
    wrong = (set(documented(body)) ^ set(parameters(node))) - {"self", "cls"}
    if wrong:
        yield f"{where}:{node.lineno}: {node.name}: Parameters differ: {', '.join(sorted(wrong))}"


def fields(node: ast.ClassDef) -> set[str]:
    names = {
        x.target.id
        for x in node.body
        if isinstance(x, ast.AnnAssign) and isinstance(x.target, ast.Name)
    }
    for x in node.body:
        if isinstance(x, ast.FunctionDef) and x.name in {"__init__", "__new__"}:
            names |= set(parameters(x))
    return names


def check_class(where: str, node: ast.ClassDef) -> Iterator[str]:
    doc = ast.get_docstring(node) or ""
    body = section(doc, "Parameters")
    known = fields(node)
    # Inherited constructors are checked where they are defined.
    if body is not None and known:
        extra = set(documented(body)) - known
        if extra:
            yield f"{where}:{node.lineno}: {node.name}: not a field: {', '.join(sorted(extra))}"


def main() -> int:
    problems: list[str] = []
    count = 0
    for path in sorted(ROOT.rglob("*.py")):
        where = str(path.relative_to(ROOT.parent.parent))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count += 1
                problems += check_function(where, node)
            elif isinstance(node, ast.ClassDef):
                problems += check_class(where, node)
    for problem in problems:
        print(problem)
    print(f"docs: {count} functions, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
