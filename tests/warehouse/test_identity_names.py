"""Names and keys in their normal form: every rule by hand."""

import duckdb
import pytest

from warehouse.identity import keys, names

COMPANIES = {  # name → brand, place, trade, legal form, branch
    "华为技术有限公司": ("华为", None, "技术", "有限公司", None),
    "上海華為技術有限公司": ("华为", "上海", "技术", "有限公司", None),
    "（上海）华为技术有限公司": ("华为", "上海", "技术", "有限公司", None),
    "华为技术（上海）有限责任公司": ("华为", "上海", "技术", "有限责任公司", None),
    "广东省深圳市华为　技术股份有限公司": ("华为", "广东深圳", "技术", "股份有限公司", None),
    "阿里巴巴集团控股有限公司": ("阿里巴巴", None, None, "集团控股有限公司", None),
    "ＡＢＣ科技（停用）": ("abc", None, "科技", None, None),
    "北京银行": ("北京银行", "北京", "银行", None, None),  # nothing of its own: place and trade are its name
    "华为技术有限公司上海分公司": ("华为", None, "技术", "有限公司", "上海分公司"),
    "华为技术有限公司（上海分公司）": ("华为", None, "技术", "有限公司", "上海分公司"),
    "华为上海分公司": ("华为", None, None, None, "上海分公司"),
    "中国工商银行股份有限公司上海市分行": ("工商", "中国", "银行", "股份有限公司", "上海市分行"),
    "招商银行深圳南山支行": ("招商", None, "银行", None, "深圳南山支行"),
    "华为驻京办事处": ("华为驻京", None, None, None, "办事处"),
    "城关街道办事处": ("城关街道办事处", None, None, None, None),  # an office of a town is nobody's branch
    "Acme Trading Co., Ltd.": ("acme", None, "trading", "co ltd", None),
    "Shanghai Acme Technology Inc": ("acme", "shanghai", "technology", "inc", None),
    "ACME Ltd Shanghai Branch": ("acme", None, None, "ltd", "shanghai branch"),
    "Acme S.A.": ("acme", None, None, "sa", None),
    "Siemens GmbH & Co. KG": ("siemens", None, None, "gmbh co kg", None),
    "Toyota K.K.": ("toyota", None, None, "kk", None),
    "Olive Branch": ("olive branch", None, None, None, None),
    "Société Générale S.A.": ("société générale", None, None, "sa", None),
    "有限公司": ("有限公司", None, None, "有限公司", None),
    "(停用)": (None, None, None, None, None),
}
PERSONS = {"張偉 先生": "张伟", "张 伟": "张伟", "Zhang Wei": "wei zhang", "Dr. Wei ZHANG": "wei zhang", "Wei, Zhang": "wei zhang", "欧阳　娜娜": "欧阳娜娜"}


@pytest.fixture(scope="module")
def normal():
    con = duckdb.connect()
    con.execute("create table asked (kind varchar, name varchar)")
    con.executemany("insert into asked values (?, ?)", [*(("company", name) for name in COMPANIES), *(("person", name) for name in PERSONS)])
    con.execute("insert into asked values ('company', null), ('company', '华为技术有限公司')")
    names.names(con, "asked", "named")
    return {name: found for name, *found in con.execute("select name, brand, place, trade, legal, branch from named").fetchall()}


@pytest.mark.parametrize("name", COMPANIES)
def test_a_companys_name_in_its_parts(normal, name):
    assert tuple(normal[name]) == COMPANIES[name]


@pytest.mark.parametrize("name", PERSONS)
def test_a_persons_name_in_one_order(normal, name):
    assert normal[name][0] == PERSONS[name]


def test_each_name_is_computed_once(normal):
    assert len(normal) == len(COMPANIES) + len(PERSONS)


def test_names_without_any_rows():
    con = duckdb.connect()
    con.execute("create table asked (kind varchar, name varchar)")
    names.names(con, "asked", "named")
    assert con.execute("select count(*) from named").fetchone() == (0,)


def test_texts_keep_their_places():
    """A text may not take its neighbour's place, whatever signs are in it."""
    texts = ["華為", "", "a\u2028b", "ﬁ", "\x85", "體育"]
    assert names.simplified(texts) == ["华为", "", "a\u2028b", "fi", "\x85", "体育"]
    assert names.simplified([]) == []


KEYS = {  # column → written → key
    "tax_no": {
        "91350100M000100Y43": "91350100M000100Y43",  # the example of GB 32100
        "91110000600037341L": "91110000600037341L",  # weighted sum 11 modulo 31, 31 - 11 = 20: L
        " 9111 0000-600037341l ": "91110000600037341L",
        "91110000600037342L": None,  # one character changed: the check character fits no more
        "11010519491231002X": "11010519491231002X",  # the example of GB 11643: a person is taxed under it
        "110105194912310021": None,
        "DE 811 569 869": "DE811569869",
        "000000000": None, "123456789": None, "n/a": None, "无": None, "12": None, "": None,
    },
    "email": {
        " A.B@Corp.COM ": "a.b@corp.com", "mailto:a@corp.com": "a@corp.com", "a@qq.com": "a@qq.com", "a＠corp.cn": "a@corp.cn", "a@corp": None,
        "no-reply@corp.com": None, "a@example.com": None, "a b@": None, "暂无": None,
    },
    "phone": {
        "13800138000": "+8613800138000", "+86 138-0013-8000": "+8613800138000", "0086 13800138000": "+8613800138000",
        "１３８００１３８０００": "+8613800138000",
        "13800138000/13900139000": "+8613800138000", "010-62782266": "+861062782266",
        "(010) 6278 2266 转 801": "+861062782266",
        "0755 26770000-12": "+8675526770000",
        "+1 650 253 0000": "+16502530000", "400-810-8888": None, "95588": None, "13888888888": None,
        "62782266": None, "1380013800": None, "-": None, "TBD": None,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def keyed():
    con = duckdb.connect()
    con.execute("create table asked (record_id varchar, tax_no varchar, email varchar, phone varchar)")
    for column, cases in KEYS.items():
        con.executemany(f"insert into asked (record_id, {column}) values (?, ?)", [(f"{column}:{written}", written) for written in cases])
    tidy = ", ".join(f"{keys.missing(column)} as {column}" for column in KEYS)
    con.execute(f"create table tidied as select record_id, {tidy} from asked")
    keys.keys(con, "tidied", "keyed")
    return {row[0]: dict(zip(("tax_no", "email", "domain", "phone"), row[1:], strict=True)) for row in con.execute("from keyed").fetchall()}


@pytest.mark.parametrize(("column", "written"), [(column, written) for column, cases in KEYS.items() for written in cases])
def test_a_key_in_its_normal_form(keyed, column, written):
    assert keyed[f"{column}:{written}"][column] == KEYS[column][written]


def test_a_domain_where_anybody_may_have_an_address_is_no_key(keyed):
    assert keyed["email: A.B@Corp.COM "]["domain"] == "corp.com"
    assert keyed["email:a@qq.com"]["domain"] is None


def test_what_the_library_cannot_parse_is_no_number():
    assert keys.international("+999123") is None and keys.international("abc") is None
    assert keys.international("+442079460018") == "+442079460018"
