from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.apps.bench.text import run
from shopkeeper.apps.bench.text_data import text_tasks
from shopkeeper.core.errors import InputError, MappingError, NotEnoughDataError, SourceError
from shopkeeper.simulate.texts import made_texts


def _file(folder: Path, name: str, texts: list[str], labels: list[str], **given: str) -> Path:
    quoted = [text.replace('"', '""') for text in texts]
    lines = [f'"{text}",{label}' for text, label in zip(quoted, labels, strict=True)]
    path = folder / name
    path.write_text(
        "\n".join([given.get("header", "review,label"), *lines]) + "\n",
        encoding=given.get("encoding", "utf-8"),
    )
    return path


def test_figures_stand_beside_the_baselines(tmp_path: Path):
    texts, labels = made_texts(200, 1)
    path = _file(tmp_path, "made.csv", texts, labels)
    rows = run(BenchOptions(inputs=(path,)))
    found = {(row.method, row.metric): row.value for row in rows}
    assert found["shopkeeper", "accuracy"] > found["majority", "accuracy"]
    assert found["shopkeeper", "auc"] > 0.9
    assert found["shopkeeper", "texts_per_second"] > 0
    assert {method for method, _ in found} == {
        "shopkeeper", "tf-idf logistic", "lexicon", "majority",
    }  # fmt: skip
    kept = 200 - found["shopkeeper", "near_copies_left_out"]
    assert {row.n for row in rows} == {round(kept * 0.2)}


def test_near_copies_never_stand_on_both_sides(tmp_path: Path):
    random = np.random.default_rng(3)
    texts = ["".join(map(chr, random.integers(0x4E00, 0x9000, 30))) for _ in range(60)]
    labels = ["a", "b"] * 30
    path = _file(tmp_path, "twice.csv", texts + [x + "！！" for x in texts], labels * 2)
    task = text_tasks(BenchOptions(inputs=(path,)))[0]
    assert task.removed == 60
    assert len(task.train) + len(task.test) == 60
    test = _file(tmp_path, "test.csv", texts[:10], labels[:10])
    given = text_tasks(BenchOptions(inputs=(path,), test=test))[0]
    assert (len(given.train), len(given.test), given.removed) == (100, 10, 20)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_labels_stay_words_and_lines_may_break(tmp_path: Path, encoding: str):
    texts = [f'第{x}条，\n很"好"' for x in range(60)]
    path = _file(tmp_path, "a.csv", texts, ["1", "", "0"] * 20, encoding=encoding)
    task = text_tasks(BenchOptions(inputs=(path,), text="review", label="label"))[0]
    assert set(task.train_labels) | set(task.test_labels) == {"0", "1"}
    assert all("\n" in x for x in task.train)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"text": "x"}, MappingError, "has no column 'x'; it has review, label"),
        ({"text": "label", "label": "label"}, InputError, "both text and label"),
    ],
)
def test_columns_that_are_not_there(tmp_path: Path, options, error, words):
    path = _file(tmp_path, "a.csv", *made_texts(30, 1))
    with pytest.raises(error, match=words):
        text_tasks(BenchOptions(inputs=(path,), **options))


def test_what_cannot_be_judged_is_refused(tmp_path: Path):
    texts, labels = made_texts(30, 1)
    with pytest.raises(MappingError, match="cannot tell which column .* is the text"):
        text_tasks(BenchOptions(inputs=(_file(tmp_path, "b.csv", texts, labels, header="a,b"),)))
    with pytest.raises(InputError, match="every text or every label .* is empty"):
        text_tasks(BenchOptions(inputs=(_file(tmp_path, "c.csv", [" "] * 30, labels),)))
    with pytest.raises(NotEnoughDataError, match="18 more labelled texts"):
        text_tasks(BenchOptions(inputs=(_file(tmp_path, "d.csv", texts[:3], labels[:3]),)))
    with pytest.raises(SourceError, match="cannot be read"):
        text_tasks(BenchOptions(inputs=(tmp_path / "absent.csv",)))
