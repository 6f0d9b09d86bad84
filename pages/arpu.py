"""What is a customer worth, and where does revenue come from?"""

from functools import partial

import streamlit as st

import charts
from access.guard import guard
from ui import behind, data, numbers, page, spoken
from ui.cards import Card, row
from ui.figure import clickable, figure, ready
from ui.method import how
from ui.table import Column, listing, table
from ui.words import definition_of, name_of, plain, t, value_of

guard("arpu")

CARDS = {
    "recurring": (
        Card("arpa"), Card("mrr"), Card("arpu"), Card("arppu"),
        Card("revenue"), Card("ltv", trend=False), Card("concentration", trend=False), Card("quick_ratio", leads_to="retention", trend=False),
    ),
    "purchases": (Card("arppu"), Card("arpu"), Card("revenue"), Card("concentration", trend=False)),
}  # fmt: skip
AVERAGES = {"recurring": ("arpa", "arpu", "arppu", "mrr", "revenue", "ltv"), "purchases": ("arppu", "arpu", "revenue")}
DIVIDED = {"recurring": ("arpa", "arpu", "arppu", "ltv"), "purchases": ("arppu", "arpu")}  # averages, that segments can be compared by
SEGMENTS = ("region", "industry", "grade", "size", "channel", "owner")
ALWAYS, CENT = ("before", "volume", "mix", "price", "after"), 0.005  # steps that are shown at any size; below a cent the others are nothing
ITEMS = ("category", "product_id", "region", "industry", "grade")
SERIES = {
    "period": Column("retention.step"), "value": Column("arpu.value", "money"), "low": Column("retention.low", "money"),
    "high": Column("retention.high", "money"), "n": Column("retention.customers", "count"), "numerator": Column("arpu.numerator", "money"),
    "denominator": Column("arpu.denominator", "ratio"), "complete": Column("retention.complete"),
}  # fmt: skip
CUSTOMERS = {
    "customer": Column("retention.customer"), "amount_per_month": Column("retention.a_month", "money"), "agreements": Column("retention.agreements", "count"),
    "revenue": Column("arpu.revenue", "money"), "orders": Column("arpu.orders", "count"), "customer_months": Column("arpu.customer_months", "ratio"),
    "last_on": Column("arpu.last_on"),
}  # fmt: skip
CURVE = {
    "percent": Column("arpu.percent", "count"), "n": Column("retention.customers", "count"), "value": Column("arpu.share", "share"),
    "numerator": Column("arpu.revenue", "money"),
}  # fmt: skip
VALUED = {
    "customer": Column("retention.customer"), "value": Column("arpu.worth", "money"), "direct": Column("arpu.direct", "money", "arpu.direct_help"),
    "indirect": Column("arpu.indirect", "money", "arpu.indirect_help"), "potential": Column("arpu.potential", "money", "arpu.potential_help"),
    "index": Column("arpu.index", "ratio", "arpu.index_help"), "frequency": Column("arpu.frequency", "ratio"),
    "penetration": Column("arpu.penetration", "share"), "word_of_mouth": Column("arpu.word_of_mouth", "ratio"), "orders": Column("arpu.orders", "count"),
    "categories": Column("arpu.categories", "count"), "referred": Column("arpu.referred", "count"),
}  # fmt: skip
PROMOTIONS = {
    "name": Column("arpu.promotion"), "value": Column("arpu.roi", "share"), "net": Column("arpu.net", "money"), "revenue": Column("arpu.attributed", "money"),
    "cost": Column("arpu.cost", "money"), "n": Column("retention.customers", "count"), "starts_on": Column("arpu.starts_on"),
}  # fmt: skip
LINES = {
    "customer": Column("retention.customer"), "invoice_id": Column("arpu.invoice"), "issued_on": Column("arpu.issued_on"),
    "revenue": Column("arpu.attributed", "money"),
}  # fmt: skip

view = page.begin("arpu")


def money(value) -> str:
    return numbers.shown(value, "money", view.currency)


def share(value) -> str:
    return numbers.shown(value, "share")


def one_of(label: str, options, key: str, called) -> str:
    return st.pills(t(label), options, default=options[0], format_func=called, key=key, required=True, wrap=True)


def metric_name(name: str) -> str:
    return name_of(data.metric(name))


@data.told
def _brings(view, name: str) -> str | None:
    """What a customer brings, and who brings most of it; None where that is not known."""
    first, spread = data.answer(view, name).rows, data.answer(view, "concentration").rows
    if first.empty or first.iloc[0]["state"] != "value":
        return None
    said = t(f"arpu.says_{name}", value=money(first.iloc[0]["value"]), n=numbers.count(first.iloc[0]["n"]), total=money(first.iloc[0]["numerator"]))
    if len(spread) and spread.iloc[0]["state"] == "value":
        said += " " + t("arpu.says_top", share=share(spread.iloc[0]["value"]))
    return said


