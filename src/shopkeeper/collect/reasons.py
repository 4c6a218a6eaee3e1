# ruff: noqa: E501  one entry, one line of words
"""Why a row is not admitted: code, sentence and next step in Chinese and English.

Codes are stored; they are never renamed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason.

    Parameters
    ----------
    code
        As stored in the quarantine.
    zh, en
        Sentence; ``{field}`` and ``{value}`` are filled in from the row.
    next_zh, next_en
        What to do about it.
    """

    code: str
    zh: str
    en: str
    next_zh: str
    next_en: str

    @property
    def next_step(self) -> str:
        """Both languages in one line, as stored."""
        return f"{self.next_zh} / {self.next_en}"


_CORRECT_ZH, _CORRECT_EN = (
    "在来源系统中更正后重新导出",
    "Correct it at the source and export it again",
)

REASONS: dict[str, Reason] = {
    r.code: r
    for r in (
        Reason("wrong_columns", "列数不符：{value}（读到/应有）", "wrong number of columns: {value} (found/expected)",
               "检查分隔符与引号；可在映射的 file.delimiter 中指定分隔符", "Check delimiter and quotes; the mapping's file.delimiter sets it"),
        Reason("unbalanced_quote", "引号没有成对，无法分列", "a quote is opened and never closed, so columns cannot be told",
               "给字段中的引号加倍或去掉", "Double or remove the quote inside the field"),
        Reason("line_too_long", "该行过长（{value}），未读入内存", "the line is too long ({value}) and was not read into memory",
               "检查导出文件是否缺少换行；上限为映射的 file.max_line_bytes", "Check whether line breaks are missing; the bound is the mapping's file.max_line_bytes"),
        Reason("undecodable", "该行与文件其余部分编码不同，无法解码", "the line is not in the encoding of the rest of the file",
               "将文件统一存为 UTF-8，或用映射的 file.encoding 指定编码后单独装载这些行", "Save the file as UTF-8, or load these lines alone with the mapping's file.encoding"),
        Reason("broken_json", "不是完整的 JSON 对象：{value}", "not a whole JSON object: {value}", _CORRECT_ZH, _CORRECT_EN),
        Reason("missing_value", "必填字段 {field} 为空", "required field {field} is empty",
               "在来源系统中补全，或在映射的 constants 中给出固定值", "Fill it at the source, or give a constant in the mapping"),
        Reason("missing_customer", "没有客户标识（{field} 为空）", "no customer: {field} is empty",
               "补全客户标识；若匿名销售也要保留，在映射中写 anonymous: keep", "Fill in the customer; to keep anonymous sales write anonymous: keep in the mapping"),
        Reason("bad_date", "{field} 的值“{value}”不是日期", "{field} is “{value}”, which is no date",
               "更正日期，或在映射的 dates 中声明格式（如 dmy、mdy、%d.%m.%Y）", "Correct the date, or declare the format as dates in the mapping (dmy, mdy, %d.%m.%Y)"),
        Reason("future_date", "{field} 的日期“{value}”在将来", "{field} is “{value}”, which lies in the future",
               "检查日期与时区设置", "Check the date and the time zone"),
        Reason("ancient_date", "{field} 的日期“{value}”早得不可能", "{field} is “{value}”, too long ago to be true",
               "更正日期；下限为映射的 bounds.earliest", "Correct the date; the bound is the mapping's bounds.earliest"),
        Reason("bad_number", "{field} 的值“{value}”不是数字", "{field} is “{value}”, which is no number", _CORRECT_ZH, _CORRECT_EN),
        Reason("bad_amount", "{field} 的值“{value}”不是金额", "{field} is “{value}”, which is no amount of money", _CORRECT_ZH, _CORRECT_EN),
        Reason("absurd_amount", "{field} 的金额“{value}”超出可信范围", "{field} is “{value}”, beyond what can be true",
               "核对金额与单位（元或分）；上限为映射的 bounds.amount", "Check amount and unit (yuan or fen); the bound is the mapping's bounds.amount"),
        Reason("absurd_quantity", "{field} 的数量“{value}”超出可信范围", "{field} is “{value}”, beyond what can be true",
               "核对数量与计量单位；上限为映射的 bounds.quantity", "Check quantity and unit; the bound is the mapping's bounds.quantity"),
        Reason("negative_quantity", "数量“{value}”为负但该行不是退货", "the quantity “{value}” is negative but the row is no return",
               "若为退货，请同时给出负金额或退货类别", "If it is a return, give a negative amount or the kind return"),
        Reason("sign_conflict", "类别为销售但金额“{value}”为负", "the row is a sale but its amount “{value}” is negative",
               "更正类别或金额的符号", "Correct the kind or the sign of the amount"),
        Reason("not_a_purchase", "状态“{value}”表示未成交（取消、关闭或未付款）", "the state “{value}” means it was never a purchase (cancelled, closed, unpaid)",
               "无需处理；付款后的记录会随下次导出装载", "Nothing to do; once paid it comes with the next export"),
        Reason("unknown_kind", "{field} 的值“{value}”既不是销售也不是退货", "{field} is “{value}”, neither sale nor return",
               "改为 sale/return 或 销售/退货", "Write sale or return"),
        Reason("unknown_currency", "不认识的币种“{value}”", "unknown currency “{value}”",
               "使用 ISO 4217 代码，如 CNY、USD", "Use an ISO 4217 code such as CNY or USD"),
        Reason("unknown_status", "{field} 的值“{value}”不是授权状态", "{field} is “{value}”, which is no state of consent",
               "使用 GRANT、DENY、REVOKED 或 同意、拒绝、撤回", "Use GRANT, DENY or REVOKED"),
        Reason("damaged_id", "编号“{value}”已被表格软件改成科学计数法", "the identifier “{value}” was damaged by a spreadsheet (scientific notation)",
               "把该列设为文本格式后重新导出", "Format the column as text and export again"),
        Reason("conflicting_duplicate", "同一主键“{value}”在文件中出现两次且内容不同", "the key “{value}” occurs twice in the file with different content",
               "核对两行，保留正确的一行", "Compare the rows and keep the right one"),
        Reason("changed_since_stored", "主键“{value}”已装载过且内容不同", "the key “{value}” is already stored with different content",
               "若新内容应覆盖旧内容，在映射中写 changed: replace", "If the new content should replace the old, write changed: replace in the mapping"),
        Reason("row_refused_by_rule", "清洗规则拒绝了该行", "a cleaning rule refused the row", _CORRECT_ZH, _CORRECT_EN),
    )
}  # fmt: skip
"""Every reason by code."""
CODES: tuple[str, ...] = ("", *REASONS)
"""Codes by the number that stands for them while a chunk is checked; 0 is admitted."""
NUMBER: dict[str, int] = {code: n for n, code in enumerate(CODES)}
"""Number by code."""
