# ruff: noqa: E501  lists of words read better in long lines
"""A small lexicon of how customers praise and complain, in Chinese and English.

Written for shops: goods, service, delivery, price. Polarity runs from -3 to 3. Nothing here was
fitted on any data set; it is what a reader of reviews knows beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping

_ZH: Mapping[int, str] = {
    3: "完美 极好 超棒 太棒 绝佳 惊艳 无可挑剔 超级好 非常好 非常棒 物超所值 五星 满分 赞不绝口 强烈推荐 爱不释手 一级棒 无敌 极佳 极棒 非常满意 非常喜欢 非常推荐 非常不错 太好了 太好吃 太赞 最好 最棒 五星级 宾至如归 流连忘返 受益匪浅 回味无穷 强推 必买 神器 超值",
    2: (
        "很好 好评 好吃 美味 喜欢 满意 推荐 不错 舒服 舒适 干净 整洁 热情 周到 贴心 优质 优秀 方便 便捷 快捷 实惠 划算 超值 值得 "
        "漂亮 好看 精致 温馨 安静 宽敞 豪华 新鲜 香 可口 开心 高兴 愉快 惊喜 感谢 谢谢 感激 准时 及时 神速 迅速 顺利 专业 耐心 "
        "细心 负责 给力 点赞 赞 棒 一流 到位 回购 常来 再来 下次还 还会 合身 显瘦 柔软 流畅 清晰 耐用 结实 正品 良心 性价比高 "
        "味道好 服务好 态度好 质量好 环境好 量足 份量足 实在 亲切 友好 友善 放心 信赖 可靠 支持 爱了 百吃不厌 名不虚传 "
        "辛苦 快递给力 送货快 速度快 很快 真快 超快 超级快 挺快 物美价廉 没得说 满足 美观 大方 时尚 细腻 暖和 "
        "舒心 温暖 便利 幽静 典雅 雅致 崭新 全新 热心 主动 微笑 有礼貌 彬彬有礼 首选 下次还来 下次再 还会来 还来 还会再 会再来 会再住 愿意 "
        "值得推荐 值得一 推荐给 地理位置好 位置好 位置不错 交通便利 交通方便 设施齐全 很大 挺好 蛮好 真好 真不错 挺不错 很不错 都不错 还不错 "
        "很棒 很赞 很香 很足 很新 很快 很满意 很喜欢 很方便 很干净 很舒服 很热情 很近 很值 很实惠 很划算 挺满意 比较满意 相当满意 相当不错 "
        "相当好 超好 超喜欢 超好吃 超赞 巨好吃 真心好 真香 好喝 入味 鲜美 酥脆 劲道 地道 正宗 分量足 份量大 量大 量多 料足 热乎 热腾腾 "
        "提前送达 提前到 按时 准点 神速 态度很好 态度好 服务周到 服务到位 服务一流 有意思 精彩 深刻 感动 启发 经典 好书 通俗易懂 "
        "快速 省电 省心 音质好 清楚 灵敏 漂亮 手感好 做工好 做工精细 物有所值 货真价实 原装 甜 水分足 个大 光滑 柔顺 保湿 清爽 好用 实用 "
        "耐看 百搭 版型好 不起球 不掉色 不伤手 没异味 无异味 没有异味 没色差 升级 免费升级 赠送 水果 惊喜"
    ),
    1: "好 还好 还可以 可以 还行 不贵 便宜 合适 适合 足 快 热 大 新 正宗 地道 齐全 丰富 卫生 优惠 免费 稳定 轻松 客气 礼貌",
    -1: (
        "一般 一般般 小贵 偏贵 偏小 偏大 略 可惜 勉强 凑合 普通 旧 陈旧 贵 冷 凉 慢 咸 淡 油腻 小 少 硬 薄 吵 远 乱 累 简陋 单调 "
        "有待 改进 提高 加强 建议 希望 不够 欠缺 稍微 缺点 不足 问题 "
        "老 老化 老旧 过时 破旧 偏远 偏僻 狭小 拥挤 偏咸 偏淡 偏辣 偏油 偏硬 偏软 偏慢 有点贵 有点小 有点吵 有点慢 有点咸 有点油 有点凉 有点差 "
        "不划算 不方便 不太 不怎么 不是很 没什么 没有了 只是 仅仅 才 将就 中规中矩 马马虎虎 还凑合 美中不足 遗憾 打折扣 不明显 太薄 太短 太长 太大"
    ),
    -2: (
        "差 很差 较差 太差 失望 难吃 不好 不满 难受 恶心 脏 臭 异味 霉 发霉 破 坏 破损 损坏 掉色 起球 褪色 开线 褶皱 变形 假 假货 "
        "骗 骗人 欺骗 忽悠 坑 坑人 后悔 投诉 退货 退款 退掉 态度差 质量差 服务差 环境差 慢死 太慢 很慢 太贵 太少 太小 太吵 太咸 太油 "
        "冷漠 冷冰冰 凉了 冷了 洒了 撒了 漏 漏发 少送 送错 发错 错 错误 没有送 没送 迟到 晚 超时 等了 催 敷衍 推脱 推卸 不理 无语 "
        "郁闷 生气 气愤 糟 糟糕 垃圾 噪音 嘈杂 蟑螂 虫 头发 苍蝇 拉肚子 馊 变质 过期 不新鲜 没味道 不值 上当 吵闹 潮湿 简直 居然 竟然 "
        "麻烦 卡顿 死机 发热 闪退 黑屏 瑕疵 划痕 缺货 没货 不能用 没法 无法 差评 再也 不会再 不推荐 名不副实 名不符实 粗糙 刺鼻 劣质 "
        "不敢恭维 不能接受 不可思议 不会再来 不会再住 不会再买 不会再点 不再 再也不 绝不 别买 别去 千万别 慎重 谨慎 劝 不要买 不要住 不要来 不建议 "
        "太旧 太破 太脏 太臭 太吓人 太烂 太次 太黑 太坑 太难吃 太过分 太硬 太辣 太淡 太干 太小了 太远 太偏 太乱 太简陋 太潮 很旧 很小 很吵 很脏 "
        "很破 很臭 很硬 很难吃 很失望 很不满 很不爽 很一般 很不好 很糟 很糟糕 很不方便 好慢 好难吃 好差 超慢 超难吃 真差 真难吃 真慢 巨慢 "
        "最差劲 没人 没人管 没有人 不管 不给 不退 不回 不接 不理人 不耐烦 爱答不理 爱理不理 推三阻四 凶 骂 吵架 冷淡 生硬 傲慢 无礼 素质差 没礼貌 "
        "不卫生 不干净 不热 不熟 没熟 不好吃 不好喝 不喜欢 不满意 不舒服 不隔音 隔音差 不合适 不合理 不值得 不划算 不准 不准时 不及时 不专业 不清楚 "
        "不能忍 不如 不像 不符 不一样 不一致 不行 不对 不爽 不足 不够 没有味道 没送到 没给 没有给 没放 没加 没有筷子 没筷子 没餐具 少了 漏了 缺 缺少 "
        "送餐慢 送的慢 送得慢 送来晚 太晚 晚了 晚到 迟 迟了 拖 拖延 耽误 半天 一个多小时 两个小时 两小时 一小时 饿死 冰凉 冰冷 冷掉 凉透 坨 糊 "
        "油大 腥 腥味 酸了 臭了 坏的 烂的 干巴巴 难喝 难看 难闻 难用 呛 恶臭 霉味 烟味 臭味 怪味 污渍 灰尘 蟑 蚊子 蚂蚁 老鼠 漏水 停电 "
        "被骗 受骗 宰客 宰人 乱收费 黑心 奸商 虚假 假冒 山寨 盗版 二手 翻新 货不对板 色差 缩水 断 断了 裂 裂开 掉漆 松动 卡 慢死了 死慢 反应慢 "
        "蓝屏 重启 噪音大 发烫 烫 充不进 没电 耗电 打不开 连不上 用不了 不好用 没用 没效果 无效 过敏 起痘 伤 疼 痛 头疼 倒闭 关门 整改 曝光 "
        "气死 火大 崩溃 无法忍受 忍无可忍 可恶 可气 可笑 荒唐 荒谬 离谱 过分 岂有此理 算了 唉 哎 呸 晕 汗 倒霉 郁闷 悲剧 杯具 吐 呕 想吐 催了"
    ),
    -3: "极差 差劲 恶劣 最差 垃圾 骗子 太烂 烂 烂透 黑店 坑爹 愤怒 差到极点 一无是处 毒 中毒 欺诈 诈骗 不要脸 极其失望 非常差 非常失望 非常糟糕 非常不满 非常不满意 非常恶劣 极不 极其差 极其恶劣 最烂 最差的 最糟 最难吃 差得要命 差的要死 史上最差 奇差 奇差无比 巨差 超差 差评差评 零分 负分 零星 一星 没有一星 烂到家 太差了 太差劲 太恶心 太失望 太糟糕",
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
