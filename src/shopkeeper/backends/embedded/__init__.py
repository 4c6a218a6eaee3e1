"""Everything in one folder on one machine."""
