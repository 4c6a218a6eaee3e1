from __future__ import annotations

import numpy as np
import pytest

from shopkeeper.core.errors import InputError
from shopkeeper.predict.text.grams import GramPlan, count_texts, find_grams, in_reach
from shopkeeper.predict.text.intents import INTENTS, TopicRules
from shopkeeper.predict.text.phrases import Phrases
from shopkeeper.predict.text.ratings import labels_of, ratings_of
from shopkeeper.predict.text.reader import TextReader
from shopkeeper.predict.text.rules import read_sentiment, require_readable
from shopkeeper.predict.text.twins import twin_groups
from shopkeeper.predict.text.units import read_units


def _shown(text: str) -> list[str]:
    units = read_units([text])
    return [units.shown(at) for at in range(len(units))]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("房间ＯＫ，不错", ["房", "间", "ok", ",", "不", "错"]),
        ("I don't LIKE it!!!!", ["i", "don't", "like", "it", "!", "!"]),
        ("哈哈哈哈哈", ["哈", "哈"]),
        ("好👍🏻 3.5星", ["好", "👍", "🏻", "3", ".", "5", "星"]),
        ("體驗很好", ["體", "驗", "很", "好"]),
        ("a\ue000b\x00 c", ["a", "b", "c"]),
        ("", []),
    ],
)
def test_units_of_a_text(text: str, units: list[str]):
    assert _shown(text) == units


def test_texts_do_not_flow_into_each_other():
    together = count_texts(["很好", "吃的", "", "good food"], GramPlan())
    alone = [count_texts([x], GramPlan()) for x in ("很好", "吃的", "", "good food")]
    for at, one in enumerate(alone):
        assert (together[at] != one[0]).nnz == 0


def test_grams_are_all_runs_up_to_the_longest():
    units = read_units(["一二三四", "五"])
    grams = find_grams(units, GramPlan(units=3, letters=(0, 0), negated=False))
    assert sorted(zip(grams.text, grams.length, strict=True)) == sorted(
        [(0, 1)] * 4 + [(0, 2)] * 3 + [(0, 3)] * 2 + [(1, 1)]
    )


def test_counts_are_those_of_a_dictionary():
    text = "好不好不好"
    found = count_texts([text], GramPlan(units=2, letters=(0, 0), negated=False))
    runs = [text[i : i + n] for n in (1, 2) for i in range(len(text) - n + 1)]
    expected = sorted(runs.count(x) for x in set(runs))
    assert sorted(found.data.tolist()) == expected


def test_a_negation_reaches_to_the_end_of_its_clause():
    units = read_units(["不是很好，真好", "not good. good"])
    turned = [units.shown(int(i)) for i in np.flatnonzero(in_reach(units))]
    assert turned == ["是", "很", "好", "good"]


def test_the_longest_phrase_wins():
    units = read_units(["不错不错错", "aab ab"])
    found = Phrases({"不错": 1.0, "错": -1.0, "ab": 2.0}).find(units)
    assert found.value.tolist() == [1.0, 1.0, -1.0, 2.0]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("房间很好", "房间不好"),
        ("味道不错", "味道不太好"),
        ("非常满意", "满意"),
        ("满意", "一点也不满意"),
        ("送得慢，但是很好吃", "很好吃，但是送得慢"),
        ("The room was very good", "The room was not good"),
        ("I don't hate it", "I hate it"),
        ("好吃👍", "好吃👎"),
    ],
)
def test_rules_order_texts_as_a_reader_does(better: str, worse: str):
    high, low = read_sentiment([better, worse])
    assert high > low


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("我要退货，怎么退款", "return"), ("快递到哪了", "delivery"), ("有优惠券吗", "price"),
        ("这件还有货吗", "stock"), ("身高170穿多大", "size"), ("可以开发票吗", "invoice"),
        ("转人工", "human"), ("我要投诉你们", "complaint"), ("Where is my order?", "delivery"),
        ("I want my money back", "return"), ("what size should I take", "size"),
        ("今天天气", None),
    ],
)  # fmt: skip
def test_intents_by_rules(text: str, intent: str | None):
    assert TopicRules(INTENTS).find(read_units([text])).best() == [intent]


def test_aspects_have_their_own_sentiment():
    found = TextReader().read(["服务很热情，但是快递太慢了"])
    told = dict(zip(found.aspects, found.aspect_log_odds, strict=True))
    assert told["service"] > 0 > told["delivery"]


def test_the_words_of_an_explanation_add_up():
    found = TextReader().explain("服务很热情，但是快递太慢了，not good")
    total = found.base + found.rest + sum(weight for _, weight in found.words)
    assert total == pytest.approx(found.log_odds)
    signs = {word: weight > 0 for word, weight in found.words}
    assert any("热情" in word and up for word, up in signs.items())
    assert any("慢" in word and not up for word, up in signs.items())


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "text is empty"), ("  ", "text is empty"), ("очень хорошо", "script that is not read"),
     ("とてもありがとう", "script that is not read")],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(text: str, words: str):
    with pytest.raises(InputError, match=words):
        require_readable(read_units([text]))


def test_twins_are_equal_or_nearly_so():
    long = "这家酒店的位置非常好，出门就是地铁站，房间也很干净，早餐种类丰富，下次还会再来住的"
    texts = [
        long,
        long + "！！",
        long.replace("再来", "来"),
        "这家酒店太差了",
        "",
        "ok",
        "OK!",
        long[:9],
    ]
    assert twin_groups(texts).tolist() == [0, 0, 0, 3, 4, 5, 5, 7]


def test_ratings_become_labels_by_their_scale():
    import pyarrow as pa

    ratings = ratings_of(
        pa.array(['{"rating":"5"}', '{"评分": 2.0}', '{"x":1}', None, '{"stars":3}'])
    )
    assert labels_of(ratings).tolist() == ["positive", "negative", "", "", ""]
    assert labels_of(np.array([9.0, 4.0, 6.0])).tolist() == ["positive", "negative", ""]
    assert labels_of(np.array([1.0, 0.0])).tolist() == ["positive", "negative"]
    assert labels_of(np.array([np.nan])).tolist() == [""]
