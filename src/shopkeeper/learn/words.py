"""What was found and decided, as sentences in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from shopkeeper.core.clock import from_us
from shopkeeper.learn.challenge import Verdict
from shopkeeper.learn.degrade import Realised
from shopkeeper.learn.drift import ColumnDrift, DriftFound
from shopkeeper.learn.metrics import Paired
from shopkeeper.learn.retrain import RetrainPlan

Both = tuple[str, str]
"""A text in Chinese and in English."""
Names = Mapping[str, Both]
"""Names of columns in both languages."""

METRICS: Names = {
    "auc": ("排序能力（AUC）", "ranking (AUC)"),
    "brier": ("概率误差（Brier）", "error of the probabilities (Brier)"),
    "log_loss": ("对数损失", "log loss"),
    "mae": ("平均绝对误差", "mean absolute error"),
    "wape": ("加权误差率（WAPE）", "weighted error (WAPE)"),
    "ndcg": ("推荐排序（NDCG@10）", "recommendation ranking (NDCG@10)"),
}
ENDS: Names = {
    "prediction": ("模型给出的分数", "What the model says"),
    "outcome": ("实际结果", "What happens"),
}
SMALL: Names = {
    "none": ("", ""), "small": ("小", "small"), "notable": ("明显", "notable"),
    "large": ("很大", "large"),
}  # fmt: skip


def name_of(column: str, names: Names) -> Both:
    """Name of a column in both languages.

    Parameters
    ----------
    column : str
        The column.
    names : Names
        Known names; an unknown column keeps its own.

    Returns
    -------
    Both
        Chinese and English.
    """
    return names.get(column) or ENDS.get(column) or (column, column)


def drift_sentence(drift: ColumnDrift, names: Names, separating: tuple[str, ...] = ()) -> Both:
    """Say how one column moved.

    Parameters
    ----------
    drift : ColumnDrift
        What was found.
    names : Names
        Names of columns.
    separating : tuple[str, ...]
        Columns by which then and now can be told apart; read for `together`.

    Returns
    -------
    Both
        Chinese and English.
    """
    if drift.kind == "together":
        zh = "、".join(name_of(x, names)[0] for x in separating)
        en = ", ".join(name_of(x, names)[1] for x in separating)
        return (
            f"各列之间的关系变了：合在一起可以分辨出现在与当时的客户（主要靠 {zh}）",
            f"Columns changed together: customers of now and then can be told apart (by {en})",
        )
    zh, en = name_of(drift.name, names)
    size_zh, size_en = SMALL[drift.level]
    tail_zh = f"（PSI {drift.psi:.3f}，偶然波动约 {drift.expected:.3f}）"
    tail_en = f" (PSI {drift.psi:.3f}, chance explains about {drift.expected:.3f})"
    if not drift.alarmed:
        return f"{zh}没有超出偶然的变化{tail_zh}", f"{en}: no more than chance{tail_en}"
    gap = drift.missing_now - drift.missing_before
    if abs(gap) >= 0.05:
        a, b = drift.missing_before, drift.missing_now
        return (
            f"{zh}的缺失占比从 {a:.0%} 变为 {b:.0%}{tail_zh}",
            f"{en}: missing for {b:.0%} of customers, it was {a:.0%}{tail_en}",
        )
    if drift.gained:
        return (
            f"{zh}的构成变了（{size_zh}），“{drift.gained}”占比上升最多{tail_zh}",
            f"{en}: the mix changed ({size_en}), {drift.gained!r} grew most{tail_en}",
        )
    if drift.direction == 0:
        return (
            f"{zh}的分布形状变了（{size_zh}）{tail_zh}",
            f"{en}: the shape of the distribution changed ({size_en}){tail_en}",
        )
    middle_zh, middle_en = "", ""
    if isfinite(drift.middle_before) and drift.middle_now != drift.middle_before:
        a_, b_ = _short(drift.middle_before), _short(drift.middle_now)
        middle_zh, middle_en = f"，中位数约 {a_} → {b_}", f", middle value about {a_} → {b_}"
    up = drift.direction > 0
    return (
        f"{zh}整体{'上移' if up else '下移'}（{size_zh}）{middle_zh}{tail_zh}",
        f"{en} moved {'up' if up else 'down'} as a whole ({size_en}){middle_en}{tail_en}",
    )


def drift_summary(found: DriftFound, names: Names) -> Both:
    """Say what drifted, the largest first.

    Parameters
    ----------
    found : DriftFound
        What a night found.
    names : Names
        Names of columns.

    Returns
    -------
    Both
        Chinese and English.
    """
    alarmed = found.alarmed
    if not alarmed:
        return (
            f"{found.n_now} 位客户与训练时的 {found.n_before} 位相比，没有超出偶然的变化",
            (
                f"{found.n_now} customers look like the {found.n_before} it learned from; "
                "no more than chance"
            ),
        )
    separating = found.domain.columns if found.domain else ()
    told = [drift_sentence(column, names, separating) for column in alarmed[:3]]
    more = len(alarmed) - len(told)
    return (
        "；".join(zh for zh, _ in told) + (f"；另有 {more} 列" if more else ""),
        "; ".join(en for _, en in told) + (f"; and {more} more columns" if more else ""),
    )


def verdict_sentence(verdict: Verdict) -> Both:
    """Say what was decided, and on what evidence.

    Parameters
    ----------
    verdict : Verdict
        Of a challenge or of a watch.

    Returns
    -------
    Both
        Chinese and English.
    """
    zh, en = _because(verdict)
    if verdict.why in ("cannot_answer", "not_judged", "retired"):
        return zh, en
    proof_zh, proof_en = _proof(verdict.pair)
    start, end = from_us(verdict.window_from_us), from_us(verdict.window_to_us)
    return (
        f"{zh}：{proof_zh}，同一批 {verdict.pair.n} 位客户，{start:%Y-%m-%d} 至 {end:%Y-%m-%d}",
        (
            f"{en}: {proof_en}, the same {verdict.pair.n} customers, {start:%Y-%m-%d} to "
            f"{end:%Y-%m-%d}"
        ),
    )


def _because(verdict: Verdict) -> Both:
    group = verdict.worst[0] if verdict.worst else ""
    said: dict[str, Both] = {
        "better": ("新模型更好，上任", "The new model is better and takes over"),
        "no_worse_and_old": (
            "现任模型已旧，新模型不比它差，上任",
            "The champion is old and the new model no worse; it takes over",
        ),
        "no_worse_and_columns": (
            "读取的列变了，新模型不比现任差，上任",
            "The columns changed and the new model is no worse; it takes over",
        ),
        "cannot_answer": (
            "现任模型已无法给出判断，新模型上任",
            "The champion cannot answer any more; the new model takes over",
        ),
        "not_better": (
            "没有证据表明新模型更好，现任留任",
            "Nothing shows that the new model is better; the champion stays",
        ),
        "worse": ("新模型更差，现任留任", "The new model is worse; the champion stays"),
        "too_few": (
            f"数据还不足以判断（还需约 {verdict.missing} 位客户或结果），现任留任",
            (
                f"Not enough data to say (about {verdict.missing} more customers or outcomes are "
                "needed); the champion stays"
            ),
        ),
        "calibration": (
            "新模型排序更好，但概率偏离实际更多，现任留任",
            "The new model ranks better but its probabilities are further off; the champion stays",
        ),
        "slice": (
            f"新模型总体更好，但对“{group}”这群客户明显更差，现任留任",
            f"The new model is better overall but clearly worse for {group!r}; the champion stays",
        ),
        "retired": (
            "这一版本曾被撤下，没有新数据不再上任",
            "This version was withdrawn before and does not return without new data",
        ),
        "not_judged": (
            "没有可比的检验窗口，现任留任",
            "There is no window to compare them on; the champion stays",
        ),
    }
    if verdict.act == "roll back":
        return (
            "上任后表现不如前任，自动换回前任",
            "It does worse than the model before it; that one returns",
        )
    return said[verdict.why]


def _proof(pair: Paired) -> Both:
    zh, en = METRICS.get(pair.metric, (pair.metric, pair.metric))
    numbers = f"{_short(pair.champion)} → {_short(pair.challenger)}"
    span = f"[{_short(pair.low)}, {_short(pair.high)}]"
    return (
        f"{zh} {numbers}，优势 {_short(pair.difference)}，95% 区间 {span}",
        f"{en} {numbers}, advantage {_short(pair.difference)}, 95 % interval {span}",
    )


def realised_sentence(now: Realised) -> Both:
    """Say what a model turned out to know.

    Parameters
    ----------
    now : Realised
        What was measured.

    Returns
    -------
    Both
        Chinese and English.
    """
    zh, en = METRICS.get(now.metric, (now.metric, now.metric))
    if now.why == "too_few":
        return (
            f"已知结果的客户只有 {now.n} 位，还不足以判断模型是否退化",
            f"The outcome of only {now.n} customers is known; not enough to say whether it degraded",
        )
    if now.why == "calibration":
        return (
            f"概率不再可信：校准误差 {now.calibration:.3f}，上任时 {now.expected_calibration:.3f}",
            (
                f"Its probabilities no longer hold: calibration error {now.calibration:.3f}, it was "
                f"{now.expected_calibration:.3f}"
            ),
        )
    fact_zh = f"{zh} {_short(now.value)}，预测力 {now.skill:.3f}，{now.n} 位客户"
    fact_en = f"{en} {_short(now.value)}, skill {now.skill:.3f}, {now.n} customers"
    if now.why == "unmeasured":
        return f"上任时没有可比的数字；现在 {fact_zh}", f"Nothing to compare with; now {fact_en}"
    lost = 1.0 - now.skill / now.expected if now.expected else 0.0
    then_zh, then_en = f"上任时 {now.expected:.3f}", f"it was {now.expected:.3f}"
    if now.degraded:
        return (
            f"模型退化：预测力比上任时少了 {lost:.0%}（{fact_zh}；{then_zh}）",
            f"The model degraded: {lost:.0%} of its skill is gone ({fact_en}; {then_en})",
        )
    return f"模型仍然有效（{fact_zh}；{then_zh}）", f"The model still holds ({fact_en}; {then_en})"


def plan_sentence(plan: RetrainPlan) -> Both:
    """Say whether a task is trained now, and why.

    Parameters
    ----------
    plan : RetrainPlan
        The plan.

    Returns
    -------
    Both
        Chinese and English.
    """
    reasons: dict[str, Both] = {
        "first": ("还没有模型", "there is no model yet"),
        "schedule": ("到了定期训练的时候", "it is time by schedule"),
        "drift": ("客户变了", "customers changed"),
        "degraded": ("模型退化了", "the model degraded"),
        "asked": ("有人要求", "somebody asked for it"),
    }
    waits: dict[str, Both] = {
        "fresh": ("模型还新，没有需要重训的理由", "The model is fresh; nothing asks for training"),
        "cooldown": ("刚刚训练过，先等一等", "It was trained just now; it waits"),
        "budget": ("本月训练次数已用完", "The trainings of this month are used up"),
        "disabled": ("自动训练已关闭", "Training by itself is switched off"),
    }
    zh = "、".join(reasons[x][0] for x in plan.because)
    en = ", ".join(reasons[x][1] for x in plan.because)
    if plan.train:
        return f"重新训练：{zh}", f"Trained again: {en}"
    wait_zh, wait_en = waits[plan.wait]
    return (f"{wait_zh}（{zh}）", f"{wait_en} ({en})") if zh else (wait_zh, wait_en)


def _short(value: float) -> str:
    if not isfinite(value):
        return "—"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
