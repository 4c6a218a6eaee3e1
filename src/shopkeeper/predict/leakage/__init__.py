"""Leakage: columns and rows that give the outcome away, found before a model learns from them."""
