"""What people write, and the one word the shop keeps for it."""

from __future__ import annotations

from collections.abc import Mapping


def _words(groups: Mapping[str, str]) -> dict[str, str]:
    """Spread ``{"standard": "a b c"}`` to ``{"a": "standard", …, "standard": "standard"}``."""
    spread: dict[str, str] = {}
    for standard, words in groups.items():
        spread[standard.lower()] = standard
        spread.update(dict.fromkeys(words.split(), standard))
        spread.update(dict.fromkeys((w.replace("_", " ") for w in words.split()), standard))
    return spread


GENDERS = _words({
    "1": "男 男性 男士 男生 先生 m male man boy mr mr. m. 1.0 公",
    "2": "女 女性 女士 女生 小姐 太太 f female woman girl ms ms. mrs mrs. miss f. 2.0",
    "9": "未知 保密 其他 不详 未说明 未填写 u unknown other unspecified n x 0 3 9.0 0.0",
})  # fmt: skip
"""Words for a gender to the codes of GB/T 2261.1 that we keep: 1 male, 2 female, 9 not stated."""

CHANNELS = _words({
    "store": "门店 线下 实体店 线下门店 店铺 pos offline "
    "shop in-store instore retail 收银 柜台 in_store",
    "web": "官网 网站 网页 pc pc端 电脑端 website online 网店 官方商城 商城 site",
    "app": "客户端 手机app 手机客户端 移动端 mobile_app mobileapp ios android",
    "miniapp": "小程序 微信小程序 mini_program miniprogram mini-program mini_app weapp",
    "official": "公众号 微信公众号 服务号 订阅号 official_account wechat_official",
    "wecom": "企微 企业微信 wechat_work wxwork qywx 企业微信社群 社群",
    "email": "邮件 电子邮件 邮箱 e-mail mail edm",
    "sms": "短信 手机短信 text text_message 短消息",
    "push": "推送 app推送 app_push push_notification 消息推送",
    "phone": "电话 外呼 呼叫中心 call callcenter call_center tel telephone",
    "dingtalk": "钉钉 ding",
    "feishu": "飞书 lark",
    "marketplace": "天猫 淘宝 京东 拼多多 抖音 抖店 平台 "
    "第三方平台 tmall taobao jd pdd douyin amazon",
    "mail": "直邮 信函 direct_mail post 邮寄 dm",
    "display": "展示广告 banner 信息流 广告 ads paid",
    "search": "搜索 搜索广告 sem seo paid_search",
    "all": "全部 全渠道 所有渠道 any *",
})  # fmt: skip
"""Words for a channel to the vocabulary of the shop."""

UNITS: Mapping[str, tuple[str, float]] = {
    word: (base, factor)
    for base, factor, words in (
        ("g", 1.0, "g 克 gram grams gr"),
        ("g", 1000.0, "kg 千克 公斤 kilogram kilo kgs"),
        ("g", 500.0, "斤 市斤 jin"),
        ("g", 50.0, "两 市两 liang"),
        ("g", 28.349523125, "oz 盎司 ounce ounces"),
        ("g", 453.59237, "lb 磅 pound pounds lbs"),
        ("ml", 1.0, "ml 毫升 milliliter millilitre"),
        ("ml", 1000.0, "l 升 公升 liter litre ltr"),
        ("ml", 10.0, "cl 厘升"),
        ("piece", 1.0, "piece 件 个 只 支 条 台 套 pcs pc ea each unit units 枚 把 双 张 本"),
        ("piece", 12.0, "打 dozen doz"),
        ("pack", 1.0, "pack 包 袋 盒 箱 瓶 罐 桶 bag box bottle can case"),
        ("m", 1.0, "m 米 meter metre"),
        ("m", 0.01, "cm 厘米"),
    )
    for word in words.split()
}
"""Words for a unit to the base unit and the factor that leads there."""

LANGUAGES = _words({
    "zh": "中文 汉语 简体 简体中文 zh-cn zh_cn zh-hans cn chinese chs zh-sg",
    "zh-Hant": "繁体 繁体中文 zh-tw zh-hk zh-hant cht",
    "en": "英文 英语 english en-us en-gb en_us en_gb eng",
    "ja": "日语 日文 japanese ja-jp jp",
    "ko": "韩语 韩文 korean ko-kr kr",
})  # fmt: skip
LANGUAGES.update({"zh cn": "zh", "en us": "en", "en gb": "en"})

