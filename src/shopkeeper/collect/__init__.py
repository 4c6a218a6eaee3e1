"""Collect: records from outside become rows under contract, or quarantined rows with a reason."""
