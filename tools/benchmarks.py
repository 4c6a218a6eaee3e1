"""Turn the JSON rows of ``shopkeeper bench`` into docs/benchmarks.md.

shopkeeper bench all --json > rows.json && python tools/benchmarks.py rows.json [more.json …]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Generated from the rows of `shopkeeper bench … --json` by `tools/benchmarks.py`; every figure stands
beside its baselines and can be printed again by the command above its table. Reference data are read
from the folder named by `SHOPKEEPER_DATA`; `--input` runs the same protocol on your own file. Seconds
and memory were taken on two shared cores: read them as upper bounds and compare within one table.

"""


def shown(value: float | None) -> str:
    if value is None:
        return ""
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 100 else f"{value:.4f}"


def cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    text = shown(row["value"])
    if row.get("low") is not None and row.get("high") is not None:
        text += f" [{shown(row['low'])}, {shown(row['high'])}]"
    return text


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Metrics down, methods across."""
    methods = list(dict.fromkeys(r["method"] for r in rows))
    metrics = list(dict.fromkeys(r["metric"] for r in rows))
    by = {(r["method"], r["metric"]): r for r in rows}
    lines = ["| | " + " | ".join(methods) + " |", "|---|" + "---:|" * len(methods)]
    for metric in metrics:
        cells = (cell(by.get((m, metric))) for m in methods)
        lines.append(f"| {metric} | " + " | ".join(cells) + " |")
    for name, key in (("seconds", "seconds"), ("peak MB", "peak_mb")):
        own = {m: next(r for r in rows if r["method"] == m) for m in methods}
        lines.append(f"| *{name}* | " + " | ".join(shown(own[m][key]) for m in methods) + " |")
    return lines


def page(rows: list[dict[str, Any]]) -> str:
    """The whole page, one section a capability, one table a data set and protocol."""
    lines = [HEAD.rstrip(), ""]
    groups: dict[str, dict[tuple[str, str, int], list[dict[str, Any]]]] = {}
    for row in rows:
        key = (row["data"], row["protocol"], row["seed"])
        groups.setdefault(row["capability"], {}).setdefault(key, []).append(row)
    for capability, tables in groups.items():
        lines += [f"## {capability}", "", f"`shopkeeper bench {capability} --json`", ""]
        for (data, protocol, seed), members in tables.items():
            sizes = sorted({r["n"] for r in members})
            size = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,}–{sizes[-1]:,}"
            lines += [f"**{data}** — {protocol}; n = {size}, seed {seed}", ""]
            lines += [*table(members), ""]
    return "\n".join(lines).rstrip() + "\n"


def main(files: list[str]) -> int:
    rows: list[dict[str, Any]] = []
    for file in files:
        rows += json.loads(Path(file).read_text(encoding="utf-8"))
    PAGE.write_text(page(rows), encoding="utf-8")
    print(f"{PAGE}: {len(rows)} figures")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
