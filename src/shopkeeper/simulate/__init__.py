"""A shop with known truth, at any size, as contract tables at Arrow speed."""
