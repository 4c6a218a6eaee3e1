"""Every rule does what its examples say; cleaning is idempotent, complete and reversible."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.core import columns as c
from shopkeeper.core.errors import ContractError, NotFoundError
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import ALL, CONSENTS, CORRECTIONS, CUSTOMERS, ORDER_LINES, ORDERS
from shopkeeper.govern.rules import COLUMN_KINDS, RULES, Context, clean, restore, rule

TODAY = dt.date(2026, 11, 21)
CONTEXT = Context("CN", TODAY)


def cleaned(rows, contract, **kwargs):
    return clean(rows, contract, settings=Settings(), today=TODAY, **kwargs)


@pytest.mark.parametrize("one", RULES, ids=lambda x: x.key)
def test_examples(one):
    assert len(one.examples) >= 2
    assert any(x.before != x.after for x in one.examples)
    for example in one.examples:
        assert one.try_value(example.before, example.given, CONTEXT) == example.after


@pytest.mark.parametrize("one", RULES, ids=lambda x: x.key)
def test_examples_of_other_columns_hold_alike(one):
    for example in one.examples:
        if example.after is not None and not one.needs:
            assert one.try_value(example.after, {}, CONTEXT) == example.after


def test_catalogue():
    assert len(RULES) >= 40
    assert len({x.key for x in RULES}) == len(RULES)
    for one in RULES:
        assert one.kind in COLUMN_KINDS
        assert all((one.zh, one.en, one.about_zh, one.about_en))
        assert any(one.covers(t, x) for t in ALL.values() for x in t.columns)


def test_unknown_rule():
    with pytest.raises(NotFoundError, match="no cleaning rule 'iron'"):
        rule("iron")


def test_a_messy_customer_list():
    rows = pa.table(
        {
            "customer_ref": ["CRM: 1", "crm:2", "crm:3.0", "crm:4"],
            "source": ["crm"] * 4,
            "load_id": ["l1"] * 4,
            "person_name": [" 张　三 ", "JOHN SMITH", "李女士", "测试"],
            "gender": ["男", "m", None, "?"],
            "birth_date": ["1990年1月2日", "1900-01-01", "20010305", "2999-01-01"],
            "phone": ["１３９ 1234 5678", "0086-139-1234-5679", "12345", "13800138000"],
            "email": [" Ann＠QQ.con ", "x", None, "test@test.com"],
            "city": ["广东省深圳市", "Shanghai", "N/A", "Columbus"],
        }
    )
    result, corrections = cleaned(rows, CUSTOMERS)
    assert result["customer_ref"].to_pylist() == ["crm:1", "crm:2", "crm:3", "crm:4"]
    assert result["person_name"].to_pylist() == ["张三", "John Smith", "李女士", None]
    assert result["gender"].to_pylist() == [1, 1, 2, None]
    assert result["gender"].type == pa.int8()
    day = dt.date(1990, 1, 2)
    assert result["birth_date"].to_pylist() == [day, None, dt.date(2001, 3, 5), None]
    assert result["phone"].to_pylist() == ["+8613912345678", "+8613912345679", None, None]
    assert result["email"].to_pylist() == ["ann@qq.com", None, None, None]
    assert result["city"].to_pylist() == ["深圳", "上海", None, "Columbus"]
    assert set(corrections["load_id"].to_pylist()) == {"l1"}
    assert corrections.schema == CORRECTIONS.arrow_schema
    phone = corrections.filter(
        pc.and_(
            pc.equal(corrections["row_key"], "crm:3|crm"),
            pc.equal(corrections["column_name"], "phone"),
        )
    )
    assert phone.to_pylist()[0]["before"] == "12345"
    assert phone.to_pylist()[0]["after"] is None
    assert restore(result, corrections, CUSTOMERS).equals(rows)


def test_required_columns_are_never_emptied():
    rows = pa.table(
        {
            "customer_ref": ["crm:1"], "purpose": ["营销"], "channel": ["N/A"], "status": ["退订"],
            "status_at": pa.array([0], pa.timestamp("us", "UTC")),
        }
    )  # fmt: skip
    result, _ = cleaned(rows, CONSENTS)
    assert result.select(["purpose", "channel", "status"]).to_pylist() == [
        {"purpose": "marketing", "channel": "N/A", "status": "REVOKED"}
    ]


def test_signs_follow_the_kind_after_it_was_cleaned():
    rows = pa.table(
        {
            "order_id": ["1", "2"], "kind": ["退货", "销售"],
            "amount_minor": pa.array([500, 500], pa.int64()), "quantity": [1.0, 1.0],
            "discount_minor": pa.array([-3, -3], pa.int64()),
        }
    )  # fmt: skip
    result, corrections = cleaned(rows, ORDERS, load_id="l9")
    assert result["amount_minor"].to_pylist() == [-500, 500]
    assert result["quantity"].to_pylist() == [-1.0, 1.0]
    assert result["discount_minor"].to_pylist() == [-3, 3]
    assert set(corrections["load_id"].to_pylist()) == {"l9"}
    assert restore(result, corrections, ORDERS).equals(rows)


def test_nothing_to_clean_means_no_corrections():
    rows = pa.table({"line_id": ["a", "b"], "product_id": ["1", "2"], "kind": ["sale", "sale"]})
    result, corrections = cleaned(rows, ORDER_LINES)
    assert result.equals(rows)
    assert corrections.num_rows == 0


def test_a_later_pass_is_booked_to_the_last_rule():
    rows = pa.table({"customer_ref": ["crm:1"], "source": ["s"], "city": ['"  N/A "']})
    result, corrections = cleaned(rows, CUSTOMERS)
    assert result["city"].to_pylist() == [None]
    steps = {x["rule"]: (x["before"], x["after"]) for x in corrections.to_pylist()}
    assert steps["text_collapse_spaces"] == ('"  N/A "', '" N/A "')
    assert steps["text_placeholder"] == (" N/A ", None)
    assert restore(result, corrections, CUSTOMERS).equals(rows)


def test_rows_of_one_key_are_recorded_once():
    rows = pa.table(
        {"customer_ref": ["crm:1"] * 2, "source": ["s"] * 2, "city": ["上海市", "北京市"]}
    )
    result, corrections = cleaned(rows, CUSTOMERS)
    assert result["city"].to_pylist() == ["上海", "北京"]
    assert corrections["before"].to_pylist() == ["上海市"]


def test_missing_key():
    with pytest.raises(ContractError, match="lack the key column customer_ref"):
        cleaned(pa.table({"source": ["s"], "city": ["上海市"]}), CUSTOMERS)


words = st.one_of(
    st.none(),
    st.text(
        alphabet=" \t\u3000'\"“”０１９ＡaZ-.&;:@＠。()+86139市省上海广东N/A无>＞|·・年月日®",
        max_size=14,
    ),
    st.sampled_from([x.before for r in RULES for x in r.examples if x.before is not None]),
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                str(x): words
                for x in CUSTOMERS.columns
                if x.kind in {"string", "date"} or x == "gender"
            }
        ),
        min_size=1,
        max_size=6,
    )
)
def test_cleaning_twice_is_cleaning_once_and_can_be_undone(rows):
    names = [str(x) for x in CUSTOMERS.columns if x.kind in {"string", "date"} or x == "gender"]
    table = pa.table({n: pa.array([r[n] for r in rows], pa.string()) for n in names})
    keys = pa.array([f"crm:{i}" for i in range(len(rows))])
    table = table.set_column(names.index("customer_ref"), "customer_ref", keys)
    table = table.set_column(names.index("source"), "source", pa.array(["s"] * len(rows)))
    table = table.set_column(names.index("load_id"), "load_id", pa.array(["l"] * len(rows)))
    once, corrections = cleaned(table, CUSTOMERS)
    twice, none = cleaned(once, CUSTOMERS)
    assert twice.equals(once)
    assert none.num_rows == 0
    back = restore(once, corrections, CUSTOMERS)
    for name in names:
        assert back[name].cast(pa.string()).to_pylist() == table[name].to_pylist()
    key = ["load_id", "table_name", "row_key", "column_name", "rule"]
    assert (
        len(set(zip(*(corrections[k].to_pylist() for k in key), strict=True)))
        == corrections.num_rows
    )


def test_working_columns_exist():
    assert c.GENDER in CUSTOMERS.columns


def test_what_was_emptied_while_reading_comes_back_first():
    rows = pa.table({"customer_ref": ["crm:1"], "source": ["s"], "city": ["上海市"]})
    result, corrections = cleaned(rows, CUSTOMERS)
    earlier = {
        **corrections.to_pylist()[0],
        "rule": "unreadable",
        "before": "?!",
        "after": "上海市",
    }
    both = pa.concat_tables([corrections, pa.Table.from_pylist([earlier], corrections.schema)])
    assert restore(result, both, CUSTOMERS)["city"].to_pylist() == ["?!"]
