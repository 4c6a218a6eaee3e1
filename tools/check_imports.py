"""Fail on the first import against the layers, and on any import cycle.

Rules are those of RULES.md: core imports nothing of ours; a stage imports core and
itself; back ends import core; only apps import everything.
"""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "src"
PACKAGE = "shopkeeper"
STAGES = (
    "collect", "govern", "unify", "features", "predict", "segment", "decide", "deliver",
    "measure", "learn", "protect", "simulate",
)  # fmt: skip
LAYERS: dict[str, set[str]] = {
    "core": {"core"},
    "backends": {"core", "backends"},
    "apps": {"core", "backends", "apps", *STAGES},
    **{stage: {"core", stage} for stage in STAGES},
}
CORE_LIBRARIES = {"numpy", "pyarrow", "ibis", "sqlalchemy", "pydantic"}
BANNED_CALLS = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "datetime.today"}
BANNED_MODULES = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "skops", "marshal"}
BANNED_WRITERS = {
    "torch.save",
    "torch.load",
    "joblib.dump",
    "joblib.load",
    "pickle.dump",
    "pickle.load",
}
MAX_LINES = 400
MAX_FUNCTION = 60


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, name: str, is_package: bool) -> Iterator[tuple[str, int, bool]]:
    """Yield (module, line, lazy) of each import; TYPE_CHECKING imports count too."""
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) in lazy
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = name.split(".")
                keep = len(parts) - node.level + (1 if is_package else 0)
                base = ".".join([*parts[:keep], *([base] if base else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno, id(node) in lazy


def layer(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 else None


def check_layers(name: str, found: list[tuple[str, int, bool]]) -> Iterator[str]:
    own = layer(name)
    if own is None:
        return
    if own not in LAYERS:
        yield f"{name}: {own} is not a layer of the architecture"
        return
    for module, line, _ in found:
        target = layer(module)
        if target is not None and target not in LAYERS[own] and target != "__version__":
            yield f"{name}:{line}: {own} must not import {module}"
        top = module.split(".")[0]
        if top in BANNED_MODULES:
            yield f"{name}:{line}: {top} is refused (models are never pickled)"
        outside = top not in sys.stdlib_module_names and top not in {PACKAGE, "__future__"}
        if own == "core" and outside and top not in CORE_LIBRARIES:
            yield f"{name}:{line}: core must not import {top}"


def check_size(name: str, path: Path, tree: ast.AST) -> Iterator[str]:
    count = len(path.read_text(encoding="utf-8").splitlines())
    if count > MAX_LINES and name not in {f"{PACKAGE}.core.tables", f"{PACKAGE}.core.columns"}:
        yield f"{name}: {count} lines, at most {MAX_LINES}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            first = body[0]
            start = node.lineno
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                start = first.end_lineno or start
            length = (node.end_lineno or start) - start
            if length >= MAX_FUNCTION:
                yield f"{name}:{node.lineno}: {node.name} has {length} lines, under {MAX_FUNCTION}"


def check_clock(name: str, tree: ast.AST) -> Iterator[str]:
    if layer(name) in {"apps", "backends", None}:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            if any(called == x or called.endswith("." + x) for x in BANNED_CALLS):
                yield f"{name}:{node.lineno}: a stage reads the clock ({called})"
            if called in {"os.getenv", "os.environ.get"} and name != f"{PACKAGE}.core.settings":
                yield f"{name}:{node.lineno}: a stage reads the environment"


def check_pickles(name: str, tree: ast.AST) -> Iterator[str]:
    """Calls that write or read pickles under any import, and numpy told to allow them."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in BANNED_WRITERS:
            yield f"{name}:{node.lineno}: {called} writes or reads pickles; models are never pickled"
        for keyword in node.keywords:
            allowed = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            if keyword.arg == "allow_pickle" and not allowed:
                yield f"{name}:{node.lineno}: allow_pickle must be False; models are never pickled"


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The first import cycle found, as a path; empty if there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [list(error.args[1])]
    return []


def main() -> int:
    problems: list[str] = []
    graph: dict[str, set[str]] = {}
    paths = sorted((ROOT / PACKAGE).rglob("*.py"))
    names = {module_name(p) for p in paths}
    for path in paths:
        name = module_name(path)
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        found = list(imports(tree, name, path.name == "__init__.py"))
        problems += check_layers(name, found)
        problems += check_clock(name, tree)
        problems += check_pickles(name, tree)
        if "migrations" not in name:
            problems += check_size(name, path, tree)
        edges = set()
        for module, _, _ in found:
            target = module if module in names else module.rpartition(".")[0]
            if target in names and target != name:
                edges.add(target)
        graph[name] = edges
    problems += ["import cycle: " + " → ".join(group) for group in cycles(graph)]
    for problem in problems:
        print(problem)
    print(f"imports: {len(graph)} modules, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
