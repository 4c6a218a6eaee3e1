"""Labelled texts from files, and their split without near-copies on both sides."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.core.errors import InputError, MappingError, NotEnoughDataError, SourceError
from shopkeeper.predict.text.twins import twin_groups

__all__ = ["TextTask", "text_tasks"]

TEXTS = ("text", "review", "content", "comment", "sentence", "message", "query", "body", "评论",
         "评价", "内容", "文本", "评价内容", "评论内容")  # fmt: skip
LABELS = ("label", "sentiment", "rating", "stars", "star", "score", "class", "category", "intent",
          "标签", "情感", "评分", "星级", "意图")  # fmt: skip
TEST_SHARE = 0.2
FEWEST = 20
REFERENCE = (
    ("hotel", "chinese_reviews/ChnSentiCorp_htl_all.csv"),
    ("waimai", "chinese_reviews/waimai_10k.csv"),
)


@dataclass(frozen=True, slots=True)
class TextTask:
    """Texts to learn from and texts to be judged by.

    Parameters
    ----------
    data
        Name of the data.
    protocol
        How the split was made, in words.
    train, train_labels, test, test_labels
        No text of one side has a near-copy on the other.
    removed
        Rows left out as near-copies.
    """

    data: str
    protocol: str
    train: list[str]
    train_labels: list[str]
    test: list[str]
    test_labels: list[str]
    removed: int


def text_tasks(options: BenchOptions) -> list[TextTask]:
    """What `bench text` is asked to measure.

    Parameters
    ----------
    options
        `inputs`, `text`, `label`, `test`, `seed`, `data_folder`.

    Returns
    -------
    list of TextTask
        The reference data where no file was given.

    Raises
    ------
    ShopkeeperError
        When a file cannot be read, a column is missing, or there is too little to judge by.
    """
    if not options.inputs:
        return [
            _split(name, *_read(options.data_folder / path, "review", "label"), options.seed)
            for name, path in REFERENCE
        ]
    tasks = []
    for path in options.inputs:
        texts, labels = _read(path, options.text, options.label)
        if options.test is None:
            tasks.append(_split(path.stem, texts, labels, options.seed))
        else:
            other = _read(options.test, options.text, options.label)
            tasks.append(_given(path.stem, texts, labels, *other))
    return tasks


def _split(name: str, texts: list[str], labels: list[str], seed: int) -> TextTask:
    """First of each group of near-copies; a fifth of them, at random, is the test."""
    group = twin_groups(texts)
    leaders = np.flatnonzero(group == np.arange(len(group)))
    order = np.random.default_rng(seed).permutation(leaders)
    cut = max(round(len(order) * TEST_SHARE), 1)
    test, train = np.sort(order[:cut]), np.sort(order[cut:])
    removed = len(texts) - len(leaders)
    _enough(len(train), name)
    protocol = f"random {TEST_SHARE:.0%} test, {removed} near-copies left out"
    return TextTask(
        name, protocol, [texts[i] for i in train], [labels[i] for i in train],
        [texts[i] for i in test], [labels[i] for i in test], removed,
    )  # fmt: skip


def _given(
    name: str, texts: list[str], labels: list[str], test: list[str], test_labels: list[str]
) -> TextTask:
    """The test stays whole; near-copies of it leave the training texts."""
    group = twin_groups([*texts, *test])
    seen = np.unique(group[len(texts) :])
    kept = np.flatnonzero(~np.isin(group[: len(texts)], seen))
    removed = len(texts) - len(kept)
    _enough(len(kept), name)
    protocol = f"test file, {removed} near-copies of it left out of training"
    return TextTask(
        name, protocol, [texts[i] for i in kept], [labels[i] for i in kept], test, test_labels,
        removed,
    )  # fmt: skip


def _enough(count: int, name: str) -> None:
    if count < FEWEST:
        raise NotEnoughDataError(
            f"{name} leaves {count} different texts to learn from",
            next_step=f"{FEWEST - count} more labelled texts are needed",
            texts=count,
            needed=FEWEST,
        )


def _read(path: Path, text: str | None, label: str | None) -> tuple[list[str], list[str]]:
    """Texts and labels, both as words; rows without either are left out."""
    table = _table(path)
    texts = _column(table, text, TEXTS, "--text", path)
    labels = _column(table, label, LABELS, "--label", path)
    if texts == labels:
        raise InputError(
            f"{path} gives the column {texts!r} as both text and label",
            next_step="name them with --text and --label",
        )
    said = pc.fill_null(table[texts].cast(pa.string()), "")
    named = pc.fill_null(table[labels].cast(pa.string()), "")
    whole = pc.and_(
        pc.not_equal(pc.utf8_trim_whitespace(said), ""),
        pc.not_equal(pc.utf8_trim_whitespace(named), ""),
    )
    kept = int(pc.sum(whole).as_py() or 0)
    if not kept:
        raise InputError(
            f"every text or every label of {path} is empty",
            next_step="check the columns given with --text and --label",
            rows=table.num_rows,
        )
    return said.filter(whole).to_pylist(), pc.utf8_trim_whitespace(named.filter(whole)).to_pylist()


def _column(
    table: pa.Table, given: str | None, words: tuple[str, ...], option: str, path: Path
) -> str:
    names = [str(x) for x in table.column_names]
    if given is not None:
        if given in names:
            return given
        raise MappingError(
            f"{path} has no column {given!r}; it has {', '.join(names[:30])}",
            next_step=f"name one of them with {option}",
            column=given,
        )
    by_form = {x.strip().lower(): x for x in names}
    found = next((by_form[x] for x in words if x in by_form), None)
    if found is None:
        raise MappingError(
            f"cannot tell which column of {path} is the {option.lstrip('-')}; "
            f"it has {', '.join(names[:30])}",
            next_step=f"name it with {option}",
        )
    return found


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pq.read_table(path)
        raw = path.read_bytes()
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            return pa.Table.from_pylist([json.loads(x) for x in raw.splitlines() if x.strip()])
        plain = _decoded(raw)
        first = plain.split("\n", 1)[0]
        mark = "\t" if first.count("\t") > first.count(",") else ","
        return _parsed(plain, mark)
    except (OSError, ValueError, pa.ArrowInvalid) as error:
        raise SourceError(
            f"{path} cannot be read: {str(error).splitlines()[0] if str(error) else error!r}",
            next_step="give a CSV, TSV, Parquet or JSON-lines file with a header",
            path=str(path),
        ) from error


def _decoded(raw: bytes) -> str:
    """UTF-8 with or without its mark, else the Chinese code page."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030")


def _parsed(plain: str, mark: str) -> pa.Table:
    options = csv.ParseOptions(delimiter=mark, newlines_in_values=True)
    head = csv.read_csv(io.BytesIO(plain.split("\n", 1)[0].encode() + b"\n"), parse_options=options)
    # every column as words: a label 1 must not become 1.0 because another row has none
    kinds = dict.fromkeys(head.column_names, pa.string())
    size = csv.ReadOptions(block_size=max(len(plain) * 4 + 1024, 1 << 20))
    return csv.read_csv(
        io.BytesIO(plain.encode()), parse_options=options, read_options=size,
        convert_options=csv.ConvertOptions(column_types=kinds, strings_can_be_null=False),
    )  # fmt: skip
