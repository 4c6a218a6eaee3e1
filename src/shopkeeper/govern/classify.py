"""Who may see which value: masking by classification and role."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.columns import Column, Privacy
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.tables import TableContract

MASK = "***"
"""What stands where a value may not be seen at all."""

PRIVACY_NAMES: Mapping[Privacy, tuple[str, str]] = {
    "none": ("非个人信息", "not personal"),
    "personal": ("个人信息", "personal"),
    "sensitive": ("敏感个人信息", "sensitive personal"),
}
TIER_NAMES: Mapping[str, tuple[str, str]] = {
    "core": ("核心", "core"),
    "analytic": ("分析", "analytic"),
    "displayable": ("展示", "displayable"),
}
ROLES: Mapping[str, frozenset[Privacy]] = {
    "viewer": frozenset({"none"}),
    "analyst": frozenset({"none"}),
    "operator": frozenset({"none", "personal"}),
    "privacy": frozenset({"none", "personal", "sensitive"}),
    "admin": frozenset({"none", "personal", "sensitive"}),
}
"""Classes of value a role sees in clear."""
IDENTIFYING = frozenset({"customer_id", "decision_id"})
"""Our own opaque keys: personal, but shown, or nothing could be looked up."""


def may_see(role: str, column: Column) -> bool:
    """Whether a role sees the values of a column in clear.

    Parameters
    ----------
    role
        One of :data:`ROLES`.
    column
        With its classification.

    Returns
    -------
    bool

    Raises
    ------
    NotFoundError
        If there is no such role.

    Examples
    --------
    >>> from shopkeeper.core import columns as c
    >>> may_see("operator", c.PERSON_NAME), may_see("operator", c.PHONE), may_see("viewer", c.CITY)
    (True, False, False)
    """
    if role not in ROLES:
        raise NotFoundError(
            f"there is no role {role!r}",
            next_step=f"Choose one of {', '.join(ROLES)}",
            role=role,
        )
    return column in IDENTIFYING or column.privacy in ROLES[role]


def mask(rows: pa.Table, contract: TableContract, *, role: str) -> pa.Table:
    """Rows as a role may see them.

    Parameters
    ----------
    rows
        Any of the contract's columns; columns it does not know are hidden whole.
    contract
        Where the columns are classified.
    role
        One of :data:`ROLES`.

    Returns
    -------
    pa.Table
        Same rows and columns. Text that may not be seen keeps its shape where
        that says nothing about the person (``+86139****5678``, ``a***@qq.com``,
        ``张**``), else becomes ``***``; numbers, dates and moments become null.

    Raises
    ------
    NotFoundError
        If there is no such role.

    Examples
    --------
    >>> from shopkeeper.core.tables import CUSTOMERS
    >>> rows = pa.table({"phone": ["+8613912345678"], "email": ["ann@qq.com"], "gender": [1]})
    >>> mask(rows, CUSTOMERS, role="viewer").to_pylist()
    [{'phone': '+86139****5678', 'email': 'a***@qq.com', 'gender': None}]
    """
    known = {str(x): x for x in contract.columns}
    masked = rows
    for index, name in enumerate(rows.column_names):
        column = known.get(name)
        if column is not None and may_see(role, column):
            continue
        if column is None:
            may_see(role, Column(name, "string", "", ""))
        masked = masked.set_column(index, name, _masked(rows[name], name))
    return masked


def _masked(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if not pa.types.is_string(values.type):
        return pa.chunked_array([pa.nulls(len(values), values.type)])
    if name == "phone":
        shaped = pc.replace_substring_regex(values, r"^(.*)....(....)$", r"\1****\2")
        return pc.if_else(pc.greater_equal(pc.utf8_length(values), 9), shaped, MASK)
    if name == "email":
        shaped = pc.replace_substring_regex(values, r"^(.)[^@]*@", rf"\1{MASK}@")
        return pc.if_else(pc.match_substring(values, "@"), shaped, MASK)
    if name == "person_name":
        return pc.replace_substring_regex(values, r"(?s)^(.).*$", r"\1**")
    return pc.if_else(pc.is_valid(values), MASK, values)
