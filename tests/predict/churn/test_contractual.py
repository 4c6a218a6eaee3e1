from __future__ import annotations

import numpy as np
import pytest
from pyarrow import csv

from shopkeeper.core.errors import InputError, NotEnoughDataError, PlanError, SourceError
from shopkeeper.predict.calibrate import auc
from shopkeeper.predict.churn.contractual import ContractChurn, Contracts, kaplan_meier


def _contracts(customers: int, seed: int) -> tuple[Contracts, np.ndarray]:
    """Each month a contract ends with 2 %, or 8 % where it is monthly; seen for 1 to 40 months."""
    random = np.random.default_rng(seed)
    monthly = random.random(customers) < 0.5
    chance = np.where(monthly, 0.08, 0.02)
    life = random.geometric(chance).astype(np.float64)
    seen = random.integers(1, 41, customers).astype(np.float64)
    tenure, ended = np.minimum(life, seen), life <= seen
    term = np.where(monthly, "monthly", "yearly").tolist()
    return Contracts(tenure, ended, {"term": term, "noise": random.normal(size=customers)}), chance


def test_it_recovers_the_chances_behind_the_contracts():
    contracts, chance = _contracts(8_000, 1)
    said = ContractChurn().fit(contracts).predict(contracts, periods=1)
    assert said[chance == 0.08].mean() == pytest.approx(0.08, abs=0.008)
    assert said[chance == 0.02].mean() == pytest.approx(0.02, abs=0.004)


def test_a_year_ahead_is_the_product_of_its_months():
    contracts, _ = _contracts(8_000, 2)
    model = ContractChurn().fit(contracts)
    young = np.full(2, 5.0)
    known = {"term": ["monthly", "yearly"], "noise": [0.0, 0.0]}
    curve = model.survival(young, known, 12)
    assert curve.shape == (2, 12)
    assert (np.diff(curve, axis=1) < 0).all()
    assert curve[:, -1] == pytest.approx([0.92**12, 0.98**12], abs=0.04)


def test_without_covariates_it_follows_kaplan_and_meier():
    contracts, _ = _contracts(8_000, 3)
    bare = Contracts(contracts.tenure, contracts.ended, {})
    at, left = kaplan_meier(bare.tenure, bare.ended)
    curve = ContractChurn().fit(bare).survival(np.zeros(1), {}, 36)[0]
    assert np.abs(curve[at[:36].astype(int) - 1] - left[:36]).max() < 0.02


def test_censoring_is_no_churn():
    # everybody is seen for ten months only; nobody is known to leave later
    contracts, _ = _contracts(6_000, 4)
    cut = np.minimum(contracts.tenure, 10.0)
    model = ContractChurn().fit(
        Contracts(cut, contracts.ended & (contracts.tenure <= 10), contracts.covariates)
    )
    assert model.predict(contracts).mean() == pytest.approx(0.05, abs=0.01)


def test_saving_and_loading_changes_nothing(tmp_path):
    contracts, _ = _contracts(500, 5)
    model = ContractChurn().fit(contracts)
    model.save(tmp_path / "m")
    again = ContractChurn.load(tmp_path / "m").predict(contracts, 6)
    np.testing.assert_array_equal(again, model.predict(contracts, 6))
    with pytest.raises(SourceError, match="holds no contract churn model"):
        ContractChurn.load(tmp_path)
    with pytest.raises(PlanError, match="'contract_hazard' is not fitted"):
        _ = ContractChurn().learned


def test_bad_contracts_are_refused_with_the_place():
    contracts, _ = _contracts(500, 6)
    tenure, ended, known = contracts.tenure, contracts.ended, contracts.covariates
    none = np.zeros(500, dtype=bool)
    with pytest.raises(NotEnoughDataError, match="of 500 contracts 0 ended; at least 30"):
        ContractChurn().fit(Contracts(tenure, none, known))
    with pytest.raises(NotEnoughDataError, match="0 still run"):
        ContractChurn().fit(Contracts(tenure, ~none, known))
    hole = np.where(np.arange(500) == 7, np.nan, tenure)
    with pytest.raises(InputError, match="row 7 has tenure nan"):
        ContractChurn().fit(Contracts(hole, ended, known))
    with pytest.raises(InputError, match="'term' has another length than tenure"):
        ContractChurn().fit(Contracts(tenure, ended, {"term": ["x"]}))
    with pytest.raises(InputError, match="'noise' is not given"):
        ContractChurn().fit(contracts).survival(tenure, {"term": known["term"]}, 1)


def test_telco_customers_are_ranked_and_calibrated(reference):
    table = csv.read_csv(reference / "telco_churn" / "Telco-Customer-Churn.csv")
    names = ("Contract", "InternetService", "PaymentMethod", "PaperlessBilling", "OnlineSecurity")
    covariates = {name: table[name].to_numpy(zero_copy_only=False) for name in names}
    covariates["MonthlyCharges"] = table["MonthlyCharges"].to_numpy()
    tenure = table["tenure"].to_numpy().astype(float)
    ended = table["Churn"].to_numpy(zero_copy_only=False) == "Yes"
    train = np.arange(len(tenure)) % 2 == 0

    def part(kept: np.ndarray) -> Contracts:
        return Contracts(tenure[kept], ended[kept], {n: c[kept] for n, c in covariates.items()})

    model = ContractChurn().fit(part(train))
    # the file tells who left in the last month on record: judged at the month before it
    before = Contracts(np.maximum(tenure - 1, 0), ended, covariates)
    said = model.predict(before)[~train]
    bare = ContractChurn().fit(Contracts(tenure[train], ended[train], {}))
    alone = bare.predict(Contracts(before.tenure, ended, {}))[~train]
    assert auc(ended[~train], said) > max(0.78, auc(ended[~train], alone) + 0.05)
    # everybody from the start of the contract, against the curve of customers not learned from
    rest = part(~train)
    curve = bare.survival(np.zeros(1), {}, 60)[0]
    at, left = kaplan_meier(rest.tenure, rest.ended)
    for month in (6, 12, 24, 48):
        assert curve[month - 1] == pytest.approx(left[np.searchsorted(at, month)], abs=0.03)
