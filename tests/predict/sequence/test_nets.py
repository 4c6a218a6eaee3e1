from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from shopkeeper.core.errors import InputError, NotEnoughDataError, PlanError, SourceError
from shopkeeper.predict.recommend.base import load_recommender
from shopkeeper.predict.recommend.interactions import Interactions
from shopkeeper.predict.sequence.model import GruNet, SequenceNet, TransformerNet
from shopkeeper.predict.sequence.recommender import SequenceRecommender
from shopkeeper.predict.sequence.served import ServedEncoder
from shopkeeper.predict.sequence.settings import NetSettings
from shopkeeper.predict.sequence.windows import Sequences, last_windows

torch = pytest.importorskip("torch")

VOCABULARY = 30
SMALL = {
    "dim": 8, "layers": 1, "window": 6, "dropout": 0.0, "epochs": 14, "batch": 128,
    "learning_rate": 0.02, "held_out": 30, "patience": 14,
}  # fmt: skip


def _circle(seed: int, sequences: int = 200) -> Sequences:
    """Item k is followed by k + 1 (mod 30), whatever came before."""
    random = np.random.default_rng(seed)
    starts = random.integers(0, VOCABULARY, sequences)
    lengths = random.integers(2, 9, sequences)
    return Sequences.of(
        [((s + np.arange(n)) % VOCABULARY).tolist() for s, n in zip(starts, lengths, strict=True)]
    )


def _net(kind: str, **more) -> SequenceNet:
    settings = NetSettings(kind=kind, **{**SMALL, **more})
    return {"transformer": TransformerNet, "gru": GruNet}[kind](settings)


@pytest.fixture(scope="module", params=["transformer", "gru"])
def fitted(request) -> SequenceNet:
    return _net(request.param).fit(_circle(1), seed=3)


def test_it_learns_what_follows(fitted):
    prefixes = Sequences.of([[k, (k + 1) % VOCABULARY] for k in range(VOCABULARY)])
    said = fitted.scores(prefixes).argmax(axis=1)
    assert (said == (np.arange(VOCABULARY) + 2) % VOCABULARY).mean() >= 0.9
    assert fitted.facts["stopped_by"] in {"epochs", "no gain"}
    assert len(fitted.facts["held_out_ndcg@10"]) == fitted.facts["rounds"]


def test_a_long_prefix_counts_by_its_latest_items(fitted):
    window = list(range(4, 10))
    long, short = Sequences.of([[0, 1, *window]]), Sequences.of([window])
    np.testing.assert_array_equal(fitted.scores(long), fitted.scores(short))


def test_answers_do_not_depend_on_company_in_the_batch(fitted):
    alone = np.vstack([fitted.scores(Sequences.of([p])) for p in ([3], [4, 5, 6], [])])
    np.testing.assert_allclose(fitted.scores(Sequences.of([[3], [4, 5, 6], []])), alone, atol=1e-5)


def test_nothing_known_scores_nothing(fitted):
    said = fitted.scores(Sequences.of([[], [-1, -1], [999]]))
    assert said.shape == (3, VOCABULARY)
    assert not said.any()
    np.testing.assert_array_equal(
        fitted.scores(Sequences.of([[-1, 4, 999]])), fitted.scores(Sequences.of([[4]]))
    )


@pytest.mark.parametrize("kind", ["transformer", "gru"])
@pytest.mark.parametrize("scale", [0.0, 8.0])
def test_served_scores_equal_those_of_the_trained_network(kind, scale):
    from shopkeeper.predict.sequence.export import export_encoder
    from shopkeeper.predict.sequence.train import train_net

    settings = NetSettings(kind=kind, **{**SMALL, "layers": 2, "epochs": 2, "scale": scale})
    trained = train_net(_circle(4), VOCABULARY, settings, seed=9)
    served = ServedEncoder(export_encoder(trained.weights(), settings))
    codes, lengths = last_windows(_circle(5), settings.window)
    with torch.no_grad():
        vectors = torch.from_numpy(trained.table[codes])
        truth = trained.encoder(vectors, torch.from_numpy(lengths - 1)).numpy()
    ours = served(codes, lengths, trained.table)
    assert np.abs(ours - truth).max() <= 1e-5
    assert np.abs(ours @ trained.table.T - truth @ trained.table.T).max() <= 1e-5
    assert np.abs(truth).max() > 0.1


