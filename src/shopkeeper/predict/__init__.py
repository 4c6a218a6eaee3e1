"""Predict: what a customer will do next, with calibrated figures beside honest baselines."""
