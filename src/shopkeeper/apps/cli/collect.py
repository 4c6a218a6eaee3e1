"""``shopkeeper collect``: take in files, folders and databases."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from shopkeeper.apps.cli.context import ConfigFlag, JsonFlag, ShopFlag, err, opened, out, print_json
from shopkeeper.apps.flows.collect import CollectReport, collect
from shopkeeper.apps.flows.collect_mapping import Prepared
from shopkeeper.collect.guess import SURE
from shopkeeper.collect.load import Progress
from shopkeeper.collect.report import total

HEADS_ZH = ("字段", "来源列", "把握", "依据", "例子")
HEADS_EN = ("Field", "Column of the source", "Sure", "Why", "Example")


def collect_command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH…",
            help="Files, folders, FILE.xlsx#SHEET, or a database as URL#TABLE or URL#SELECT …",
        ),
    ],
    table: Annotated[
        str | None,
        typer.Option("--table", help="Table it is (orders, order_lines, products, customers …)."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="YAML file that says which column is which.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Name of the system the rows come from.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Read, map and check, but write nothing.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Use a guessed mapping without asking.")
    ] = False,
    lang: Annotated[str, typer.Option("--lang", help="Language of the report: en or zh.")] = "en",
    as_json: JsonFlag = False,
    shop: ShopFlag = None,
    config: ConfigFlag = None,
) -> None:
    """Take in files, folders and databases; rows that fail go to quarantine with their reason."""
    quiet = as_json
    with opened(shop, config) as runtime, _progress(quiet=quiet) as advance:
        report = collect(
            paths,
            tables=runtime.tables,
            engine=runtime.state,
            settings=runtime.settings,
            now=runtime.clock.now(),
            table=table,
            mapping_file=mapping,
            source_name=source,
            check=check,
            confirm=_confirmer(yes=yes or check, quiet=quiet, chinese=lang == "zh"),
            progress=advance,
        )
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report, chinese=lang == "zh")
    if not report.loads:
        raise typer.Exit(2)
    if not report.useful or report.failures:
        raise typer.Exit(1)


def show_mapping(ready: Prepared, *, chinese: bool) -> Table:
    """The guessed mapping as a table.

    Parameters
    ----------
    ready
        A source whose mapping was guessed.
    chinese
        Language.

    Returns
    -------
    rich.table.Table
    """
    heads = HEADS_ZH if chinese else HEADS_EN
    grid = Table(title=f"{ready.location} → {ready.mapping.table}", title_justify="left")
    for head in heads:
        grid.add_column(head)
    for match in ready.guess.matches if ready.guess else ():
        meaning = match.column.zh if chinese else match.column.en
        grid.add_row(
            f"{match.column} ({meaning})", match.header, f"{match.confidence:.0%}",
            match.why[0 if chinese else 1], match.example[:40],
        )  # fmt: skip
    return grid


def _confirmer(*, yes: bool, quiet: bool, chinese: bool) -> Callable[[Prepared], bool]:
    def confirm(ready: Prepared) -> bool:
        guess = ready.guess
        if guess is None:
            return True
        if not quiet:
            err.print(show_mapping(ready, chinese=chinese))
            for note in guess.notes:
                err.print(f"  · {note[0 if chinese else 1]}", highlight=False)
            if guess.unused:
                label = "未使用的列" if chinese else "columns not used"
                err.print(f"  · {label}: {', '.join(guess.unused[:20])}", highlight=False)
        if yes or guess.confidence >= SURE:
            return True
        if quiet or not sys.stdin.isatty():
            return False
        return typer.confirm(
            "按此映射装载？" if chinese else "Load with this mapping?", default=True
        )

    return confirm


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    if quiet or not err.is_terminal:
        yield None
        return
    with Bars(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[rows]}"), console=err, transient=True,
    ) as bars:  # fmt: skip
        tasks: dict[str, Any] = {}

        def advance(at: Progress) -> None:
            if at.load_id not in tasks:
                for earlier in tasks.values():
                    bars.remove_task(earlier)
                tasks.clear()
                tasks[at.load_id] = bars.add_task(Path(at.path).name, total=at.bytes_total, rows="")
            bars.update(
                tasks[at.load_id], completed=at.bytes_done, rows=f"{at.rows_admitted:,} rows"
            )

        yield advance


def _print(report: CollectReport, *, chinese: bool) -> None:
    language = "zh" if chinese else "en"
    for one in report.loads[:50]:
        out.print(one.words(language), highlight=False, markup=False, soft_wrap=True)  # type: ignore[arg-type]
    for failure in report.failures:
        err.print(f"[red]{failure.code}[/red]: {failure.message}", highlight=False)
        err.print(f"  → {failure.next_step}", highlight=False)
    for file in report.mapping_files:
        label = "映射已保存" if chinese else "mapping saved"
        err.print(f"{label}: {file}", highlight=False)
    if len(report.loads) > 1:
        sums = total(report.loads)
        text = (
            "共 {sources} 个来源：读入 {rows_in:,} 行，通过 {rows_admitted:,}，"
            "重复 {rows_repeated:,}，隔离 {rows_quarantined:,}"
            if chinese
            else "{sources} sources: {rows_in:,} rows in, {rows_admitted:,} admitted, "
            "{rows_repeated:,} repeated, {rows_quarantined:,} quarantined"
        )
        out.print(text.format(**sums), highlight=False)
