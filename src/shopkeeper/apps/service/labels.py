"""Words of the trade for the codes that travel through the tables, in both languages.

Names of segments, indicators, rules, features and refusal reasons belong to their stages; here
are only the codes that belong to none: channels, states, kinds of identifier and of row.
"""

from __future__ import annotations

import re

from shopkeeper.apps.service.schemas.common import Text

STAGES: dict[str, Text] = {
    "collect": Text(zh="采集", en="Collect"),
    "govern": Text(zh="治理", en="Govern"),
    "unify": Text(zh="归一", en="Unify"),
    "features": Text(zh="特征", en="Features"),
    "predict": Text(zh="预测", en="Predict"),
    "segment": Text(zh="分群", en="Segment"),
    "decide": Text(zh="决策", en="Decide"),
    "deliver": Text(zh="触达", en="Deliver"),
    "measure": Text(zh="度量", en="Measure"),
    "learn": Text(zh="学习", en="Learn"),
}

STAGE_OF_TABLE: dict[str, str] = {
    "orders": "collect",
    "order_lines": "collect",
    "products": "collect",
    "customers": "collect",
    "events": "collect",
    "campaigns": "collect",
    "offers": "collect",
    "touches": "collect",
    "consents": "collect",
    "costs": "collect",
    "footfall": "collect",
    "enrichments": "collect",
    "loads": "collect",
    "quarantine": "collect",
    "corrections": "govern",
    "quality": "govern",
    "lineage": "govern",
    "identity_edges": "unify",
    "identities": "unify",
    "purchases": "unify",
    "purchase_lines": "unify",
    "verdicts": "collect",
    "activity": "unify",
    "contacts": "unify",
    "permits": "unify",
    "profiles": "unify",
    "features": "features",
    "scores": "predict",
    "recommendations": "predict",
    "item_neighbours": "predict",
    "forecasts": "predict",
    "elasticities": "predict",
    "text_signals": "predict",
    "segments": "segment",
    "value_dimensions": "segment",
    "audience_members": "segment",
    "decisions": "decide",
    "metrics": "measure",
    "effects": "measure",
    "model_events": "learn",
}

TABLES: dict[str, Text] = {
    "orders": Text(zh="订单", en="Orders"),
    "order_lines": Text(zh="订单明细", en="Order lines"),
    "products": Text(zh="商品", en="Products"),
    "customers": Text(zh="客户资料", en="Customer records"),
    "events": Text(zh="行为事件", en="Events"),
    "campaigns": Text(zh="营销活动", en="Campaigns"),
    "offers": Text(zh="权益", en="Offers"),
    "touches": Text(zh="触达记录", en="Touches"),
    "consents": Text(zh="授权记录", en="Consents"),
    "costs": Text(zh="渠道花费", en="Channel costs"),
    "footfall": Text(zh="门店客流", en="Footfall"),
    "enrichments": Text(zh="外部数据", en="Enrichments"),
    "loads": Text(zh="装载批次", en="Loads"),
    "quarantine": Text(zh="隔离区", en="Quarantine"),
    "corrections": Text(zh="清洗修改", en="Corrections"),
    "quality": Text(zh="质量指标", en="Quality indicators"),
    "lineage": Text(zh="字段血缘", en="Lineage"),
    "identity_edges": Text(zh="身份关联", en="Identity edges"),
    "identities": Text(zh="身份归属", en="Identities"),
    "purchases": Text(zh="客户订单", en="Purchases"),
    "purchase_lines": Text(zh="客户订单明细", en="Purchase lines"),
    "verdicts": Text(zh="真人判定", en="Verdicts on traffic"),
    "activity": Text(zh="客户行为", en="Activity"),
    "contacts": Text(zh="客户触达", en="Contacts"),
    "permits": Text(zh="当前授权", en="Permits"),
    "profiles": Text(zh="客户画像", en="Profiles"),
    "features": Text(zh="特征", en="Features"),
    "scores": Text(zh="预测分", en="Scores"),
    "recommendations": Text(zh="推荐", en="Recommendations"),
    "item_neighbours": Text(zh="相关商品", en="Neighbours of products"),
    "forecasts": Text(zh="销量预测", en="Forecasts"),
    "elasticities": Text(zh="价格弹性", en="Price elasticities"),
    "text_signals": Text(zh="文本信号", en="Signals of texts"),
    "segments": Text(zh="分群结果", en="Segments"),
    "value_dimensions": Text(zh="价值维度", en="Dimensions of value"),
    "audience_members": Text(zh="人群包成员", en="Audience members"),
    "decisions": Text(zh="决策账本", en="Decision ledger"),
    "metrics": Text(zh="经营指标", en="Metrics"),
    "effects": Text(zh="效果", en="Effects"),
    "model_events": Text(zh="模型事件", en="Events of models"),
}