@data.told
def _course(view, name: str):
    """An amount step by step, its figure and what that says; neither of these where no step has a value."""
    metric, answer = data.metric(name), data.answer(view, name, grain=view.grain)
    if not answer.rows["value"].notna().any():
        return answer, None, None
    spec = charts.line(answer.rows, money, grain=view.grain, tick=numbers.tick, step=lambda day: numbers.step(day, view.grain))
    return answer, ready(spec), page.course(name_of(metric), answer, metric, view)


@page.part("arpu.over_time")
def over_time(view, names: tuple[str, ...]):
    """One of the amounts, step by step; what it is divided by stands in the data under it."""
    with page.section("arpu.over_time", help="arpu.over_time_help"):
        chosen = one_of("overview.choose", names, "arpu_metric", metric_name)
        metric, (answer, spec, alt) = data.metric(chosen), _course(view, chosen)
        st.caption(plain(definition_of(metric)))
        if spec is None:
            page.empty("retention.no_series")
            return
        unconverted(answer)
        figure(view, spec, alt, key="arpu_series", rows=answer.rows, columns=SERIES, metrics=(metric,))


def unconverted(answer) -> None:
    """Amounts without an exchange rate are left out, and said to be."""
    if answer.notes.get("unconverted"):
        st.warning(t("arpu.unconverted", n=numbers.count(answer.notes["unconverted"])), icon=":material/currency_exchange:")


@data.told
def _segments(view, name: str, by: str):
    """An average by segment, its figure, what that says, and the segments that can be opened; None where none has a value."""
    whole, rows = data.answer(view, name).rows, data.answer(view, name, by=(by,)).rows.sort_values("value", ascending=False, na_position="last")
    if not rows["value"].notna().any():
        return None
    everybody, called = whole.iloc[0]["value"], partial(value_of, by)
    line = {"reference": everybody, "reference_label": t("arpu.everybody", value=money(everybody))}
    options = spoken.names(rows[by], called)
    spec = charts.forest(rows, by, money, names=options, **line, tick=numbers.tick)
    best = {"best": plain(called(rows.iloc[0][by])), "value": money(rows.iloc[0]["value"])}
    alt = t("arpu.by_segment_alt", metric=metric_name(name), segment=t(f"arpu.segments.{by}"), **best)
    return spoken.in_words(rows, called, by, missing=True), ready(spec), alt, options


@page.part("arpu.by_segment")
def by_segment(view, names: tuple[str, ...]):
    """Who pays more: an average by segment with its interval, against everybody's; a segment opens its customers."""
    with page.section("arpu.by_segment", help="arpu.by_segment_help"):
        left, right = st.columns(2)
        with left:
            by = one_of("arpu.segment", SEGMENTS, "arpu_by", lambda name: t(f"arpu.segments.{name}"))
        with right:
            name = one_of("overview.choose", names, "arpu_average", metric_name)
        found = _segments(view, name, by)
        if found is None:
            page.empty("arpu.none")
            return
        rows, spec, alt, options = found
        columns = {by: Column(f"arpu.segments.{by}"), **{key: column for key, column in SERIES.items() if key not in ("period", "complete")}}
        shown = {"rows": rows, "columns": columns, "metrics": (data.metric(name),)}
        chosen = clickable(view, spec, alt, options, key="arpu_by_segment", prompt="arpu.choose_segment", **shown)
        if chosen is not None:
            behind.rows(view, name, CUSTOMERS, key="arpu_segment_rows", where={by: chosen})


@data.told
def _bridge(view, item: str, of: str):
    """Before and after in a sentence, the figure of the steps between, what that says, and the items' parts; None without rows."""
    rows = data.answer(view, "arpu_bridge", by=(item,), of=of, against=view.against).rows
    if rows.empty:
        return None
    whole = rows[rows[item].isna()]
    whole = whole[whole["step"].isin(ALWAYS) | (whole["value"].abs() >= CENT)]
    words = {step: t(f"arpu.parts.{step}") for step in whole["step"]}
    ends = {"before": money(whole.iloc[0]["value"]), "after": money(whole.iloc[-1]["value"])}
    says = t(f"arpu.bridge_says_{of}", **ends, days=plain(page.days(page.compared(view))))
    items = rows[rows[item].notna()].sort_values("value", key=abs, ascending=False)
    shown = items.assign(step=[words[step] for step in items["step"]], label=[value_of(item, label) for label in items["label"]])
    columns = {"label": Column(f"arpu.segments.{item}"), "step": Column("arpu.part"), "value": Column("arpu.effect", "money")}
    return says, ready(charts.bridge(whole, "step", money, names=words)), t("arpu.bridge_alt", **ends), listing(view, shown, columns)


@page.part("arpu.bridge", parallel=True)
def bridge(view):
    """Why revenue per customer changed: price, volume and mix, exactly."""
    with page.section("arpu.bridge", help="arpu.bridge_help"):
        left, right = st.columns(2)
        with left:
            item = one_of("arpu.items", ITEMS, "arpu_items", lambda name: t(f"arpu.segments.{name}"))
        with right:
            of = one_of("arpu.of", ("arpu", "revenue"), "arpu_of", lambda name: t(f"arpu.ofs.{name}"))
        page.failed_checks(data.answer(view, "arpu_bridge", by=(item,), of=of, against=view.against))
        found = _bridge(view, item, of)
        if found is None:
            page.empty("arpu.no_bridge")
            return
        says, spec, alt, items = found
        page.sentence(says)
        figure(view, spec, alt, key="arpu_bridge")
        table(view, items, key="arpu_bridge_items", metrics=(data.metric("arpu_bridge"),))


