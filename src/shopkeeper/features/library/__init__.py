"""The features, one module a family; every module has ``FEATURES``."""
