"""Churn: the chance that a customer does not buy again within a horizon."""
