# ruff: noqa: E501  lists of words read better in long lines
"""A small lexicon of how customers praise and complain, in Chinese and English.

Written for shops: goods, service, delivery, price. Polarity runs from -3 to 3. Nothing here was
fitted on any data set; it is what a reader of reviews knows beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping

_ZH: Mapping[int, str] = {
    3: "完美 极好 超棒 太棒 绝佳 惊艳 无可挑剔 超级好 非常好 非常棒 物超所值 五星 满分 赞不绝口 强烈推荐 爱不释手 一级棒 无敌",
    2: (
        "很好 好评 好吃 美味 喜欢 满意 推荐 不错 舒服 舒适 干净 整洁 热情 周到 贴心 优质 优秀 方便 便捷 快捷 实惠 划算 超值 值得 "
        "漂亮 好看 精致 温馨 安静 宽敞 豪华 新鲜 香 可口 开心 高兴 愉快 惊喜 感谢 谢谢 感激 准时 及时 神速 迅速 顺利 专业 耐心 "
        "细心 负责 给力 点赞 赞 棒 一流 到位 回购 常来 再来 下次还 还会 合身 显瘦 柔软 流畅 清晰 耐用 结实 正品 良心 性价比高 "
        "味道好 服务好 态度好 质量好 环境好 量足 份量足 实在 亲切 友好 友善 放心 信赖 可靠 支持 爱了 百吃不厌 名不虚传 "
        "辛苦 快递给力 送货快 速度快 很快 真快 超快 超级快 挺快 物美价廉 没得说 满足 美观 大方 时尚 细腻 暖和"
    ),
    1: "好 还好 还可以 可以 还行 不贵 便宜 合适 适合 足 快 热 大 新 正宗 地道 齐全 丰富 卫生 优惠 免费 稳定 轻松 客气 礼貌",
    -1: (
        "一般 一般般 小贵 偏贵 偏小 偏大 略 可惜 勉强 凑合 普通 旧 陈旧 贵 冷 凉 慢 咸 淡 油腻 小 少 硬 薄 吵 远 乱 累 简陋 单调 "
        "有待 改进 提高 加强 建议 希望 不够 欠缺 稍微 缺点 不足 问题"
    ),
    -2: (
        "差 很差 较差 太差 失望 难吃 不好 不满 难受 恶心 脏 臭 异味 霉 发霉 破 坏 破损 损坏 掉色 起球 褪色 开线 褶皱 变形 假 假货 "
        "骗 骗人 欺骗 忽悠 坑 坑人 后悔 投诉 退货 退款 退掉 态度差 质量差 服务差 环境差 慢死 太慢 很慢 太贵 太少 太小 太吵 太咸 太油 "
        "冷漠 冷冰冰 凉了 冷了 洒了 撒了 漏 漏发 少送 送错 发错 错 错误 没有送 没送 迟到 晚 超时 等了 催 敷衍 推脱 推卸 不理 无语 "
        "郁闷 生气 气愤 糟 糟糕 垃圾 噪音 嘈杂 蟑螂 虫 头发 苍蝇 拉肚子 馊 变质 过期 不新鲜 没味道 不值 上当 吵闹 潮湿 简直 居然 竟然 "
        "麻烦 卡顿 死机 发热 闪退 黑屏 瑕疵 划痕 缺货 没货 不能用 没法 无法 差评 再也 不会再 不推荐 名不副实 名不符实 粗糙 刺鼻 劣质"
    ),
    -3: "极差 差劲 恶劣 最差 垃圾 骗子 太烂 烂 烂透 黑店 坑爹 愤怒 差到极点 一无是处 毒 中毒 欺诈 诈骗 不要脸 极其失望 非常差 非常失望",
}
_EN: Mapping[int, str] = {
    3: "perfect excellent amazing awesome outstanding fantastic superb wonderful flawless brilliant exceptional incredible delicious best loved",
    2: (
        "good great love loves nice happy pleased satisfied recommend recommended enjoy enjoyed enjoyable comfortable clean friendly helpful polite "
        "beautiful lovely fresh tasty yummy fast quick easy worth favorite favourite impressive impressed reliable sturdy durable thank thanks "
        "glad delighted pleasant charming cozy cosy smooth solid gorgeous fun funny interesting entertaining fabulous terrific quality bargain "
        "attentive courteous professional spotless generous works authentic masterpiece compelling hilarious touching superbly well"
    ),
    1: "ok okay fine decent fair acceptable adequate cheap affordable reasonable useful warm soft light fits simple bright liked like prompt",
    -1: "average mediocre pricey expensive slow small tight loose thin cold loud noisy old dated bland meh lacking however unfortunately overpriced long",
    -2: (
        "bad poor disappointed disappointing disappointment dirty rude broken broke defective damaged wrong late missing refund return returned complain "
        "complaint unhappy useless waste wasted boring dull stupid annoying annoyed ugly uncomfortable cheaply flimsy fake hate hated fails failed fail "
        "fault faulty problem problems issue issues stale soggy undercooked overcooked tasteless unfriendly unprofessional smelly stains stained "
        "predictable lame silly weak mess crap ridiculous avoid never cancel cancelled nothing sad sorry error crash crashed leak leaked"
    ),
    -3: "terrible horrible awful worst disgusting scam fraud garbage trash pathetic appalling atrocious dreadful unacceptable nightmare rubbish abysmal",
}

EMOJI: Mapping[str, float] = {
    **dict.fromkeys("😀😃😄😁😊🙂😍🥰😘😋🤩👍👏❤💕💖🎉✨🌹😆☺💯", 2.0),
    **dict.fromkeys("😞😔😟🙁☹😣😖😫😩😢😭😤😠😡🤬🤮🤢👎💔😒😑🙄😓", -2.0),
}
"""One sign, one polarity."""

DEGREES: Mapping[str, float] = {
    **dict.fromkeys(["非常", "特别", "十分", "极其", "极", "超", "超级", "太", "真", "真的", "实在", "相当", "巨", "贼", "好好", "完全", "绝对", "最"], 1.5),
    **dict.fromkeys(["很", "挺", "蛮", "更", "更加", "还是"], 1.2),
    **dict.fromkeys(["有点", "有点儿", "有些", "略", "略微", "稍", "稍微", "比较", "不太", "不是很", "不怎么", "不够"], 0.7),
    **dict.fromkeys(["very", "extremely", "really", "so", "absolutely", "totally", "completely", "super", "incredibly", "highly", "too", "most"], 1.5),
    **dict.fromkeys(["quite", "pretty", "rather", "fairly"], 1.1),
    **dict.fromkeys(["slightly", "somewhat", "little", "bit", "kinda"], 0.7),
}  # fmt: skip
"""Words that strengthen or weaken what follows."""

NOT_NEGATING = frozenset(
    [
        "不错",
        "不仅",
        "不但",
        "不光",
        "不愧",
        "不要太",
        "不过",
        "不论",
        "不管",
        "不少",
        "不一会",
        "不久",
        "没想到",
        "没得说",
        "没话说",
        "没的说",
        "没毛病",
        "没问题",
        "无敌",
        "无可挑剔",
        "无线",
        "无论",
        "别墅",
        "别人",
        "别的",
        "别致",
        "特别",
        "差别",
        "区别",
        "个别",
        "分别",
        "级别",
        "性别",
        "非常",
        "除非",
        "是非",
        "并非",
        "未来",
        "要不",
        "不贵",
        "不值",
        "不满",
        "不好",
        "不足",
        "不够",
        "不理",
        "不推荐",
        "不新鲜",
        "不会再",
        "不能用",
        "不要脸",
        "无法",
        "无语",
        "没有送",
        "没送",
        "没法",
        "没货",
        "没味道",
        "对不起",
        "差不多",
        "不客气",
        "不用说",
        "忍不住",
        "爱不释手",
        "赞不绝口",
        "百吃不厌",
        "名不虚传",
        "名不副实",
        "名不符实",
        "一无是处",
    ]
)
"""Words that hold a negating character but are words of their own."""


def polarities() -> dict[str, float]:
    """Polarity of every word and sign.

    Returns
    -------
    dict[str, float]
        -3 to 3 by normalised word.
    """
    found = {
        word: float(value)
        for part in (_ZH, _EN)
        for value, words in part.items()
        for word in words.split()
    }
    return {**found, **EMOJI}
