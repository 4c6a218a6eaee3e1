"""Propensity: a calibrated chance for any outcome of any table, with an honest report."""
