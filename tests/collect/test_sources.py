from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import sqlite3
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.collect.lexicon import is_known
from shopkeeper.collect.sources.arrow import ArrowSource
from shopkeeper.collect.sources.base import RawBatch, Reading, ReadOptions, Source, rechunk
from shopkeeper.collect.sources.delimited import DelimitedSource
from shopkeeper.collect.sources.open import locate, open_source
from shopkeeper.collect.sources.records import RecordReader
from shopkeeper.core.errors import MissingExtraError, SourceError

HEADER = "order_id,customer_id,date,amount\n"


def read(file: Path | str, **options: object) -> tuple[Source, RawBatch, Reading]:
    source = open_source(str(file), ReadOptions(**options), known=is_known)  # type: ignore[arg-type]
    reading = Reading()
    batches = list(rechunk(source.batches(reading), 10**9))
    empty = RawBatch(pa.table({x: pa.array([], pa.string()) for x in source.columns}), None)  # type: ignore[arg-type]
    return source, batches[0] if batches else empty, reading


def refusals(batch: RawBatch) -> dict[int, str]:
    return {x.number: x.reason for x in batch.refused}


def put(folder: Path, text: str | bytes, name: str = "in.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    file = put(tmp_path, '编号,金额,备注\n甲,1,"a\nb"\n乙,2,c\n'.replace(",", delimiter))
    source, batch, _ = read(file)
    assert source.columns == ("编号", "金额", "备注")
    assert batch.rows["备注"].to_pylist() == ["a\nb", "c"]
    assert batch.numbers.tolist() == [1, 2]


def test_runs_of_blanks_separate(tmp_path: Path) -> None:
    source, batch, _ = read(
        put(tmp_path, " customer_id  date  v\n 00001 19970101  1\n 00002 19970112  2 \n")
    )
    assert source.columns == ("customer_id", "date", "v")
    assert batch.rows.to_pylist()[1] == {"customer_id": "00002", "date": "19970112", "v": "2"}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "gbk", "big5"]
)
def test_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    text = "訂單編號,客戶,金額\n" + "".join(f"單{i},張先生,{i}\n" for i in range(50))
    if encoding.startswith("gb"):
        text = "订单编号,客户,金额\n" + "".join(f"单{i},张先生,{i}\n" for i in range(50))
    source, batch, _ = read(put(tmp_path, text.encode(encoding)))
    assert source.columns[2] == text.split("\n")[0].split(",")[2]
    assert batch.rows.num_rows == 50
    assert not batch.refused


def test_lines_in_another_encoding_are_refused_and_the_rest_loads(tmp_path: Path) -> None:
    lines = [f"单{i},张先生,{i}\n" for i in range(10)]
    mixed = "订单,客户,金额\n".encode() + b"".join(
        x.encode("gb18030" if i == 4 else "utf-8") for i, x in enumerate(lines)
    )
    _, batch, _ = read(put(tmp_path, mixed))
    assert refusals(batch) == {5: "undecodable"}
    assert batch.numbers.tolist() == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    other = "订单,客户,金额\n".encode("gb18030") + b"".join(
        x.encode("utf-8" if i == 4 else "gb18030") for i, x in enumerate(lines)
    )
    _, batch, _ = read(put(tmp_path, other))
    assert refusals(batch) == {5: "undecodable"}
    assert batch.rows.num_rows == 9


def test_unknown_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no encoding 'klingon'"):
        read(put(tmp_path, "a,b\n1,2\n"), encoding="klingon")


def test_impossible_delimiter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot separate columns"):
        read(put(tmp_path, "a,b\n1,2\n"), delimiter="ab")


def test_ragged_rows_are_refused_one_by_one(tmp_path: Path) -> None:
    file = put(tmp_path, "a,b,c\n1,2,3\n1,2\n\n1;2;3\n4,5,6,7\n8,9,10\n")
    _, batch, _ = read(file)
    assert refusals(batch) == {2: "wrong_columns", 3: "wrong_columns", 4: "wrong_columns"}
    assert batch.numbers.tolist() == [1, 5]
    assert batch.refused[0].detail == "2/3"


def test_an_open_quote_takes_only_its_own_line(tmp_path: Path) -> None:
    rows = "".join(f"{i},x,{i}\n" for i in range(20, 3000))
    file = put(tmp_path, f'a,b,c\n1,"open,3\n2,"in ""quotes""",4\n5,6" wide,7\n{rows}')
    _, batch, _ = read(file)
    assert refusals(batch) == {1: "unbalanced_quote"}
    assert batch.rows.num_rows == 2982
    assert batch.rows["b"].to_pylist()[0] == 'in "quotes"'


