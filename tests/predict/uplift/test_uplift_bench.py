from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pytest

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow
from shopkeeper.apps.bench.uplift import read_trial
from shopkeeper.apps.bench.uplift_worlds import _won, regret
from shopkeeper.core.errors import InputError, NotFoundError, SourceError
from shopkeeper.predict.uplift.curve import exact_curve
from shopkeeper.simulate.uplift import draw_trial, world


@pytest.fixture
def mail(tmp_path):
    random = np.random.default_rng(3)
    n = 1_500
    segment = random.choice(["No E-Mail", "Mens E-Mail", "Womens E-Mail"], n)
    visit = random.random(n) < 0.1 + 0.1 * (segment != "No E-Mail")
    path = tmp_path / "mail.csv"
    table = {
        "recency": random.integers(1, 13, n), "channel": random.choice(["Phone", "Web"], n),
        "segment": segment, "visit": visit.astype(int), "spend": np.where(visit, 9.5, 0.0),
    }  # fmt: skip
    pcsv.write_csv(pa.table(table), path)
    return path


def test_every_arm_is_compared_with_the_control_that_is_found(mail):
    found = read_trial(mail, BenchOptions(outcome="visit"))
    assert [f.name for f in found] == ["mail: Mens E-Mail", "mail: Womens E-Mail"]
    for file in found:
        # Two channels are one flag, whichever is more frequent.
        assert file.trial.columns in {("recency", "channel=Web"), ("recency", "channel=Phone")}
        assert [x.column for x in file.left_out] == ["spend"]
        assert 0.4 < file.trial.treated.mean() < 0.6


def test_arms_can_be_joined(mail):
    asked = BenchOptions(outcome="visit", treated="Mens E-Mail,Womens E-Mail")
    (file,) = read_trial(mail, asked)
    assert file.trial.rows == 1_500


def test_what_the_file_does_not_hold_is_named(mail, tmp_path):
    cases = [
        (BenchOptions(treatment="coin"), InputError, "no column 'coin'; the file has recency"),
        (BenchOptions(control="x"), InputError, "'segment' has no value 'x'; it has Mens"),
        (BenchOptions(outcome="channel"), InputError, "outcome 'channel' is not a number"),
        (BenchOptions(treatment="channel"), InputError, "which value of 'channel' is the control"),
    ]
    for options, error, words in cases:
        with pytest.raises(error, match=words):
            read_trial(mail, options)
    bare = tmp_path / "bare.csv"
    bare.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no column looks like 'treatment'"):
        read_trial(bare, BenchOptions())
    with pytest.raises(SourceError, match="cannot be read as a table"):
        read_trial(tmp_path / "none.csv", BenchOptions())
    many = tmp_path / "many.csv"
    many.write_text("treatment,y\n0,1\n" + "".join(f"v{i},0\n" for i in range(20)))
    with pytest.raises(InputError, match="'treatment' has 21 values, too many for arms"):
        read_trial(many, BenchOptions())


def test_ties_are_no_wins():
    rows = [
        BenchRow("uplift", data, "", method, "pehe", value)
        for data, ours, theirs in (("a", 1.0, 2.0), ("b", 1.0, 1.0))
        for method, value in (("shopkeeper", ours), ("peer", theirs))
    ]
    (won,) = _won(rows, 7)
    assert (won.metric, won.value, won.n) == ("worlds_won_pehe", 0.5, 2)


def test_the_truth_has_no_regret():
    test = draw_trial(world("step"), 1, 500)
    assert regret(test, test.effect > test.cost) == 0.0
    assert regret(test, test.effect <= test.cost) > 0.1
    with pytest.raises(NotFoundError, match="no simulated world 'moon'"):
        world("moon")


def test_the_qini_area_is_that_of_scikit_uplift():
    random = np.random.default_rng(0)
    score = np.round(random.normal(size=3_000), 1)
    arm = random.random(3_000) < 0.4
    y = (random.random(3_000) < 0.2 + 0.1 * arm * (score > 0)).astype(float)
    # What peer_scripts/sklift_qini.py answers with scikit-uplift 0.5.1 on these rows.
    assert exact_curve(score, arm, y).qini == pytest.approx(0.00501672011634378, abs=1e-12)
