"""Recommend: what a customer would like next, what they will buy again, what goes together."""