def test_a_long_line_is_refused_without_being_read(tmp_path: Path) -> None:
    file = put(
        tmp_path, "a,b\n1,2\n3," + "x" * 9_000_000 + "\n5,6\n" + "7," + "y" * 1_500_000 + "\n8,9\n"
    )
    _, batch, _ = read(file)
    assert refusals(batch) == {2: "line_too_long", 4: "line_too_long"}
    assert batch.numbers.tolist() == [1, 3, 5]
    assert batch.refused[0].detail == "9,000,002 bytes"
    assert len(batch.refused[0].raw) <= 200


class Endless:
    """Two gigabytes of one line between two short ones, made while they are read."""

    def __init__(self) -> None:
        self._parts = iter([b"1,2\n3,", *[b"x" * (1 << 22)] * 512, b"\n5,6\n"])

    def read(self, size: int) -> bytes:
        return next(self._parts, b"")


def test_a_line_of_two_gigabytes_needs_no_memory() -> None:
    tracemalloc.start()
    reader = RecordReader(Endless(), delimiter=",", columns=2, max_line_bytes=1 << 20)
    stretches = list(reader.stretches())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stretches[-1].asides[0].size == 2 + (2 << 30)
    assert stretches[-1].asides[0].reason == "line_too_long"
    assert stretches[0].data == b"1,2\n"
    assert stretches[-1].data.endswith(b"\n5,6\n")
    assert peak < 32 << 20


@pytest.mark.slow
def test_a_file_with_a_line_of_two_gigabytes(tmp_path: Path) -> None:
    file = tmp_path / "huge.csv"
    with file.open("wb") as out:
        out.write(b"a,b\n1,2\n")
        out.seek(2 << 30, 1)  # a hole: it takes no room on the disk and reads as zeros
        out.write(b"\n3,4\n")
    _, batch, _ = read(file)
    assert batch.rows.to_pylist() == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert refusals(batch) == {2: "line_too_long"}


def test_a_growing_file_is_read_to_its_size_at_the_start(tmp_path: Path) -> None:
    file = put(tmp_path, HEADER + "1,c,2024-01-01,5\n2,c,2024-01-01,6\n3,c,2024-0")
    source = open_source(str(file), known=is_known)
    before = source.digest()
    with file.open("a") as out:
        out.write("1-01,7\n4,c,2024-01-01,8\n")
    reading = Reading()
    rows = [x for b in source.batches(reading) for x in b.rows["order_id"].to_pylist()]
    assert rows == ["1", "2"]
    assert "still being written" in reading.notes[0][1]
    assert source.digest() == before
    _, batch, _ = read(file)
    assert batch.rows["order_id"].to_pylist() == ["1", "2", "3", "4"]


def test_a_file_without_last_line_feed_is_whole(tmp_path: Path) -> None:
    _, batch, reading = read(put(tmp_path, HEADER + "1,c,2024-01-01,5"))
    assert batch.rows.num_rows == 1
    assert not reading.notes


def test_a_file_that_shrinks_is_refused(tmp_path: Path) -> None:
    file = put(tmp_path, HEADER + "1,c,2024-01-01,5\n" * 10)
    source = open_source(str(file), known=is_known)
    put(tmp_path, HEADER)
    with pytest.raises(SourceError, match="became shorter"):
        list(source.batches(Reading()))


@pytest.mark.parametrize("content", ["", "\n\n  \n"])
def test_an_empty_file_says_so(tmp_path: Path, content: str) -> None:
    with pytest.raises(SourceError, match="is empty"):
        read(put(tmp_path, content))


@pytest.mark.parametrize("name", ["in.jsonl", "in.json"])
def test_empty_json_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="is empty"):
        read(put(tmp_path, "", name))


def test_a_header_alone_gives_no_rows(tmp_path: Path) -> None:
    source, batch, _ = read(put(tmp_path, HEADER))
    assert source.columns == ("order_id", "customer_id", "date", "amount")
    assert batch.rows.num_rows == 0


def test_no_header_is_noticed(tmp_path: Path) -> None:
    source, batch, _ = read(
        put(tmp_path, "00004 0001 19970101  2   29.33\n00005 0001 19970118  2   29.73\n")
    )
    assert not source.has_header
    assert source.columns == ("column_1", "column_2", "column_3", "column_4", "column_5")
    assert batch.rows.num_rows == 2


def test_title_lines_and_doubled_headers(tmp_path: Path) -> None:
    source, batch, _ = read(put(tmp_path, "shop report\n\nid,id,\n1,2,3\n"), skip_lines=1)
    assert source.columns == ("id", "id_2", "column_3")
    assert batch.rows.num_rows == 1