CONSENT_STATES = _words({
    "GRANT": "同意 授权 已同意 已授权 接受 是 y yes true "
    "1 opt-in optin in granted accept accepted subscribed 订阅",
    "DENY": "拒绝 不同意 未同意 否 n no false 0 opt-out optout out denied reject rejected",
    "REVOKED": "撤回 撤销 已撤回 退订 取消 "
    "取消授权 revoke withdrawn withdraw unsubscribe unsubscribed",
})  # fmt: skip
PURPOSES = _words({
    "marketing": "营销 促销 推广 广告 promotion promotions ads advertising",
    "service": "服务 客服 售后 交易 transactional support",
    "analytics": "分析 统计 statistics analysis measurement",
})  # fmt: skip
TOUCH_STATES = _words({
    "sent": "已发送 发送成功 成功 已发 ok success submitted",
    "delivered": "送达 已送达 到达 arrived",
    "opened": "打开 已打开 已读 open read",
    "clicked": "点击 已点击 click",
    "failed": "失败 发送失败 error fail",
    "bounced": "退回 退信 bounce",
    "unsubscribed": "退订 已退订 unsubscribe opt-out",
    "complained": "投诉 complaint spam",
})  # fmt: skip
ORDER_STATES = _words({
    "completed": "已完成 完成 交易成功 已签收 complete done finished fulfilled closed",
    "cancelled": "已取消 取消 交易关闭 canceled cancel void",
    "refunded": "已退款 退款 refund",
    "returned": "已退货 退货完成 return",
    "paid": "已付款 已支付 待发货 payed",
    "pending": "待付款 待支付 未付款 unpaid open",
    "shipped": "已发货 待收货 运输中 dispatched in_transit",
})  # fmt: skip
ORDER_KINDS = _words({
    "sale": "销售 购买 正单 销售单 order purchase sell sales 订单",
    "return": "退货 退款 退单 退货单 负单 refund returns",
})  # fmt: skip
DEVICES = _words({
    "phone": "手机 mobile smartphone iphone android ios 移动设备",
    "desktop": "电脑 pc computer laptop mac windows 台式机 笔记本",
    "tablet": "平板 ipad pad 平板电脑",
    "tv": "电视 smarttv smart_tv",
    "till": "收银机 pos 收银台",
})  # fmt: skip

PROVINCES: Mapping[str, str] = {
    word: short
    for short, others in {
        "北京": "北京市 beijing", "天津": "天津市 tianjin", "上海": "上海市 shanghai",
        "重庆": "重庆市 chongqing", "河北": "河北省 hebei", "山西": "山西省 shanxi",
        "辽宁": "辽宁省 liaoning", "吉林": "吉林省 jilin", "黑龙江": "黑龙江省 heilongjiang",
        "江苏": "江苏省 jiangsu", "浙江": "浙江省 zhejiang", "安徽": "安徽省 anhui",
        "福建": "福建省 fujian", "江西": "江西省 jiangxi", "山东": "山东省 shandong",
        "河南": "河南省 henan", "湖北": "湖北省 hubei", "湖南": "湖南省 hunan",
        "广东": "广东省 guangdong", "海南": "海南省 hainan", "四川": "四川省 sichuan",
        "贵州": "贵州省 guizhou", "云南": "云南省 yunnan", "陕西": "陕西省 shaanxi",
        "甘肃": "甘肃省 gansu", "青海": "青海省 qinghai", "台湾": "台湾省 taiwan",
        "内蒙古": "内蒙古自治区 neimenggu inner_mongolia", "广西": "广西壮族自治区 guangxi",
        "西藏": "西藏自治区 xizang tibet", "宁夏": "宁夏回族自治区 ningxia",
        "新疆": "新疆维吾尔自治区 xinjiang",
        "香港": "香港特别行政区 hongkong hong_kong", "澳门": "澳门特别行政区 macau macao",
    }.items()
    for word in (short, *(w.replace("_", " ") for w in others.split()))
}  # fmt: skip
"""Full names and romanisations of the provinces of China to the short name."""

CITIES: Mapping[str, str] = {
    "beijing": "北京", "shanghai": "上海", "guangzhou": "广州", "canton": "广州",
    "shenzhen": "深圳", "tianjin": "天津", "chongqing": "重庆", "chengdu": "成都",
    "hangzhou": "杭州", "wuhan": "武汉", "nanjing": "南京", "suzhou": "苏州", "xi'an": "西安",
    "xian": "西安", "qingdao": "青岛", "dalian": "大连", "ningbo": "宁波", "xiamen": "厦门",
    "changsha": "长沙", "zhengzhou": "郑州", "shenyang": "沈阳", "harbin": "哈尔滨",
    "jinan": "济南", "hefei": "合肥", "fuzhou": "福州", "kunming": "昆明", "wuxi": "无锡",
    "foshan": "佛山", "dongguan": "东莞", "nanning": "南宁", "guiyang": "贵阳", "haikou": "海口",
    "changchun": "长春", "shijiazhuang": "石家庄", "taiyuan": "太原", "nanchang": "南昌",
    "lanzhou": "兰州", "urumqi": "乌鲁木齐", "hohhot": "呼和浩特", "zhuhai": "珠海",
    "wenzhou": "温州", "sanya": "三亚", "lhasa": "拉萨", "yinchuan": "银川", "xining": "西宁",
    "hong kong": "香港", "hongkong": "香港", "macau": "澳门", "macao": "澳门", "taipei": "台北",
}  # fmt: skip
"""Romanised names of large Chinese cities."""

