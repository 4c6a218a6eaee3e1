"""Online identity gives the answers of the nightly run."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import tables as t
from shopkeeper.core.ports import ProfileUpdate
from shopkeeper.unify import identifiers as ids
from shopkeeper.unify.identifiers import Guards, customer_id_of
from shopkeeper.unify.identify import identify
from shopkeeper.unify.live import LiveIdentity
from shopkeeper.unify.sightings import Identities, Sighting, blocked, own_customer

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def see(runtime: Runtime, live: LiveIdentity, seen: Sequence[Sighting]) -> Identities:
    """Observe one batch and store what it changed, as the worker does."""
    found = live.observe(seen)
    runtime.profiles.apply(
        ProfileUpdate("live", identifiers=found.assigned, links=found.links, known=found.known)
    )
    return found


def user(ref: str | None, device: str | None = None, *contacts: str, at: int = 1) -> Sighting:
    return Sighting(ref, None if device is None else f"anonymous_id:{device}", contacts, at)


def partition(owner: dict[str, str]) -> set[frozenset[str]]:
    groups: dict[str, set[str]] = {}
    for identifier, customer in owner.items():
        groups.setdefault(customer, set()).add(identifier)
    return {frozenset(x) for x in groups.values()}


def test_an_unknown_reference_is_a_customer_of_its_own(runtime: Runtime) -> None:
    live = LiveIdentity(runtime.profiles)
    see(runtime, live, [user("user:1"), user(None, "d1")])
    assert live.customer("user:1", None) == customer_id_of("user:1")
    assert live.customer(None, "anonymous_id:d1") == customer_id_of("anonymous_id:d1")
    fresh = LiveIdentity(runtime.profiles)
    assert see(runtime, fresh, [user("user:1")]).assigned == {}
    assert fresh.customer("user:1", None) == customer_id_of("user:1")


def test_a_device_belongs_to_its_one_user_and_never_merges_two(runtime: Runtime) -> None:
    live = LiveIdentity(runtime.profiles)
    see(runtime, live, [user(None, "d1")])
    found = see(runtime, live, [user("user:1", "d1")])
    one, device = customer_id_of("user:1"), customer_id_of("anonymous_id:d1")
    assert found.merged == {device: one}
    assert live.customer(None, "anonymous_id:d1") == one
    found = see(runtime, live, [user("user:2", "d1")])
    assert live.customer("user:1", None) == one
    assert live.customer("user:2", None) == customer_id_of("user:2")
    assert live.customer(None, "anonymous_id:d1") == device
    assert found.split == {one, device}


def test_a_phone_joins_within_the_limit_and_splits_beyond_it(runtime: Runtime) -> None:
    live = LiveIdentity(runtime.profiles)
    phone = "phone:+8613812345678"
    for i in range(4):
        see(runtime, live, [user(f"crm:a{i}", None, phone, at=i)])
    owners = {live.customer(f"crm:a{i}", None) for i in range(4)}
    assert owners == {customer_id_of("crm:a0")}, "the reference known longest gives the id"
    assert runtime.profiles.resolve([phone]) == {phone: customer_id_of("crm:a0")}
    found = see(runtime, live, [user("crm:a4", None, phone, at=9)])
    assert {live.customer(f"crm:a{i}", None) for i in range(5)} == {
        customer_id_of(f"crm:a{i}") for i in range(5)
    }
    assert runtime.profiles.resolve([phone]) == {}
    assert customer_id_of("crm:a0") in found.split


def test_guards_refuse_a_merge(runtime: Runtime) -> None:
    live = LiveIdentity(runtime.profiles)
    phone = "phone:+8613812345678"
    see(runtime, live, [Sighting("crm:1", None, (phone,), 1, "1990-01-01", None)])
    see(runtime, live, [Sighting("pos:1", None, (phone,), 2, "1958-05-05", None)])
    assert live.customer("crm:1", None) != live.customer("pos:1", None)
    mail = "email:a@b.cn"
    see(runtime, live, [user("card:1", None, mail), user("card:2", None, mail)])
    assert live.customer("card:1", None) != live.customer("card:2", None)


def test_blocked_values_name_nobody(runtime: Runtime) -> None:
    live = LiveIdentity(runtime.profiles)
    found = see(
        runtime, live,
        [user("user:0"), user("user:null", "d1"), user(None, "undefined"),
         user("user:1", None, "phone:13800138000")],
    )  # fmt: skip
    assert set(found.assigned) == {"user:1", "anonymous_id:d1"}, "a device stands for itself"
    assert live.customer("user:0", None) is None
    assert live.customer(None, "anonymous_id:undefined") is None
    assert found.links == []


def test_people_overrule_the_rules(runtime: Runtime) -> None:
    phone = "phone:+8613812345678"
    live = LiveIdentity(
        runtime.profiles,
        joined=frozenset({("user:8", "user:9")}),
        undone=frozenset({("crm:2", phone)}),
    )
    see(runtime, live, [user("crm:1", None, phone), user("crm:2", None, phone)])
    assert live.customer("crm:1", None) != live.customer("crm:2", None)
    see(runtime, live, [user("user:8", "x8", at=1)])
    see(runtime, live, [user("user:9", "x9", at=2)])
    assert live.customer("user:8", None) == live.customer("user:9", None)


def test_references_to_our_own_customers_need_no_resolving(runtime: Runtime) -> None:
    own = customer_id_of("crm:1")
    live = LiveIdentity(runtime.profiles)
    assert see(runtime, live, [user(f"customer_id:{own}"), user(own)]).assigned == {}
    assert live.customer(f"customer_id:{own}", None) == live.customer(own, None) == own
    assert own_customer("crm:1") is None


@pytest.mark.parametrize("value", [*ids.BLOCKED_VALUES, "00-00", "-", "10", "a", " NULL "])
def test_blocked_is_the_rule_of_the_night(runtime: Runtime, value: str, make: Any) -> None:
    table = make(t.CUSTOMERS, [{"customer_ref": f"crm:{value}", "source": "s", "load_id": "l"}])
    runtime.tables.append(t.CUSTOMERS, table)
    customers = runtime.tables.table(t.CUSTOMERS)
    said = runtime.tables.run(customers.select(x=ids.is_blocked(customers.customer_ref)))
    assert blocked(f"crm:{value}") == said["x"][0].as_py()


@pytest.mark.parametrize("seed", range(6))
def test_a_replay_makes_the_partition_of_the_night(
    runtime: Runtime, event: Callable[..., Any], make: Callable[..., Any], seed: int
) -> None:
    rng = random.Random(seed)
    seen, events, people = _shop(rng)
    tables = [event(f"e{i}", **x) for i, x in enumerate(events)]
    runtime.tables.append(t.EVENTS, pa.concat_tables(tables))
    runtime.tables.append(t.CUSTOMERS, make(t.CUSTOMERS, people, source="web", load_id="l1"))
    guards = Guards()
    identify(runtime.tables, guards, as_of=NOW)
    night = runtime.tables.run(runtime.tables.table(t.IDENTITIES)).to_pylist()
    expected = partition(
        {x["identifier"]: x["customer_id"] for x in night if x["identifier_kind"] != "blocked"}
    )

    live = LiveIdentity(runtime.profiles, guards)
    rng.shuffle(seen)
    while seen:
        size = rng.randint(1, 30)
        see(runtime, live, seen[:size])
        seen = seen[size:]
        if rng.random() < 0.1:
            live.forget()
    named = sorted({x for group in expected for x in group})
    found = partition(runtime.profiles.resolve(named))
    assert found == expected
    everything = {x["identifier"] for x in night if x["identifier_kind"] != "blocked"}
    store = runtime.profiles
    online = {i for v in store.identifiers_of([*{customer_id_of(x) for x in everything}]).values()
              for i in v}  # fmt: skip
    assert online <= everything, "nobody answers to what the night calls nobody's"


def _shop(rng: random.Random) -> tuple[list[Sighting], list[dict[str, Any]], list[dict[str, Any]]]:
    """Users, cards, devices and phones, shared more and less than the limits allow.

    One load brings all of them to the night, so none is known longer than another.
    """
    refs = [f"user:{i}" for i in range(60)] + [f"card:{i}" for i in range(20)] + ["user:0"]
    phones = [f"+86138{i:08}" for i in range(1, 30)] + ["13800138000"]
    mails = [f"p{i}@x.cn" for i in range(25)]
    births = {x: dt.date(1980 + rng.randrange(3), 1, 1) for x in refs if rng.random() < 0.3}
    seen: list[Sighting] = []
    events: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for _ in range(240):
        ref = rng.choice(refs) if rng.random() < 0.7 else None
        device = f"d{rng.randrange(50)}" if ref is None or rng.random() < 0.5 else None
        if device is not None and rng.random() < 0.02:
            device = "null"
        events.append({"customer_ref": ref, "anonymous_id": device})
        seen.append(user(ref, device))
    for ref in refs:
        phone = rng.choice(phones) if rng.random() < 0.4 else None
        mail = rng.choice(mails) if rng.random() < 0.3 else None
        if phone is None and mail is None:
            continue
        born = births.get(ref)
        people.append({"customer_ref": ref, "phone": phone, "email": mail, "birth_date": born})
        contacts = [f"phone:{phone}"] * (phone is not None) + [f"email:{mail}"] * (mail is not None)
        born_text = None if born is None else born.isoformat()
        seen.append(Sighting(ref, None, tuple(contacts), 1, born_text))
    return seen, events, people


def test_a_new_reference_is_joined_within_fifty_milliseconds(runtime: Runtime) -> None:
    n = 20_000
    phones = [f"phone:+86139{i:08}" for i in range(n)]
    runtime.profiles.load_links([{"reference": [f"crm:{i}" for i in range(n)], "contact": phones}])
    runtime.profiles.load_identities(
        [{"identifier": [f"crm:{i}" for i in range(n)] + phones,
          "customer_id": [customer_id_of(f"crm:{i}") for i in range(n)] * 2}]
    )  # fmt: skip
    live = LiveIdentity(runtime.profiles)
    took = []
    for i in range(40):
        start = time.perf_counter()
        see(runtime, live, [user(f"user:{i}", None, phones[i * 7])])
        took.append(time.perf_counter() - start)
        assert live.customer(f"user:{i}", None) == live.customer(f"crm:{i * 7}", None)
    assert sorted(took)[len(took) // 2] < 0.05


def test_what_came_since_is_judged_again_after_the_night(runtime: Runtime) -> None:
    live = LiveIdentity(runtime.profiles)
    phone = "phone:+8613812345678"
    see(runtime, live, [user("crm:1", None, phone, at=1)])
    see(runtime, live, [user("user:5", None, phone, at=5)])
    assert live.customer("user:5", None) == customer_id_of("crm:1")
    # The night learns that the phone is shared by many others and knows user:5 not yet.
    others = [f"pos:{i}" for i in range(5)]
    runtime.profiles.load_links([{"reference": others, "contact": [phone] * 5}])
    named = ["crm:1", *others]
    runtime.profiles.load_identities(
        [{"identifier": named, "customer_id": [customer_id_of(x) for x in named]}]
    )
    found = live.settle(runtime.profiles.arrived_since())
    assert found.assigned["user:5"] == customer_id_of("user:5")
    assert found.assigned[phone] is None
