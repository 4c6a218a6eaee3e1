"""Predict: what a customer will do next."""
