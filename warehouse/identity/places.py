"""Places, trades, legal forms and branches in companies' names, as regular expressions of RE2; the words are in words.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))

_PLACE = "|".join(sorted([*WORDS["provinces"], *WORDS["cities"]], key=len, reverse=True))
_UNIT = "(?:特别行政区|自治区|自治州|经济技术开发区|高新区|新区|地区|省|市|区|县|镇)"
HAN_PLACE = f"(?:(?:{_PLACE}){_UNIT}?)"
LATIN_PLACE = f"(?:{'|'.join(WORDS['latin_places'])})"
HAN_TRADE = f"(?:{'|'.join(WORDS['trades'])})"
LATIN_TRADE = (
    "(?:technolog(?:y|ies)|tech|trading|trade|industr(?:y|ies|ial)|international|intl|global|group|holdings?|solutions?|systems?|services?|software|consulting|consultants|"
    "electronics?|logistics|enterprises?|manufacturing|mfg|engineering|pharma(?:ceuticals?)?|chemicals?|foods?|media|energy|capital|investments?|partners|associates|sons)"
)
HAN_LEGAL = "(?:集团|控股|股份|有限合伙|普通合伙|特殊普通合伙|合伙企业|有限责任|有限|总公司|公司|株式会社|有限会社|合同会社)"
LATIN_LEGAL = (
    "(?:incorporated|inc|corporation|corp|company|co|limited|ltd|ltda|llc|llp|lp|plc|gmbh|mbh|ag|kg|kgaa|ohg|ug|ev|sa|sas|sarl|srl|spa|sl|bv|nv|ab|oy|oyj|as|asa|aps|sro|"
    "doo|pty|pte|pvt|private|sdn|bhd|kk|kabushiki kaisha|jsc|ooo|co kg)"
)
HAN_BRANCH = "(?:分公司|支公司|分行|支行|分理处|办事处|代表处|联络处|营业部|营业所|分部|分店|分厂|分院)"
LATIN_BRANCH = "(?:branch office|branch|representative office|rep office|zweigniederlassung|niederlassung|succursale|sucursal|filiale)"
OWN_BODIES = "(?:街道|乡|镇政府|人民政府)办事处"  # an office of a town is a body of its own, nobody's branch
FORMER = "(?:停用|作废|已停用|已作废|已注销|注销|旧|原|曾用名|重复|勿用|测试|inactive|old|duplicate|do not use|closed|test)"  # notes of clerks in brackets