def test_old_line_breaks(tmp_path: Path) -> None:
    _, batch, _ = read(put(tmp_path, b"a,b\r1,2\r3,4\r"))
    assert batch.rows["b"].to_pylist() == ["2", "4"]


def test_packed_files(tmp_path: Path) -> None:
    file = put(tmp_path, gzip.compress((HEADER + "1,c,2024-01-01,5\n" * 3).encode()), "in.csv.gz")
    assert read(file)[1].rows.num_rows == 3
    put(tmp_path, file.read_bytes()[:-12], "in.csv.gz")
    with pytest.raises(SourceError, match="not a whole gzip file"):
        read(file)


def test_baskets_one_a_line(tmp_path: Path) -> None:
    _, batch, _ = read(put(tmp_path, "milk,bread\nmilk\n"), layout="baskets")
    assert batch.rows.to_pylist() == [
        {"basket": "1", "item": "milk"},
        {"basket": "1", "item": "bread"},
        {"basket": "2", "item": "milk"},
    ]


def test_json_lines(tmp_path: Path) -> None:
    lines = [
        json.dumps(
            {"event": "Product Viewed", "properties": {"sku": "A1", "price": 12.5}, "n": 10**17}
        ),
        '{"event": "broken',
        "[1, 2]",
        json.dumps({"event": "搜索", "tags": ["a"], "ok": True, "none": None}, ensure_ascii=False),
    ]
    source, batch, _ = read(put(tmp_path, "\n".join(lines), "in.jsonl"))
    assert refusals(batch) == {2: "broken_json", 3: "broken_json"}
    assert batch.rows.to_pylist()[0]["properties.price"] == "12.5"
    assert batch.rows.to_pylist()[0]["n"] == "100000000000000000"
    assert batch.rows.to_pylist()[1]["tags"] == '["a"]'
    assert source.columns[:2] == ("event", "properties.sku")


def test_a_json_array(tmp_path: Path) -> None:
    assert read(put(tmp_path, '[{"a": 1}, {"a": 2}]', "in.json"))[1].rows["a"].to_pylist() == [
        "1",
        "2",
    ]
    with pytest.raises(SourceError, match="not a JSON array"):
        read(put(tmp_path, '[{"a": 1}, {"a"', "in.json"))
    with pytest.raises(SourceError, match="read whole"):
        read(put(tmp_path, gzip.compress(b'[{"a": 1}]'), "in.json.gz"))