def test_a_saved_network_answers_alike_where_torch_cannot_be_imported(fitted, tmp_path):
    fitted.save(tmp_path / "net")
    assert {p.suffix for p in (tmp_path / "net").iterdir()} == {".onnx", ".npz", ".json"}
    prefixes = _circle(6, 20)
    np.savez(tmp_path / "asked.npz", items=prefixes.items, offsets=prefixes.offsets)
    script = f"""
        import sys
        sys.modules["torch"] = sys.modules["onnx"] = None
        import numpy as np
        from pathlib import Path
        from shopkeeper.predict.sequence.model import SequenceNet
        from shopkeeper.predict.sequence.windows import Sequences
        asked = np.load(r"{tmp_path / "asked.npz"}")
        net = SequenceNet.load(Path(r"{tmp_path / "net"}"))
        np.save(r"{tmp_path / "said.npy"}", net.scores(Sequences(asked["items"], asked["offsets"])))
        try:
            net.fit(Sequences.of([[0, 1]]))
        except Exception as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert "torch is not installed. Next: run: pip install 'shopkeeper[deep]'" in done.stdout
    np.testing.assert_array_equal(np.load(tmp_path / "said.npy"), fitted.scores(prefixes))


def test_sampled_competitors_estimate_the_whole():
    from shopkeeper.predict.sequence.train import _loss

    torch.manual_seed(0)
    states, table = 0.3 * torch.randn(40, 8), torch.randn(500, 8)
    target = torch.randint(500, (40,))
    whole = _loss(states, target, table, NetSettings(full_softmax_items=500))
    drawn = NetSettings(full_softmax_items=1, negatives=250)
    parts = torch.stack([_loss(states, target, table, drawn) for _ in range(60)])
    assert abs(parts.mean() - whole) < 0.05 < np.log(2) / 5  # log 2: what no correction costs


def test_learning_stops_in_time_and_says_so():
    net = _net("gru", epochs=10_000, patience=10_000, seconds=0.0).fit(_circle(1), seed=3)
    assert net.facts["stopped_by"] == "time"
    assert net.facts["rounds"] == 1


def test_without_gain_the_best_round_is_kept():
    random = np.random.default_rng(0)
    noise = Sequences.of([random.integers(0, VOCABULARY, 5).tolist() for _ in range(60)])
    net = _net("gru", epochs=40, patience=2).fit(noise, seed=3)
    figures = net.facts["held_out_ndcg@10"]
    assert net.facts["stopped_by"] == "no gain"
    assert net.facts["best_round"] == int(np.argmax(figures)) + 1


def test_refusals(tmp_path):
    net = _net("gru")
    with pytest.raises(PlanError, match="model 'gru' is not fitted"):
        net.scores(Sequences.of([[1]]))
    with pytest.raises(NotEnoughDataError, match="no sequence has two items"):
        net.fit(Sequences.of([[1], []]))
    with pytest.raises(InputError, match="item 7 is outside a catalogue of 5"):
        GruNet(net.settings, items=5).fit(Sequences.of([[7, 1]]))
    with pytest.raises(InputError, match="settings of a gru were given to a transformer"):
        TransformerNet(net.settings)
    with pytest.raises(SourceError, match="holds no sequence network"):
        GruNet.load(tmp_path)


def test_a_network_of_the_other_kind_or_a_torn_file_is_refused(fitted, tmp_path):
    fitted.save(tmp_path)
    other = GruNet if fitted.name == "transformer" else TransformerNet
    with pytest.raises(SourceError, match=f"holds a {fitted.name}, not a {other.name}"):
        other.load(tmp_path)
    (tmp_path / "encoder.onnx").write_bytes(b"torn")
    with pytest.raises(SourceError, match="no ONNX model"):
        SequenceNet.load(tmp_path)


def test_as_a_recommender_it_survives_the_disk_and_speaks_ids(tmp_path):
    names = np.array([f"p{k:02d}" for k in range(VOCABULARY)])
    circle = _circle(1)
    lists = [names[s].tolist() for s in np.split(circle.items, circle.offsets[1:-1])]
    past = Interactions.from_sequences(lists)
    model = SequenceRecommender(kind="gru", **SMALL).fit(past, seed=3)
    asked = Interactions.from_sequences([["p04", "p05"], [], ["never seen"]])
    said = model.score(asked)
    assert model.item_ids[int(said[0].argmax())].as_py() == "p06"
    assert said[0].max() == 1.0
    assert (said[0] > 0).all()
    assert not said[1:].any()
    model.save(tmp_path)
    again = load_recommender(tmp_path)
    assert again.parameters() == model.parameters()
    np.testing.assert_array_equal(again.score(asked), said)
