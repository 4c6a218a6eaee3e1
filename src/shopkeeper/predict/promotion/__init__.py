"""Response to price and promotion: elasticities, effects, curves."""
