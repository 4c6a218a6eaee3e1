"""Two linear views of hashed n-grams, fitted class by class.

One is the NB-SVM of Wang & Manning (2012, section 2.3) with a logistic loss: presence of an n-gram
times the log-ratio of its frequency in and out of a class. The other is a logistic on TF-IDF rows
of length one. They err differently; the model above weighs them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags
from sklearn.linear_model import LogisticRegression

from shopkeeper.predict.text.phrases import Floats
from shopkeeper.predict.text.units import Bools, Ints

RARE = 2
"""Texts an n-gram must stand in to be used."""


@dataclass(frozen=True, slots=True)
class View:
    """Weights of n-grams for some decisions.

    Parameters
    ----------
    weights : Floats
        Shape (n-grams, decisions).
    intercept : Floats
        Shape (decisions,).
    """

    weights: Floats
    intercept: Floats

    def decide(self, rows: csr_matrix) -> Floats:
        """Log-odds of each decision.

        Parameters
        ----------
        rows : csr_matrix
            Shape (texts, n-grams), of the same view.

        Returns
        -------
        Floats
            Shape (texts, decisions).
        """
        return np.asarray(rows @ self.weights + self.intercept)


def used_columns(rows: csr_matrix) -> tuple[Ints, Floats]:
    """N-grams worth a weight, and the inverse document frequency of each.

    Parameters
    ----------
    rows : csr_matrix
        Counts of the training texts.

    Returns
    -------
    tuple[Ints, Floats]
        Columns, ascending, and ln((1 + texts) / (1 + texts with it)) + 1.
    """
    texts = np.bincount(rows.indices, minlength=rows.shape[1])
    columns = np.flatnonzero(texts >= RARE)
    if not len(columns):
        columns = np.flatnonzero(texts)
    return columns, np.log((1.0 + rows.shape[0]) / (1.0 + texts[columns])) + 1.0


def present(rows: csr_matrix) -> csr_matrix:
    """Counts turned to ones.

    Parameters
    ----------
    rows : csr_matrix
        Counts.

    Returns
    -------
    csr_matrix
        Same places.
    """
    return csr_matrix((np.ones_like(rows.data), rows.indices, rows.indptr), shape=rows.shape)


def tfidf(rows: csr_matrix, idf: Floats) -> csr_matrix:
    """Damped counts times inverse document frequency, rows of length one.

    Parameters
    ----------
    rows : csr_matrix
        Counts.
    idf : Floats
        One a column.

    Returns
    -------
    csr_matrix
        Same places; a text without a known n-gram stays empty.
    """
    values = ((1.0 + np.log(rows.data)) * idf[rows.indices]).astype(np.float32)
    squares = np.concatenate([[0.0], np.cumsum(values.astype(np.float64) ** 2)])
    length = np.sqrt(squares[rows.indptr[1:]] - squares[rows.indptr[:-1]])
    values /= np.repeat(np.maximum(length, 1e-9), np.diff(rows.indptr)).astype(np.float32)
    return csr_matrix((values, rows.indices, rows.indptr), shape=rows.shape)


def fit_ratios(rows: csr_matrix, members: Bools, strength: float) -> View:
    """Fit the NB-SVM view.

    Parameters
    ----------
    rows : csr_matrix
        Ones and zeros, shape (texts, n-grams).
    members : Bools
        Whether a text belongs to the class of a decision; shape (texts, decisions).
    strength : float
        Inverse of the regularisation.

    Returns
    -------
    View
        One decision a class.
    """
    weights, intercepts = [], []
    for inside in members.T:
        ratio = _ratio(rows, inside)
        found = _logistic(csr_matrix(rows @ diags(ratio)), inside, strength)
        weights.append(found.weights[:, 0] * ratio)
        intercepts.append(found.intercept[0])
    return View(np.column_stack(weights), np.array(intercepts))


def fit_tfidf(rows: csr_matrix, members: Bools, strength: float) -> View:
    """Fit the TF-IDF view.

    Parameters
    ----------
    rows : csr_matrix
        Rows of length one, shape (texts, n-grams).
    members : Bools
        Whether a text belongs to the class of a decision; shape (texts, decisions).
    strength : float
        Inverse of the regularisation.

    Returns
    -------
    View
        One decision a class.
    """
    found = [_logistic(rows, inside, strength) for inside in members.T]
    return View(
        np.concatenate([x.weights for x in found], axis=1),
        np.concatenate([x.intercept for x in found]),
    )


def _ratio(rows: csr_matrix, inside: Bools) -> Floats:
    """Log-ratio of smoothed shares of an n-gram in and out of a class."""
    within = 1.0 + np.asarray(rows[inside].sum(axis=0)).ravel()
    without = 1.0 + np.asarray(rows[~inside].sum(axis=0)).ravel()
    return np.asarray(np.log(within / within.sum()) - np.log(without / without.sum()))


def _logistic(rows: csr_matrix, inside: Bools, strength: float) -> View:
    fitted = LogisticRegression(C=strength, solver="liblinear", tol=1e-3, random_state=0)
    fitted.fit(rows, inside)
    return View(fitted.coef_.T.astype(np.float64), fitted.intercept_.astype(np.float64))
