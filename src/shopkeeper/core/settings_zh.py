"""Chinese words for every settings section and key; the English ones stand beside the keys."""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS_ZH: Mapping[str, str] = {
    "shop": "店铺",
    "shop.name": "控制台中显示的店名",
    "shop.currency": "所有金额的记账币种（ISO 4217）",
    "shop.time_zone": "一天从何时开始与结束所依据的时区",
    "shop.country": "没有国家码的电话号码所属国家",
    "shop.simulated": "把所有内容标为模拟",
    "store": "数据存放",
    "store.folder": "湖、状态、模型与待发箱所在的文件夹",
    "store.engine": "由什么来计算表达式",
    "store.spark_master": "engine 为 spark 时的集群地址",
    "store.memory_mb": "计算引擎可用的内存（MB）",
    "store.threads": "计算引擎的线程数；0 表示全部核心",
    "predict": "模型的预测期与随机种子",
    "predict.horizon_days": "流失与价值向前看的天数",
    "predict.seed": "一切随机的种子",
    "predict.recommendations": "每位客户推荐的商品数",
    "decide": "计划的钱与礼貌",
    "decide.budget": "一个计划的预算（整货币单位）",
    "decide.holdout": "从不触达的客户占比（留白对照）",
    "decide.explore": "随机选择的触达占比（探索）",
    "decide.cap_days": "疲劳度的滚动窗口（天）",
    "decide.cap_contacts": "窗口内每位客户的触达上限",
    "decide.quiet_from": "勿扰时段开始（客户当地的小时）",
    "decide.quiet_to": "勿扰时段结束（客户当地的小时）",
    "decide.margin": "商品没有成本时采用的毛利率",
    "decide.default_consent": "从未表态的客户按什么授权处理",
    "deliver": "消息从谁发出、如何退订",
    "deliver.from_address": "邮件的发件地址",
    "deliver.unsubscribe_url": "撤回授权的页面；后面附上消息键",
    "service": "HTTP 服务",
    "service.host": "监听地址",
    "service.port": "监听端口",
    "service.token": "若设置，一切请求（含读取）都须以 Bearer 令牌携带它",
}
"""Meaning in Chinese by section and by `section.key`."""
