"""What an inspection found, in words: which column or rows, how it shows, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["refuse", "warn"]

WORDS: dict[str, tuple[str, str, str, str]] = {
    "copy_of_outcome": (
        "列 {column} 几乎就是答案本身：单独一列的 AUC 为 {auc}，其余各列合起来只有 {rest}",
        (
            "column {column} is the outcome under another name: alone it has an AUC of {auc}, "
            "all other columns together {rest}"
        ),
        "用 exclude 去掉该列，或改为预测时点之前的取值",
        "exclude the column, or take its value before the moment of the prediction",
    ),
    "missing_tells": (
        "列 {column} 是否为空就泄露了答案：发生者中空值占 {missing_yes}，未发生者中占 {missing_no}",
        (
            "whether column {column} is empty tells the outcome: empty in {missing_yes} of those with "
            "it and {missing_no} of those without"
        ),
        "用 exclude 去掉该列：它是在结果发生之后才填写的",
        "exclude the column: it is filled in after the outcome",
    ),
    "too_good_alone": (
        "列 {column} 单独的 AUC 为 {auc}，远超其余各列合计的 {rest}：可能在结果发生后才得到",
        (
            "column {column} alone has an AUC of {auc} and all others together {rest}: it may be known "
            "only after the outcome"
        ),
        "确认该列在预测时点已知；否则用 exclude 去掉",
        "make sure it is known at the moment of the prediction, or exclude it",
    ),
    "changes_without_future": (
        "列 {column} 看到了未来：删去预测时点之后的数据，{changed} 行的值变了",
        (
            "column {column} sees the future: {changed} rows change when data after the moment are "
            "removed"
        ),
        "让该列只用预测时点之前的数据计算",
        "compute it only from data before the moment",
    ),
    "value_from_future": (
        "列 {column} 的 {late} 行取值时间不早于预测时点",
        (
            "column {column} has {late} rows whose value dates from the moment of the prediction or "
            "later"
        ),
        "只取预测时点之前的值",
        "take only values before the moment",
    ),
    "shifted": (
        "列 {column} 像是在预测时点之后计算的：AUC 为 {auc}，而早一期只有 {earlier}，其余列变化不大",
        (
            "column {column} looks as if computed after the moment: AUC {auc}, and {earlier} one period "
            "earlier, while other columns hardly change"
        ),
        "检查该列的计算时点",
        "check at which moment the column is computed",
    ),
    "oversampled_before_split": (
        "先复制样本、后划分：{minority} 的检验正例在训练集中有同样的行，反例只有 {majority}",
        (
            "rows were copied before the split: {minority} of the rarer outcome's test rows have a twin "
            "in training, of the others {majority}"
        ),
        "先划分，再只对训练集加权或重采样",
        "split first; weight or resample the training rows only",
    ),
    "duplicates_across_split": (
        "训练集与检验集有相同的行：{twins} 行检验数据（{share}）在训练集中有孪生行",
        "the same rows are in training and test: {twins} test rows ({share}) have a twin",
        "去重，或让相同的行总在同一侧（group）",
        "remove duplicates, or keep equal rows on one side (group)",
    ),
    "group_across_split": (
        "{groups} 个客户同时出现在训练集与检验集（占检验行 {share}）",
        "{groups} customers are on both sides of the split ({share} of the test rows)",
        "按客户划分，或让检验期晚于训练期",
        "split by customer, or let the test period lie after the training period",
    ),
    "overlapping_windows": (
        "检验时点之前，{rows} 行训练数据的结果尚未揭晓",
        "the outcome of {rows} training rows was not yet known at the moment of the test",
        "让训练时点至少早一个预测期",
        "let training moments lie at least one horizon earlier",
    ),
    "shuffled_outcome_learned": (
        "答案打乱后模型仍能“预测”（AUC {auc}，应在 {low}–{high}）：训练流程本身在泄露答案",
        (
            "with the outcome shuffled the model still predicts (AUC {auc}, expected {low} to {high}): "
            "the training procedure itself leaks"
        ),
        "编码、选择变量和重采样都要放在每一折之内",
        "encode, select and resample inside each fold only",
    ),
}
"""Kind → Chinese, English, Chinese next step, English next step."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One leak, or the suspicion of one.

    Parameters
    ----------
    kind : str
        A key of `WORDS`.
    column : str
        The guilty column; empty where rows or the procedure are guilty.
    severity : Severity
        `refuse` stops a training run; `warn` is told.
    evidence : Mapping[str, float]
        The numbers it rests on.
    shown : Mapping[str, str]
        What is filled into the sentences.
    """

    kind: str
    column: str
    severity: Severity
    evidence: Mapping[str, float]
    shown: Mapping[str, str] = field(default_factory=dict)

    def _words(self, at: int) -> str:
        return WORDS[self.kind][at].format(column=repr(self.column), **self.shown)

    @property
    def zh(self) -> str:
        """The finding in Chinese."""
        return self._words(0)

    @property
    def en(self) -> str:
        """The finding in English."""
        return self._words(1)

    @property
    def next_zh(self) -> str:
        """What to do, in Chinese."""
        return self._words(2)

    @property
    def next_en(self) -> str:
        """What to do, in English."""
        return self._words(3)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {
            "zh": self.zh, "en": self.en, "next_zh": self.next_zh, "next_en": self.next_en,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class LeakageReport:
    """Everything an inspection looked at and found.

    Parameters
    ----------
    findings : tuple[Finding, ...]
        Those that refuse first.
    checks : tuple[str, ...]
        Kinds that were looked for; others could not be, for lack of what they need.
    rows, columns : int
        Size of what was given.
    sampled : int
        Rows the column checks looked at.
    """

    findings: tuple[Finding, ...]
    checks: tuple[str, ...]
    rows: int
    columns: int
    sampled: int

    @property
    def refused(self) -> tuple[Finding, ...]:
        """Findings that stop a training run."""
        return tuple(x for x in self.findings if x.severity == "refuse")

    @property
    def guilty(self) -> tuple[str, ...]:
        """Columns that stop a training run, each once."""
        return tuple(dict.fromkeys(x.column for x in self.refused if x.column))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "findings": [x.to_dict() for x in self.findings], "checks": list(self.checks),
            "rows": self.rows, "columns": self.columns, "sampled": self.sampled,
        }  # fmt: skip


def share(value: float) -> str:
    """A share as text.

    Parameters
    ----------
    value : float
        In [0, 1].

    Returns
    -------
    str
        Such as `12.5%`.

    Examples
    --------
    >>> share(0.125)
    '12.5%'
    """
    return f"{value:.1%}"