@data.told
def _spread(view):
    """How few bring how much: an alarm if need be, two sentences, the curve and what that says; None where nobody brings anything."""
    answer, rows = data.answer(view, "concentration"), data.answer(view, "pareto").rows
    if rows.empty:
        return None
    found, alarm = answer.rows.iloc[0], None
    if found["is_alarming"]:
        alarm = t("arpu.alarm", share=share(found["largest"]), limit=share(answer.notes["alarm"]))
    figures = {"share": share(found["value"]), "n": numbers.count(found["customers_80"]), "all": numbers.count(found["n"])}
    measures = t("arpu.spread", hhi=numbers.count(found["hhi"]), gini=numbers.shown(found["gini"], "score"), largest=share(found["largest"]))
    words = {"at_label": t("arpu.top_fifth", share=figures["share"]), "axis": t("arpu.percent"), "even": t("arpu.even")}
    return alarm, (t("arpu.pareto_says", **figures), measures), ready(charts.pareto(rows, share, **words)), t("arpu.pareto_alt", **figures)


@page.part("arpu.pareto", parallel=True)
def pareto(view):
    """How much hangs on how few."""
    with page.section("arpu.pareto", help="arpu.pareto_help"):
        spread = _spread(view)
        if spread is None:
            page.empty("arpu.none")
            return
        alarm, (says, measures), spec, alt = spread
        if alarm:
            st.warning(alarm, icon=":material/warning:")
        page.sentence(says)
        st.caption(measures)
        metrics = (data.metric("concentration"), data.metric("pareto"))
        figure(view, spec, alt, key="arpu_pareto", rows=data.answer(view, "pareto").rows, columns=CURVE, metrics=metrics)
        box = st.expander(t("arpu.largest"), key="arpu_largest_box", on_change="rerun")
        if box.open:
            with box:
                behind.rows(view, "concentration", CUSTOMERS, key="arpu_largest")


@data.told
def _valued(view):
    """How value is weighed, in words, and the customers by it; None where there are none."""
    answer = data.answer(view, "customer_value")
    if answer.rows.empty:
        return None
    weights = ", ".join(f"{t(f'arpu.{name}')} × {numbers.shown(answer.notes[name], 'score')}" for name in ("direct", "indirect", "potential"))
    said = t("arpu.weights", weights=weights) + " " + t(f"arpu.referrals_{'known' if answer.notes['referrals'] else 'unknown'}")
    return said, listing(view, answer.rows.sort_values("value", ascending=False), VALUED)


@page.part("arpu.model", parallel=True)
def model(view):
    """The value model: direct, indirect and potential value, and the habits behind them."""
    with page.section("arpu.model", help="arpu.model_help"):
        found = _valued(view)
        if found is None:
            page.empty("arpu.none")
            return
        weights, customers = found
        st.caption(weights)
        table(view, customers, key="arpu_model", metrics=(data.metric("customer_value"),))
        how(view, "customer_value", key="arpu_model_how")


@data.told
def _promotions(view, rule: str):
    """The rule in words, whether a return is missing, and the promotions; None where there are none."""
    answer = data.answer(view, "promotion_roi", attribution=rule)
    if answer.rows.empty:
        return None
    said = t(f"arpu.rule_{rule}", days=numbers.count(answer.notes.get("days")))
    return said, bool(answer.notes.get("reason")), listing(view, answer.rows, {**PROMOTIONS, "campaign_id": Column("arpu.campaign")})


@page.part("arpu.promotions", parallel=True)
def promotions(view):
    """What each promotion returned, by a printed rule; a promotion opens its invoice lines."""
    with page.section("arpu.promotions", help="arpu.promotions_help"):
        rule = one_of("arpu.attribution", ("tagged", "leads"), "arpu_rule", lambda name: t(f"arpu.rules.{name}"))
        found = _promotions(view, rule)
        if found is None:
            page.empty("arpu.no_promotions")
            return
        said, lacks_some, campaigns = found
        st.caption(said)
        if lacks_some:
            st.caption(t("arpu.no_roi_of_some"))
        chosen = table(view, campaigns, key="arpu_promotions", metrics=(data.metric("promotion_roi"),), select=True)
        if chosen:
            behind.rows(view, "promotion_roi", LINES, key="arpu_promotion_rows", where={"campaign_id": chosen["campaign_id"]}, attribution=rule)


kind = data.answer(view, "retention").notes["basis"]
page.sentence(_brings(view, AVERAGES[kind][0]) or t("arpu.unknown"))
row(view, CARDS[kind])
over_time(view, AVERAGES[kind])
by_segment(view, DIVIDED[kind])
bridge(view)
pareto(view)
model(view)
promotions(view)