ZONES: Mapping[str, str] = {
    "北京时间": "Asia/Shanghai", "中国标准时间": "Asia/Shanghai", "东八区": "Asia/Shanghai",
    "beijing": "Asia/Shanghai", "asia/beijing": "Asia/Shanghai", "china": "Asia/Shanghai",
    "prc": "Asia/Shanghai", "cst (china)": "Asia/Shanghai", "gmt+8": "Asia/Shanghai",
    "utc+8": "Asia/Shanghai", "gmt+08:00": "Asia/Shanghai", "utc+08:00": "Asia/Shanghai",
    "+08:00": "Asia/Shanghai", "+0800": "Asia/Shanghai", "gmt+9": "Asia/Tokyo",
    "utc+9": "Asia/Tokyo", "utc+09:00": "Asia/Tokyo", "+09:00": "Asia/Tokyo",
    "z": "UTC", "gmt": "UTC", "utc": "UTC", "utc+0": "UTC", "gmt+0": "UTC", "+00:00": "UTC",
    "eastern": "America/New_York", "est": "America/New_York", "edt": "America/New_York",
    "us/eastern": "America/New_York", "central": "America/Chicago", "cst": "America/Chicago",
    "us/central": "America/Chicago", "pacific": "America/Los_Angeles",
    "pst": "America/Los_Angeles", "us/pacific": "America/Los_Angeles",
    "伦敦": "Europe/London", "london": "Europe/London", "cet": "Europe/Paris",
}  # fmt: skip
"""Words for a time zone to its IANA name; ``CST`` alone is read as Chicago outside China."""

CALLING_CODES: Mapping[str, str] = {
    "CN": "86", "HK": "852", "MO": "853", "TW": "886", "SG": "65", "JP": "81", "KR": "82",
    "US": "1", "CA": "1", "GB": "44", "DE": "49", "FR": "33", "IT": "39", "ES": "34", "NL": "31",
    "AU": "61", "NZ": "64", "IN": "91", "MY": "60", "TH": "66", "VN": "84", "ID": "62",
    "PH": "63", "BR": "55", "MX": "52", "AE": "971", "SA": "966", "RU": "7", "ZA": "27",
}  # fmt: skip
"""Calling code by ISO 3166 country."""

PLACEHOLDERS = (
    "", "-", "--", "---", "—", "——", "/", "\\", ".", "?", "？", "*", "n/a", "na", "#n/a", "#value!",
    "#ref!", "#name?", "null", "none", "nil", "nan", "nat", "undefined", "unknown", "(null)",
    "<null>", "\\n", "无", "空", "未知", "不详", "暂无", "没有", "未填写", "未填", "待定", "缺失",
)  # fmt: skip
"""Words that say "no value", lower case."""

PERSON_PLACEHOLDERS = (
    "test", "测试", "匿名", "匿名用户", "游客", "散客", "先生", "女士", "小姐", "用户",
    "客户", "会员",
    "顾客", "微信用户", "anonymous", "guest", "customer", "user", "walk-in", "walkin", "mr", "mrs",
    "ms", "miss", "xxx", "aaa", "asdf",
)  # fmt: skip
"""Words in a name field that name nobody, lower case."""

BLOCKED_PHONES = (
    "+8613800138000",
    "+8613800000000",
    "+8613888888888",
    "+8618888888888",
    "+8613000000000",
)
"""Test numbers that belong to nobody."""

BLOCKED_EMAILS = (
    "test@test.com",
    "a@a.com",
    "aa@aa.com",
    "abc@abc.com",
    "none@none.com",
    "no@email.com",
    "noemail@noemail.com",
    "test@example.com",
    "example@example.com",
    "null@null.com",
    "xxx@xxx.com",
)
"""Addresses that are typed to get past a form."""

MAIL_DOMAIN_TYPOS: Mapping[str, str] = {
    "gmial.com": "gmail.com", "gamil.com": "gmail.com", "gmail.con": "gmail.com",
    "gmail.cm": "gmail.com", "gmai.com": "gmail.com", "gmail.co": "gmail.com",
    "gnail.com": "gmail.com", "hotmial.com": "hotmail.com", "hotmail.con": "hotmail.com",
    "hotmai.com": "hotmail.com", "outlok.com": "outlook.com", "outlook.con": "outlook.com",
    "yaho.com": "yahoo.com", "yahoo.con": "yahoo.com", "qq.con": "qq.com", "qq.cm": "qq.com",
    "qq.co": "qq.com", "qq.om": "qq.com", "163.con": "163.com", "163.cm": "163.com",
    "126.con": "126.com", "126.cm": "126.com", "sina.con": "sina.com", "foxmail.con": "foxmail.com",
}  # fmt: skip
"""Mail domains that nobody owns on purpose."""
