"""Measure: what happened, and what of it we caused."""
