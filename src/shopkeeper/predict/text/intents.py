# ruff: noqa: E501  lists of words read better in long lines
"""What customers want and what they speak about: phrases of retail, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shopkeeper.predict.text.phrases import Floats, Phrases
from shopkeeper.predict.text.units import Ints, Units

INTENTS: Mapping[str, str] = {
    "human": "转人工,人工客服,人工服务,找人工,真人,人工,客服在吗,接线员,human agent,real person,speak to someone,talk to someone,talk to a person,customer service representative,speak to a manager,live agent",
    "return": "退货,退款,退钱,退掉,退了,想退,要退,能退,可以退,怎么退,换货,退换,七天无理由,换一个,换一件,退还,refund,return,returns,money back,exchange,send it back,send back,swap it",
    "complaint": "投诉,举报,差评,骗子,骗人,欺骗,假货,12315,消协,曝光,赔偿,索赔,太过分,complain,complaint,scam,fraud,compensation,unacceptable,report you",
    "cancel": "取消订单,取消,不想要了,不要了,改地址,修改地址,改订单,cancel my order,cancel,change my order,change my address,change the address",
    "delivery": "快递,物流,发货,送货,配送,送达,到货了吗,什么时候到,几天到,多久到,还没到,没收到,没到,单号,运费,包邮,顺丰,签收,派送,催单,自提,shipping,delivery,deliver,delivered,tracking,track my order,where is my order,when will it arrive,arrive,shipped,courier,package,parcel,hasn't arrived",
    "invoice": "发票,开票,税号,抬头,专票,普票,收据,invoice,receipt,vat,tax number",
    "price": "多少钱,价格,价钱,优惠,优惠券,打折,折扣,便宜点,最低价,活动,满减,红包,降价,保价,价保,几折,price,cost,how much,discount,coupon,voucher,promo,promotion,on sale,cheaper,price match,deal",
    "stock": "有货,缺货,没货,现货,库存,补货,断货,什么时候有,还有吗,有没有货,预售,in stock,out of stock,available,availability,restock,back in stock,sold out",
    "size": "尺码,尺寸,码数,多大码,什么码,几码,偏大,偏小,身高,体重,穿多大,合身,size,sizing,fit,fits,what size,too small,too big,measurements",
    "fault": "坏了,故障,不能用,打不开,开不了,用不了,破损,损坏,维修,保修,售后,质保,瑕疵,broken,defective,damaged,doesn't work,not working,stopped working,warranty,repair,faulty",
    "product": "材质,成分,保质期,怎么用,如何使用,功能,参数,配置,适合,区别,正品吗,是正品,产地,说明书,ingredients,material,how to use,how do i use,specifications,specs,compatible,difference between,manual,expiry",
    "account": "登录,密码,账号,账户,注册,会员,积分,绑定,注销,验证码,password,log in,login,account,sign in,membership,points,verification code",
    "payment": "付款,支付,支付宝,微信支付,信用卡,分期,花呗,扣款,重复扣款,pay,payment,credit card,charged twice,charged,instalments,installments,paypal",
    "thanks": "谢谢,感谢,多谢,辛苦了,thank you,thanks,cheers,much appreciated",
}
"""Phrases by intent; an intent further up wins when two are equally strong."""

WORDS: Mapping[str, tuple[str, str]] = {
    "human": ("转人工", "Human agent"), "return": ("退换与退款", "Return or refund"),
    "complaint": ("投诉", "Complaint"), "cancel": ("取消或修改订单", "Cancel or change an order"),
    "delivery": ("配送与物流", "Delivery"), "invoice": ("发票", "Invoice"),
    "price": ("价格与优惠", "Price and discounts"), "stock": ("库存", "Stock"),
    "size": ("尺码", "Size"), "fault": ("质量与售后", "Faults and repair"),
    "product": ("商品咨询", "Question about a product"), "account": ("账户与会员", "Account"),
    "payment": ("支付", "Payment"), "thanks": ("致谢", "Thanks"),
    "search": ("找商品", "Looking for a product"),
}  # fmt: skip
"""Name of each intent in Chinese and English."""

ASPECTS: Mapping[str, str] = {
    "service": "服务,态度,客服,服务员,前台,店员,老板,商家,卖家,店家,售后,热情,耐心,回复,service,staff,waiter,waitress,manager,seller,support,employee,reception",
    "delivery": "快递,物流,送货,配送,送餐,骑士,外卖员,小哥,发货,速度,包装,送达,准时,到货,delivery,shipping,courier,arrived,package,packaging,driver",
    "quality": "质量,味道,口味,做工,材质,品质,面料,新鲜,好吃,难吃,分量,份量,口感,掉色,效果,quality,taste,material,fabric,flavor,flavour,food,build,fresh,durable",
    "price": "价格,价钱,性价比,便宜,贵,划算,实惠,优惠,值得,price,prices,value,expensive,cheap,overpriced,worth,cost",
    "place": "环境,房间,位置,地理位置,卫生,设施,隔音,交通,装修,停车,早餐,床,浴室,room,rooms,location,clean,atmosphere,bathroom,bed,breakfast,parking,noise",
    "size": "尺码,尺寸,大小,码,合身,偏大,偏小,显瘦,size,fit,fits,tight,loose",
}
"""Phrases by aspect."""

ASPECT_WORDS: Mapping[str, tuple[str, str]] = {
    "service": ("服务", "Service"), "delivery": ("配送", "Delivery"), "quality": ("品质", "Quality"),
    "price": ("价格", "Price"), "place": ("环境", "Place"), "size": ("尺码", "Size"),
}  # fmt: skip
"""Name of each aspect in Chinese and English."""

SEARCH = "search"
"""Intent of a search in which nothing else was recognised."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Which topic each text is about, and where that is said.

    Parameters
    ----------
    names : tuple[str, ...]
        The topics; a place in this tuple is their number.
    strength : Floats
        Units spent on each topic; shape (texts, topics).
    unit, length, topic : Ints
        First unit, units and number of the topic of each phrase found.
    """

    names: tuple[str, ...]
    strength: Floats
    unit: Ints
    length: Ints
    topic: Ints

    def best(self) -> list[str | None]:
        """Strongest topic of each text; None where nothing was recognised."""
        if not len(self.strength):
            return []
        at = self.strength.argmax(axis=1)
        seen = self.strength.max(axis=1) > 0
        return [self.names[i] if ok else None for i, ok in zip(at, seen, strict=True)]


class TopicRules:
    """Topics told by phrases.

    Parameters
    ----------
    phrases : Mapping[str, str]
        Phrases by topic, separated by commas.
    """

    def __init__(self, phrases: Mapping[str, str]) -> None:
        self.names = tuple(phrases)
        table: dict[str, float] = {}
        for number, words in enumerate(phrases.values()):
            for word in words.split(","):
                table.setdefault(word, float(number))
        self._phrases = Phrases(table)

    def find(self, units: Units) -> Topics:
        """Find the topics of texts.

        Parameters
        ----------
        units : Units
            Texts cut into units.

        Returns
        -------
        Topics
            Long phrases say more than short ones.

        Examples
        --------
        >>> from shopkeeper.predict.text.units import read_units
        >>> units = read_units(["我的快递什么时候到", "I want a refund", "天气"])
        >>> TopicRules(INTENTS).find(units).best()
        ['delivery', 'return', None]
        """
        found = self._phrases.find(units)
        topic = found.value.astype(np.int64)
        # a word of an alphabet says as much as two characters
        weight = found.length * np.where(units.word[found.unit], 2.0, 1.0)
        strength = np.bincount(
            units.text[found.unit] * len(self.names) + topic,
            weights=weight,
            minlength=units.texts * len(self.names),
        )
        shape = (units.texts, len(self.names))
        spent = np.asarray(strength, dtype=np.float64).reshape(shape)
        return Topics(self.names, spent, found.unit, found.length, topic)
