"""Names that belong to the stages, asked from them."""

from __future__ import annotations

from shopkeeper.apps.service import labels
from shopkeeper.apps.service.schemas.common import Text

BANDS: dict[str, Text] = {
    "low": Text(zh="低风险", en="Low risk"),
    "middle": Text(zh="中风险", en="Medium risk"),
    "high": Text(zh="高风险", en="High risk"),
}
SCORE_KINDS: dict[str, tuple[str, Text]] = {
    "churn": ("churn", Text(zh="流失概率", en="Probability of leaving")),
    "p_alive": ("value", Text(zh="仍活跃的概率", en="Probability of being alive")),
    "expected_orders": ("value", Text(zh="预计订单数", en="Expected orders")),
    "expected_spend": ("value", Text(zh="预计消费", en="Expected spend")),
    "expected_value": ("value", Text(zh="预计价值", en="Expected value")),
}
TASKS: dict[str, Text] = {
    "churn": Text(zh="流失", en="Churn"),
    "value": Text(zh="客户价值", en="Customer value"),
    "recommend": Text(zh="推荐", en="Recommendation"),
}


def band(kind: str, code: str) -> Text:
    """Name of a band of a score.

    Parameters
    ----------
    kind
        What is stated.
    code
        Band as stored.

    Returns
    -------
    Text
    """
    return labels.named(BANDS, code) if kind == "churn" else segment("tier", code)


def score(kind: str) -> tuple[str, Text]:
    """Task and name of a kind of score.

    Parameters
    ----------
    kind
        As stored.

    Returns
    -------
    tuple of str and Text
        A kind the catalogue does not know is its own task and name.
    """
    return SCORE_KINDS.get(kind) or (kind, Text(zh=kind, en=kind))


def scheme(code: str) -> Text:
    """Name of a scheme."""
    return Text(zh=code, en=code)


def segment(scheme_code: str, code: str) -> Text:  # noqa: ARG001
    """Name of a segment of a scheme."""
    return Text(zh=code, en=code)