CHANNELS: dict[str, Text] = {
    "store": Text(zh="门店", en="Store"),
    "web": Text(zh="网站", en="Web"),
    "app": Text(zh="App", en="App"),
    "email": Text(zh="邮件", en="E-mail"),
    "sms": Text(zh="短信", en="SMS"),
    "push": Text(zh="App 推送", en="Push"),
    "wecom": Text(zh="企业微信", en="WeCom"),
    "dingtalk": Text(zh="钉钉", en="DingTalk"),
    "feishu": Text(zh="飞书", en="Feishu"),
    "mail": Text(zh="直邮", en="Direct mail"),
    "display": Text(zh="展示广告", en="Display"),
    "search": Text(zh="搜索广告", en="Search"),
    "any": Text(zh="任意渠道", en="Any channel"),
    "all": Text(zh="全部渠道", en="All channels"),
}

STATUSES: dict[str, Text] = {
    "waiting": Text(zh="待发送", en="Waiting"),
    "withdrawn": Text(zh="已撤下（授权已失效）", en="Withdrawn (the permit had gone)"),
    "held_out": Text(zh="留白对照", en="Held out"),
    "sent": Text(zh="已发送", en="Sent"),
    "delivered": Text(zh="已送达", en="Delivered"),
    "refused": Text(zh="被拒绝", en="Refused"),
    "failed": Text(zh="失败", en="Failed"),
    "opened": Text(zh="已打开", en="Opened"),
    "clicked": Text(zh="已点击", en="Clicked"),
    "GRANT": Text(zh="同意", en="Granted"),
    "DENY": Text(zh="拒绝", en="Denied"),
    "REVOKED": Text(zh="已撤回", en="Revoked"),
}

IDENTIFIER_KINDS: dict[str, Text] = {
    "phone": Text(zh="手机号", en="Phone"),
    "email": Text(zh="邮箱", en="E-mail"),
    "crm": Text(zh="CRM 客户号", en="CRM id"),
    "member_card": Text(zh="会员卡", en="Member card"),
    "openid": Text(zh="微信 OpenID", en="WeChat OpenID"),
    "unionid": Text(zh="微信 UnionID", en="WeChat UnionID"),
    "external_userid": Text(zh="企微外部联系人", en="WeCom contact"),
    "device_id": Text(zh="设备号", en="Device"),
    "anonymous_id": Text(zh="匿名标识", en="Anonymous id"),
    "household": Text(zh="家庭号", en="Household"),
    "user_id": Text(zh="用户号", en="User id"),
}

CLASSIFICATIONS: dict[str, Text] = {
    "core": Text(zh="核心", en="Core"),
    "analytic": Text(zh="分析", en="Analytic"),
    "displayable": Text(zh="可展示", en="Displayable"),
    "personal": Text(zh="个人信息", en="Personal"),
    "sensitive": Text(zh="敏感个人信息", en="Sensitive"),
}

TIMELINE_KINDS: dict[str, Text] = {
    "purchase": Text(zh="购买", en="Purchase"),
    "return": Text(zh="退货", en="Return"),
    "event": Text(zh="行为", en="Behaviour"),
    "touch": Text(zh="触达", en="Contact"),
    "decision": Text(zh="决策", en="Decision"),
    "consent": Text(zh="授权", en="Consent"),
}


OWN_MODEL = re.compile(r"propensity[.:](.+)")
"""Task or score of a model that a person asked for."""


def named(words: dict[str, Text], code: str | None) -> Text:
    """Words for a code.

    Parameters
    ----------
    words
        One of the dictionaries of this module.
    code
        The code as stored; a code that a shop made up itself is its own name.

    Returns
    -------
    Text

    Examples
    --------
    >>> named(CHANNELS, "email").zh, named(CHANNELS, "booth").en
    ('邮件', 'booth')
    """
    if code is None:
        return Text(zh="未说明", en="Not stated")
    own = OWN_MODEL.match(code)
    if own and code not in words:
        return Text(zh=f"自建模型：{own[1]}", en=f"Own model: {own[1]}")
    return words.get(code) or Text(zh=code, en=code)
