"""Decide: what is worth doing for each customer, within consent, manners, stock and budget."""
