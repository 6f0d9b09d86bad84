"""The terms of the founding documents, written exactly so wherever the product has a word for the same thing."""

import re

import pytest

import locales

TERMS = {  # term → keys of the glossary that are it
    "客户留存率": ("metrics.retention.name",),
    "净推荐值": ("metrics.nps.name", "nps.short"),
    "客户平均收入": ("metrics.arpu.name",),
    "首月留存率": ("metrics.first_month_retention.name",),
    "客户分群变化率": ("metrics.segment_change_rate.name",),
    "客户终身价值": ("metrics.ltv.name",),
    "客户活跃度": ("metrics.activity.name",),
    "销售线索转化率": ("metrics.lead_conversion.name",),
    "成交周期": ("metrics.sales_cycle.name",),
    "活动ROI": ("metrics.promotion_roi.name",),
    "满意度": ("metrics.satisfaction.name", "segments.parts.satisfaction"),
    "核心客户": ("values.grade.core", "segments.grades.core"),
    "重点客户": ("values.grade.key", "segments.grades.key"),
    "普通客户": ("values.grade.ordinary", "segments.grades.ordinary"),
    "潜在客户": ("values.grade.potential", "segments.grades.potential"),
    "高价值客户": ("segments.tiers.high_value",),
    "潜力客户": ("segments.tiers.potential",),
    "流失客户": ("segments.tiers.lost",),
    "合作金额": ("segments.parts.amount",),
    "互动频率": ("segments.parts.interactions",),
    "增长潜力": ("segments.parts.growth",),
    "直接价值": ("arpu.direct",),
    "间接价值": ("arpu.indirect",),
    "潜在价值": ("arpu.potential",),
    "品类渗透": ("arpu.penetration",),
    "口碑传播": ("arpu.word_of_mouth",),
    "线索获取": ("funnel.known.lead",),
    "跟进": ("funnel.known.follow_up",),
    "报价": ("funnel.known.quote",),
    "合同": ("funnel.known.contract",),
    "回款": ("funnel.known.payment_received",),
    "客户接触点": ("why.columns.touchpoint",),
    "企业规模": ("why.columns.size", "arpu.segments.size", "retention.segments.size", "segments.columns.size", "segments.features.size"),
    "行业": ("filters.industry", "why.columns.industry"),
}
WITHIN = {"特征是否偏移": "segments.inside", "购买频次": "arpu.frequency", "推荐意愿": "nps.none.what", "停滞": "metrics.stalled.name"}


@pytest.mark.parametrize(("term", "key"), [(term, key) for term, keys in TERMS.items() for key in keys])
def test_a_term_is_written_as_in_the_founding_documents(term, key):
    assert locales.word(key, "zh-CN") == term


@pytest.mark.parametrize(("term", "key"), WITHIN.items())
def test_and_inside_a_sentence_too(term, key):
    assert term in locales.word(key, "zh-CN")


ONE_THING_ONE_WORD = ("region", "industry", "size", "channel", "owner")


@pytest.mark.parametrize("name", ONE_THING_ONE_WORD)
def test_one_thing_has_one_word(name):
    """The same column is called the same on every page; who answers for a target is another thing."""
    keys = [key for key in locales.glossary() if re.search(rf"^(?!targets)(filters|.*\.(segments|columns|features))\.{name}$", key)]
    assert len(keys) > 1
    assert len({locales.word(key, "zh-CN") for key in keys}) == 1, {key: locales.word(key, "zh-CN") for key in keys}
