"""Invented words: places, trades, brands and people. None of them is a real company or person."""

from __future__ import annotations

# share of customers, region, country, currency, the city's name there, its name in Latin letters
PLACES = (
    (0.11, "East China", "CN", "CNY", "苏州", "Suzhou"),
    (0.08, "East China", "CN", "CNY", "宁波", "Ningbo"),
    (0.07, "East China", "CN", "CNY", "杭州", "Hangzhou"),
    (0.11, "South China", "CN", "CNY", "佛山", "Foshan"),
    (0.09, "South China", "CN", "CNY", "东莞", "Dongguan"),
    (0.08, "North China", "CN", "CNY", "天津", "Tianjin"),
    (0.06, "North China", "CN", "CNY", "青岛", "Qingdao"),
    (0.07, "Southwest China", "CN", "CNY", "成都", "Chengdu"),
    (0.06, "Southwest China", "CN", "CNY", "重庆", "Chongqing"),
    (0.06, "Europe", "DE", "EUR", "Dortmund", "Dortmund"),
    (0.03, "Europe", "IT", "EUR", "Brescia", "Brescia"),
    (0.03, "Europe", "GB", "GBP", "Sheffield", "Sheffield"),
    (0.06, "Japan", "JP", "JPY", "Hamamatsu", "Hamamatsu"),
    (0.05, "North America", "US", "USD", "Dayton", "Dayton"),
    (0.02, "Southeast Asia", "SG", "USD", "Jurong", "Jurong"),
    (0.02, "Southeast Asia", "MY", "USD", "Ipoh", "Ipoh"),
)
LEGAL_FORMS = {"DE": "GmbH", "IT": "S.r.l.", "GB": "Ltd", "JP": "K.K.", "US": "Inc.", "SG": "Pte. Ltd.", "MY": "Sdn. Bhd."}

# share of customers, industry, the word for it in a Chinese company name, in a foreign one
INDUSTRIES = (
    (0.22, "Electronics", "电子", "Electronics"),
    (0.18, "Food & Beverage", "食品", "Foods"),
    (0.16, "Automotive Parts", "汽配", "Automotive"),
    (0.14, "Chemicals", "化工", "Chemicals"),
    (0.12, "Textiles", "纺织", "Textiles"),
    (0.10, "Pharmaceuticals", "制药", "Pharma"),
    (0.08, "Logistics", "物流", "Logistics"),
)

# share of customers, size, employees, how much they buy (small = 1), yearly chance to leave if well followed up, chance of a follow-up within 72 h
SIZES = (
    (0.44, "small", "1-49", 1.0, 0.097, 0.56),
    (0.33, "medium", "50-249", 2.2, 0.062, 0.72),
    (0.17, "large", "250-999", 5.0, 0.043, 0.86),
    (0.06, "enterprise", "1000+", 12.0, 0.028, 0.93),
)
CHANNELS = ((0.34, "direct"), (0.26, "distributor"), (0.18, "online"), (0.12, "referral"), (0.10, "exhibition"))

