"""Uplift: what a contact changes, learned from randomised trials."""
