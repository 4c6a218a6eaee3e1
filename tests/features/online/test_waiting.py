from __future__ import annotations

from shopkeeper.features.online.waiting import Waiting


def test_the_longest_waiting_first_and_everybody_once():
    queue = Waiting()
    queue.add({"a": 1, "b": 1}, at_us=10)
    queue.add({"c": 2, "a": 2}, at_us=20)
    assert len(queue) == 3
    assert queue.take(2) == {"a": (10, 2), "b": (10, 1)}
    assert queue.take(2) == {"c": (20, 2)}
    assert queue.take(2) == {}


def test_a_failed_round_waits_at_the_head_with_what_came_meanwhile():
    queue = Waiting()
    queue.add({"a": 1}, at_us=10)
    taken = queue.take(5)
    queue.add({"b": 2, "a": 3}, at_us=30)
    queue.put_back(taken)
    assert queue.take(5) == {"a": (10, 3), "b": (30, 2)}


def test_freshness_tells_delays_and_the_oldest():
    queue = Waiting(remembered=4)
    for i in range(6):
        queue.add({str(i): i}, at_us=0)
    taken = queue.take(5)
    queue.told({k: (i * 1_000_000, 0) for i, k in enumerate(taken)}, at_us=5_000_000)
    now = queue.freshness(3_000_000)
    assert (now.waiting, now.oldest_s, now.done) == (1, 3.0, 5)
    assert now.worst_s == 4.0  # of the last four: 1, 2, 3 and 4 seconds


def test_a_full_queue_leaves_out_and_says_so():
    queue = Waiting(most=1)
    queue.add({"a": 1, "b": 1}, at_us=0)
    assert list(queue.take(5)) == ["a"]
    assert queue.freshness(0).left_out == 1