def test_sheets(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    first = book.active
    first.title = "说明"
    first.append(["只是说明"])
    orders = book.create_sheet("订单")
    orders.append(["导出时间：2024-02-01"])
    orders.append([])
    orders.append(["订单号", "会员号", "日期", "金额"])
    orders.append([1001, 13800138000, "2024-01-31", 12.5])
    orders.append([None, None, None, None])
    orders.append([1002.0, 13800138001, "2024-02-01", 3])
    file = tmp_path / "book.xlsx"
    book.save(file)
    source, batch, _ = read(file)
    assert source.columns == ("订单号", "会员号", "日期", "金额")
    assert batch.rows.to_pylist()[1] == {
        "订单号": "1002",
        "会员号": "13800138001",
        "日期": "2024-02-01",
        "金额": "3",
    }
    assert batch.numbers.tolist() == [1, 2]
    assert "说明" in source.notes[0][0]
    assert read(f"{file}#说明")[0].columns == ("只是说明",)
    with pytest.raises(SourceError, match="no sheet 'x'"):
        read(f"{file}#x")


def test_what_is_no_workbook(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a workbook"):
        read(put(tmp_path, "text", "in.xlsx"))
    book = openpyxl.Workbook()
    book.save(tmp_path / "empty.xlsx")
    with pytest.raises(SourceError, match="is empty"):
        read(tmp_path / "empty.xlsx")


def test_parquet_and_arrow_agree(tmp_path: Path) -> None:
    rows = pa.table(
        {
            "id": pa.array(["a", "b"]).dictionary_encode(),
            "at": pa.array([{"x": 1}, {"x": 2}]),
            "tags": pa.array([["k"], None]),
        }
    )
    pq.write_table(rows, tmp_path / "in.parquet")
    source, batch, _ = read(tmp_path / "in.parquet")
    memory = ArrowSource(rows, "memory")
    assert source.columns == memory.columns == ("id", "at.x", "tags")
    assert batch.rows.to_pylist() == next(iter(memory.batches(Reading()))).rows.to_pylist()
    assert batch.rows["tags"].to_pylist() == ['["k"]', None]
    split = pa.concat_tables([rows.slice(0, 1), rows.slice(1)])
    assert ArrowSource(split, "other").digest() == memory.digest()
    with pytest.raises(SourceError, match="not a whole Parquet file"):
        read(put(tmp_path, "text", "bad.parquet"))


def test_databases(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("create table orders (订单号 text, amount real, note blob)")
        connection.executemany(
            "insert into orders values (?, ?, ?)", [("A1", 1.5, b"x"), ("A2", None, None)]
        )
    url = f"sqlite:///{tmp_path}/shop.db"
    source, batch, _ = read(f"{url}#orders")
    assert source.columns == ("订单号", "amount", "note")
    assert batch.rows.to_pylist()[0] == {"订单号": "A1", "amount": "1.5", "note": "x"}
    assert source.digest() == read(f"{url}#orders")[0].digest()
    assert read(f"{url}#select 订单号 from orders where amount > 1")[1].rows.num_rows == 1
    with pytest.raises(SourceError, match="there is no table 'nothing'"):
        read(f"{url}#nothing")
    with pytest.raises(SourceError, match="no table is named"):
        read(url)
    with pytest.raises(SourceError, match="cannot be read: no such column"):
        read(f"{url}#select x from orders")
    with pytest.raises(SourceError, match="address cannot be read"):
        read("sqlite://\x00:x:y@:z#t")
    with pytest.raises(SourceError, match="no database dialect"):
        read("klingon://x#t")
    with pytest.raises(MissingExtraError, match="is not installed"):
        read("mysql+pymysql://u:secret@h/db#t")


def test_a_folder_is_its_files_by_name(tmp_path: Path) -> None:
    for name in (
        "2024-01-02.csv",
        "2024-01-01.csv.gz",
        ".hidden.csv",
        "a.mapping.yaml",
        "readme.md",
    ):
        put(tmp_path, HEADER, name)
    assert [Path(x).name for x in locate(str(tmp_path))] == ["2024-01-01.csv.gz", "2024-01-02.csv"]
    assert locate("sqlite:///x.db#t") == ("sqlite:///x.db#t",)
    with pytest.raises(SourceError, match="no file or folder"):
        locate(str(tmp_path / "absent"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no file"):
        locate(str(tmp_path / "empty"))


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        DelimitedSource(tmp_path / "gone.csv", ReadOptions())


@given(
    st.lists(
        st.lists(st.text(st.sampled_from('a1,"\n ;é中'), max_size=6), min_size=3, max_size=3),
        min_size=1,
        max_size=30,
    ),
    st.integers(16, 200),
)
def test_any_quoted_text_survives_any_block_size(rows: list[list[str]], block: int) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows(rows)
    reader = RecordReader(
        io.BytesIO(out.getvalue().encode()), delimiter=",", columns=3, max_line_bytes=1 << 20,
        block_bytes=block,
    )  # fmt: skip
    stretches = list(reader.stretches())
    assert reader.tail == b""
    assert not any(x.asides for x in stretches)
    found = [r for x in stretches for r in csv.reader(io.StringIO(x.data.decode(), newline=""))]
    assert found == rows


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.text(max_size=4)), st.one_of(st.none(), st.integers(0, 9))
        ),
        max_size=12,
    ),
    st.integers(0, 12),
)
def test_a_frames_digest_depends_on_its_values_alone(
    values: list[tuple[Any, Any]], cut: int
) -> None:
    schema = pa.schema(
        [
            ("a", pa.string()),
            ("b", pa.int64()),
            ("c", pa.bool_()),
            ("d", pa.date32()),
            ("e", pa.decimal128(5, 2)),
        ]
    )

    def table(rows: list[tuple[Any, Any]]) -> pa.Table:
        day = dt.date(2024, 1, 1)
        return pa.table(
            [
                pa.array([a for a, _ in rows], pa.string()),
                pa.array([b for _, b in rows], pa.int64()),
                pa.array([None if b is None else b > 4 for _, b in rows], pa.bool_()),
                pa.array([None if b is None else day + dt.timedelta(b) for _, b in rows], pa.date32()),
                pa.array([None if b is None else Decimal(b) for _, b in rows], pa.decimal128(5, 2)),
            ],
            schema=schema,
        )  # fmt: skip

    whole = ArrowSource(table(values), "x").digest()
    parts = pa.concat_tables([table(values[:cut]), table(values[cut:])])
    assert ArrowSource(parts, "x").digest() == whole
    inside = table([("q", 1), *values, ("z", None)]).slice(1, len(values))
    assert ArrowSource(inside, "x").digest() == whole
    changed = [*values, ("more", 1)]
    assert ArrowSource(table(changed), "x").digest() != whole
