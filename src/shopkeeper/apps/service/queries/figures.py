"""What the figures of model cards mean, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass

from shopkeeper.apps.service.schemas.common import Text, Unit


@dataclass(frozen=True, slots=True)
class Meaning:
    """One metric of a model card.

    Parameters
    ----------
    label, definition
        Words for it.
    higher_is_better
        Direction.
    unit
        What the value is.
    key
        Whether the list of models shows it.
    signed
        Whether zero is best and the sign says only on which side a value errs.
    """

    label: Text
    definition: Text
    higher_is_better: bool
    unit: Unit
    key: bool = False
    signed: bool = False

    def better(self, value: float | None, against: float | None) -> bool | None:
        """Whether a value beats another one.

        Parameters
        ----------
        value
            Of the model.
        against
            Of the baseline.

        Returns
        -------
        bool or None
            ``None`` when one of them is unknown.
        """
        if value is None or against is None:
            return None
        if self.signed:
            return abs(value) < abs(against)
        return value > against if self.higher_is_better else value < against


def _meaning(
    zh: str,
    en: str,
    def_zh: str,
    def_en: str,
    *,
    up: bool,
    unit: Unit = "score",
    key: bool = False,
    signed: bool = False,
) -> Meaning:
    return Meaning(Text(zh=zh, en=en), Text(zh=def_zh, en=def_en), up, unit, key, signed)


MEANINGS: dict[str, Meaning] = {
    "auc": _meaning(
        "AUC", "AUC",
        "随机取一位流失客户和一位留存客户，前者风险分更高的概率",
        "Probability that a random leaver is scored above a random stayer",
        up=True, key=True,
    ),
    "average_precision": _meaning(
        "平均精确率", "Average precision",
        "按风险从高到低名单的平均精确率", "Precision averaged down the list from the riskiest",
        up=True,
    ),
    "accuracy": _meaning(
        "准确率", "Accuracy", "判断正确的客户占比", "Share of customers judged right",
        up=True, unit="ratio", key=True,
    ),
    "log_loss": _meaning(
        "对数损失", "Log loss",
        "概率预测的平均对数误差", "Mean logarithmic error of the probabilities",
        up=False,
    ),
    "brier": _meaning(
        "Brier 分", "Brier score", "概率预测的均方误差", "Mean squared error of the probabilities",
        up=False,
    ),
    "calibration_error": _meaning(
        "校准误差", "Calibration error",
        "预测概率与实际比例的平均差距", "Mean gap between predicted probability and observed rate",
        up=False, unit="ratio", key=True,
    ),
    "ece": _meaning(
        "校准误差", "Calibration error",
        "预测概率与实际比例的平均差距", "Mean gap between predicted probability and observed rate",
        up=False, unit="ratio", key=True,
    ),
    "calibration_slope": _meaning(
        "校准斜率", "Calibration slope",
        "1 为理想；小于 1 说明概率说得太极端", "1 is right; below 1 probabilities are too extreme",
        up=True, unit="number",
    ),
    "calibration_intercept": _meaning(
        "校准截距", "Calibration intercept",
        "0 为理想；大于 0 说明整体说得太低", "0 is right; above 0 probabilities are too low",
        up=True, unit="number",
    ),
    "next_action_accuracy": _meaning(
        "下一步动作准确率", "Next action right",
        "猜对下一步动作的比例", "Share of next actions guessed right", up=True, unit="ratio",
    ),
    "next_category_accuracy": _meaning(
        "下一品类准确率", "Next category right",
        "猜对下一个品类的比例", "Share of next categories guessed right", up=True, unit="ratio",
    ),
    "mase": _meaning(
        "MASE", "MASE",
        "误差是季节性朴素预测的几倍", "Error as a multiple of the seasonal naive forecast's",
        up=False, unit="number", key=True,
    ),
    "rmsse": _meaning(
        "RMSSE", "RMSSE",
        "均方误差是朴素预测的几倍", "Root mean squared error as a multiple of the naive one's",
        up=False, unit="number",
    ),
    "wape": _meaning(
        "WAPE", "WAPE",
        "绝对误差合计占销量合计的比例", "Sum of absolute errors over the sum of sales",
        up=False, unit="ratio", key=True,
    ),
    "coverage80": _meaning(
        "80% 区间覆盖率", "Coverage of 80 % intervals",
        "落在 80% 区间内的比例，应接近 80%", "Share inside the 80 % interval; should be near 80 %",
        up=True, unit="ratio",
    ),
    "width80": _meaning(
        "80% 区间宽度", "Width of 80 % intervals",
        "80% 区间宽度占预测的比例", "Width of the 80 % interval over the forecast",
        up=False, unit="ratio",
    ),
    "width90": _meaning(
        "90% 区间宽度", "Width of 90 % intervals",
        "90% 区间宽度占预测的比例", "Width of the 90 % interval over the forecast",
        up=False, unit="ratio",
    ),
    "lift": _meaning(
        "首十分位提升", "Top-decile lift",
        "风险最高的一成客户中流失率是平均的几倍",
        "How many times the average the riskiest tenth leaves", up=True, unit="number",
    ),
    "mae": _meaning(
        "订单数平均误差", "Mean error of orders", "每位客户订单数的平均绝对误差",
        "Mean absolute error of orders per customer", up=False, unit="orders", key=True,
    ),
    "rmse": _meaning(
        "订单数均方根误差", "RMSE of orders", "每位客户订单数误差的均方根",
        "Root of the mean squared error of orders per customer", up=False, unit="orders",
    ),
    "bias": _meaning(
        "订单总量偏差", "Bias of total orders", "预测订单总数与实际的相对差",
        "Relative error of the total of orders", up=False, unit="ratio", signed=True,
    ),
    "gini": _meaning(
        "订单排序基尼", "Gini of orders", "按预测排序能集中多少后来的订单",
        "How well the predicted order concentrates the orders that followed", up=True,
    ),
    "spend_mae": _meaning(
        "消费平均误差", "Mean error of spend", "每位客户消费的平均绝对误差（元）",
        "Mean absolute error of spend per customer, in whole currency units", up=False,
        unit="number", key=True,
    ),
    "spend_rmse": _meaning(
        "消费均方根误差", "RMSE of spend", "每位客户消费误差的均方根（元）",
        "Root of the mean squared error of spend, in whole currency units", up=False,
        unit="number",
    ),
    "spend_bias": _meaning(
        "消费总量偏差", "Bias of total spend", "预测消费总额与实际的相对差",
        "Relative error of the total spend", up=False, unit="ratio", key=True, signed=True,
    ),
    "spend_gini": _meaning(
        "消费排序基尼", "Gini of spend", "按预测排序能集中多少后来的消费",
        "How well the predicted order concentrates the spend that followed", up=True, key=True,
    ),
    "interval_coverage": _meaning(
        "区间覆盖率", "Interval coverage", "实际值落在区间内的客户占比",
        "Share of customers whose actual value lies in the interval", up=True, unit="ratio",
    ),
    "coverage90": _meaning(
        "订单区间覆盖率", "Coverage, orders", "实际订单数落在 90% 区间内的客户占比；应接近 90%",
        "Share of customers whose orders lie in the 90% interval; should be near 90%", up=True,
        unit="ratio",
    ),
    "spend_coverage90": _meaning(
        "消费区间覆盖率", "Coverage, spend", "实际消费落在 90% 区间内的客户占比；应接近 90%",
        "Share of customers whose spend lies in the 90% interval; should be near 90%", up=True,
        unit="ratio",
    ),
    "coverage": _meaning(
        "商品覆盖率", "Catalogue coverage", "至少被推荐过一次的商品占比",
        "Share of products recommended to anybody", up=True, unit="ratio",
    ),
    "recall": _meaning(
        "召回率", "Recall", "后来真正买的商品中被推荐到的占比",
        "Share of what was bought later that had been recommended", up=True, unit="ratio", key=True,
    ),
    "precision": _meaning(
        "精确率", "Precision", "推荐的商品中后来真正买的占比",
        "Share of the recommended that was bought later", up=True, unit="ratio",
    ),
    "ndcg": _meaning(
        "NDCG", "NDCG", "命中位置越靠前得分越高的排序质量",
        "Quality of the order: hits near the top count more", up=True, key=True,
    ),
    "map": _meaning(
        "MAP", "MAP", "平均精确率的均值", "Mean of the average precision", up=True,
    ),
    "mrr": _meaning(
        "MRR", "MRR", "首个命中位置倒数的均值", "Mean reciprocal place of the first hit", up=True,
    ),
    "hr": _meaning(
        "命中率", "Hit rate", "至少命中一件的客户占比", "Share of customers with at least one hit",
        up=True, unit="ratio", key=True,
    ),
}  # fmt: skip


def meaning(metric: str) -> Meaning:
    """Meaning of a metric of a model card.

    Parameters
    ----------
    metric
        As in the card; ``recall@20`` is recall with a cut-off.

    Returns
    -------
    Meaning
        A metric without an entry keeps its own name, and counts upwards.

    Examples
    --------
    >>> meaning("ndcg@10").label.zh, meaning("log_loss").higher_is_better
    ('NDCG@10', False)
    """
    stem, at, cutoff = metric.partition("@")
    known = MEANINGS.get(stem)
    if known is None:
        return Meaning(Text(zh=metric, en=metric), Text(zh=metric, en=metric), True, "number")
    if not at:
        return known
    label = Text(zh=f"{known.label.zh}@{cutoff}", en=f"{known.label.en}@{cutoff}")
    return Meaning(label, known.definition, known.higher_is_better, known.unit, known.key)