BRANDS = (
    ("曜", "yao"), ("澜", "lan"), ("岚", "lam"), ("珩", "heng"), ("翊", "yi"), ("铄", "shuo"), ("沄", "yun"), ("峤", "qiao"), ("璟", "jing"),
    ("骁", "xiao"), ("泓", "hong"), ("垚", "yau"), ("钰", "yu"), ("湛", "zhan"), ("烨", "ye"), ("弈", "yih"), ("朔", "shu"), ("晟", "sheng"),
    ("翰", "han"), ("铭", "ming"), ("禾", "he"), ("辰", "chen"), ("予", "yue"), ("屹", "yit"), ("谦", "qian"), ("沐", "mu"), ("恺", "kai"), ("筱", "siao"),
)  # fmt: skip
SUFFIXES_ZH = ("有限公司", "科技有限公司", "股份有限公司", "实业有限公司", "设备有限公司")
ROOTS = {
    "JP": (("Kita", "Asa", "Haru", "Taka", "Shio", "Mina", "Ogu", "Ise", "Nagi", "Tomo"), ("mori", "saki", "shima", "zawa", "hara", "mine", "tani", "oka")),
    "": (
        ("Nor", "Vel", "Kar", "Bro", "Tes", "Lun", "Hal", "Fen", "Dre", "Gry", "Sol", "Win", "Ard", "Bel", "Cor", "Tar"),
        ("vik", "dorf", "tec", "mann", "lund", "stone", "field", "berg", "exa", "mark", "wick", "holm", "dale", "gard"),
    ),
}

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
GIVEN = (
    "佳宁",
    "梓涵",
    "思远",
    "雨桐",
    "浩然",
    "欣怡",
    "志强",
    "晓燕",
    "建国",
    "文静",
    "俊杰",
    "丽娜",
    "海涛",
    "春梅",
    "一鸣",
    "若溪",
    "景行",
    "知夏",
    "怀瑾",
    "书瑶",
)
SURNAMES_ABROAD = (
    "Lindqvist",
    "Marlowe",
    "Keller",
    "Ferrante",
    "Okabe",
    "Tanimoto",
    "Whitcombe",
    "Brandt",
    "Rossetti",
    "Halvorsen",
    "Nakata",
    "Teo",
    "Rahim",
    "Dawson",
)
GIVEN_ABROAD = ("Anna", "Jonas", "Mika", "Elena", "Paul", "Greta", "Kenji", "Yuki", "Laura", "Simon", "Farah", "Owen", "Clara", "Marco")
ROLES = ("decision maker", "user", "buyer", "technical gatekeeper", "finance")

# department, team members, its regions (empty: serves all)
DEPARTMENTS = (
    ("Sales East", 12, ("East China",)),
    ("Sales South", 9, ("South China",)),
    ("Sales North & West", 11, ("North China", "Southwest China")),
    ("International Sales", 13, ("Europe", "Japan", "North America", "Southeast Asia")),
    ("Customer Success", 10, ()),
    ("Service", 9, ()),
)

# product line, what it is called in Chinese, monthly price of its service contract (CNY), price of its typical spare part (CNY)
LINES = (
    ("Compressors", "空压机", 1450, 2300),
    ("Cooling", "冷却系统", 1150, 1500),
    ("Water Treatment", "水处理", 980, 900),
    ("Monitoring", "在线监测", 760, 420),
)
MODELS = (("Equipment E1", 78000), ("Equipment E2", 145000), ("Service Contract", 0), ("Spare Parts Kit", 1), ("Filter Set", 0.4), ("Sensor", 0.25))

TOUCHPOINTS = ((0.20, "Sales"), (0.13, "Installation"), (0.25, "Maintenance"), (0.20, "Support hotline"), (0.09, "Training"), (0.13, "Spare parts"))
LOST_REASONS = ((0.31, "price"), (0.24, "competitor"), (0.17, "no budget"), (0.13, "no decision"), (0.09, "product fit"), (0.06, "timing"))

# what respondents write: (happy, content, unhappy) by language
VERBATIMS = {
    "zh": (
        ("服务响应很快，工程师很专业。", "合作多年，一直很放心。", "设备稳定，售后跟进及时。", "在线监测帮我们省了不少停机时间。"),
        ("整体可以，备件价格偏高。", "产品不错，交付再快一点更好。", "基本满意，希望多做培训。"),
        ("{touchpoint_zh}太慢，多次延期。", "问题反复出现，没有人跟进。", "{line_zh}故障率高，影响生产。", "报价流程太长，等了一个多月。"),
    ),
    "en": (
        ("Quick response and a very competent engineer.", "Reliable equipment, we recommend it to our partners.", "Great support, always reachable."),
        ("Fine overall, spare parts are expensive.", "Good product, delivery could be faster.", "Solid, but we would like more training."),
        ("{touchpoint} took far too long and was postponed twice.", "The same fault again and nobody followed up.", "{line} keeps failing during production."),
    ),
}
TOUCHPOINTS_ZH = {
    "Sales": "销售对接",
    "Installation": "安装调试",
    "Maintenance": "维护保养",
    "Support hotline": "热线支持",
    "Training": "培训",
    "Spare parts": "备件供应",
}
