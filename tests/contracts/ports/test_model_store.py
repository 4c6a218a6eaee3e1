"""What every model store keeps: versions by content, aliases, no pickles."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.core.ports import ModelStore

Open = Callable[[], ModelStore]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "trained"
    (folder / "deep").mkdir(parents=True)
    (folder / "model.txt").write_text("树", encoding="utf-8")
    (folder / "deep" / "weights.json").write_text("[1]", encoding="utf-8")
    return folder


def test_a_version_is_its_content(open_models: Open, files: Path, now: datetime) -> None:
    store = open_models()
    one = store.save("churn", "gbm", files, {"auc": 0.9, "名": "流失"}, created_at=now)
    again = store.save("churn", "gbm", files, {"auc": 0.1}, created_at=now + timedelta(days=1))
    assert again == one
    assert (one.task, one.model, one.created_at, dict(one.card)) == (
        "churn",
        "gbm",
        now,
        {"auc": 0.9, "名": "流失"},
    )
    assert (one.folder / "deep" / "weights.json").read_text(encoding="utf-8") == "[1]"
    (files / "model.txt").write_text("森林", encoding="utf-8")
    other = store.save("churn", "gbm", files, {}, created_at=now + timedelta(days=1))
    assert other.version != one.version
    assert [x.version for x in store.versions("churn")] == [other.version, one.version]
    assert (one.folder / "model.txt").read_text(encoding="utf-8") == "树"


def test_renaming_or_moving_content_is_another_version(
    open_models: Open, files: Path, now: datetime
) -> None:
    store = open_models()
    one = store.save("churn", "gbm", files, {}, created_at=now)
    (files / "model.txt").rename(files / "model2.txt")
    assert store.save("churn", "gbm", files, {}, created_at=now).version != one.version


def test_aliases_move(open_models: Open, files: Path, now: datetime) -> None:
    store = open_models()
    one = store.save("churn", "gbm", files, {}, created_at=now)
    (files / "more.json").write_text("{}", encoding="utf-8")
    two = store.save("churn", "gbm", files, {}, created_at=now)
    store.alias("churn", "champion", one.version)
    store.alias("churn", "challenger", two.version)
    assert store.get("churn", "champion").version == one.version
    store.alias("churn", "champion", two.version)
    assert open_models().get("churn", "champion").aliases == ("challenger", "champion")
    assert store.get("churn", one.version).aliases == ()


def test_aliases_move_together_and_can_be_taken_away(
    open_models: Open, files: Path, now: datetime
) -> None:
    store = open_models()
    one = store.save("churn", "line", files, {}, created_at=now)
    two = store.save("churn", "other line", files, {}, created_at=now)
    store.move("churn", {"champion": one.version, "challenger": two.version})
    store.move("churn", {"champion": two.version, "previous": one.version, "challenger": None})
    assert open_models().get("churn", "champion").version == two.version
    assert open_models().get("churn", "previous").version == one.version
    with pytest.raises(NotFoundError, match="there is no model 'challenger'"):
        store.get("churn", "challenger")
    with pytest.raises(NotFoundError, match="nope"):
        store.move("churn", {"champion": "nope", "previous": None})
    assert store.get("churn", "previous").version == one.version


def test_unknown_names_are_not_found(open_models: Open, files: Path, now: datetime) -> None:
    store = open_models()
    store.save("churn", "gbm", files, {}, created_at=now)
    for task, version in (("churn", "champion"), ("value", "x"), ("churn", "../churn")):
        with pytest.raises(NotFoundError, match="there is no model"):
            store.get(task, version)
    with pytest.raises(NotFoundError, match="there is no model 'nope'"):
        store.alias("churn", "champion", "nope")
    assert store.versions("value") == []
    assert len(store.versions()) == 1


def test_names_cannot_leave_the_folder(open_models: Open, files: Path, now: datetime) -> None:
    store = open_models()
    with pytest.raises(InputError, match="cannot be the name of a model's task"):
        store.save("../out", "gbm", files, {}, created_at=now)
    version = store.save("churn", "gbm", files, {}, created_at=now).version
    with pytest.raises(InputError, match="cannot be the name of a model's alias"):
        store.alias("churn", "Best Ever", version)


def test_pickles_are_refused_by_name_and_by_content(
    open_models: Open, files: Path, now: datetime
) -> None:
    store = open_models()
    for name in ("model.pkl", "model.joblib", "model.PICKLE", "innocent.json"):
        file = files / name
        file.write_bytes(pickle.dumps({"a": 1}))
        with pytest.raises(InputError, match=f"{name} is a pickle"):
            store.save("churn", "gbm", files, {}, created_at=now)
        file.unlink()
    assert store.versions() == []


def test_empty_folders_links_and_cards_are_refused(
    open_models: Open, files: Path, now: datetime, tmp_path: Path
) -> None:
    store = open_models()
    with pytest.raises(InputError, match="there are no model files"):
        store.save("churn", "gbm", tmp_path / "nowhere", {}, created_at=now)
    (files / "card.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"card\.json cannot be part of a model"):
        store.save("churn", "gbm", files, {}, created_at=now)
    (files / "card.json").unlink()
    (files / "link.json").symlink_to(files / "model.txt")
    with pytest.raises(InputError, match=r"link\.json cannot be part of a model"):
        store.save("churn", "gbm", files, {}, created_at=now)
