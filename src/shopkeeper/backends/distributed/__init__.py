"""The same tables and expressions on a cluster."""
