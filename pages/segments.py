"""Are our best customers still who we think they are?"""

from functools import partial
from itertools import cycle

import pandas as pd
import streamlit as st

import charts
from access.guard import guard
from charts import theme
from metrics.grading import grade_names
from metrics.quarters import LOST, NEW
from ui import behind, data, numbers, page, regrade_sheet, spoken
from ui.cards import Card, row
from ui.figure import clickable, figure
from ui.table import Column
from ui.words import plain, t

guard("segments")

CARDS = (Card("segment_change_rate"), Card("mix_drift"), Card("grade_proposals", trend=False), Card("drift_auc", trend=False))
SCHEMES = ("source", "held", "rfm")
WIDTHS = {"numerator": "count", "amount_then": "money", "amount_now": "money"}
MIXES = ("held", "region", "industry", "size", "channel")
SIDES = (("value", "segments.customers", theme.CONTEXT), ("revenue_share", "segments.revenue", theme.ACCENT))
ENDS = (("then", "segments.then", theme.CONTEXT), ("now", "segments.now", theme.ACCENT))
TIERS = {
    "tier": Column("segments.grade"), "numerator": Column("segments.customers", "count"), "value": Column("segments.share", "share"),
    "low": Column("segments.low", "share"), "high": Column("segments.high", "share"), "revenue": Column("segments.revenue", "money"),
    "revenue_share": Column("segments.revenue_share", "share"),
}  # fmt: skip
CUSTOMERS = {
    "customer": Column("segments.customer"), "tier": Column("segments.grade"), "region": Column("filters.region"),
    "industry": Column("filters.industry"), "owner": Column("filters.owner"), "score": Column("segments.score", "score"),
    "amount": Column("segments.amount", "money"), "orders": Column("segments.orders", "count"), "revenue": Column("segments.revenue", "money"),
    "recency_days": Column("segments.recency", "count"), "last_on": Column("segments.last_on"),
}  # fmt: skip
MOVES = {
    "origin": Column("segments.from"), "target": Column("segments.to"), "numerator": Column("segments.customers", "count"),
    "value": Column("segments.of_origin", "share"), "low": Column("segments.low", "share"), "high": Column("segments.high", "share"),
    "amount_then": Column("segments.amount_then", "money"), "amount_now": Column("segments.amount_now", "money"),
}  # fmt: skip
MOVERS = {
    "customer": Column("segments.customer"), "origin": Column("segments.from"), "target": Column("segments.to"),
    "amount_then": Column("segments.amount_then", "money"), "amount_now": Column("segments.amount_now", "money"),
    "score_then": Column("segments.score_then", "score"), "score_now": Column("segments.score_now", "score"),
}  # fmt: skip
KINDS = {"visit_share": "share", "satisfaction": "share", "order_value": "money", "revenue": "money", "pipeline": "money"}
SHARES = {"group": Column("segments.group"), "then": Column("segments.then", "share"), "now": Column("segments.now", "share")}
FEATURES = {
    "rank": Column("segments.rank", "count"), "feature": Column("segments.feature"), "value": Column("segments.size", "score", "segments.size_help"),
    "then": Column("segments.mean_then", "ratio"), "now": Column("segments.mean_now", "ratio"), "ks": Column("segments.ks", "ratio"),
    "p_adjusted": Column("segments.p", "ratio", "segments.p_help"), "is_drifted": Column("segments.drifted"), "n": Column("segments.values", "count"),
}  # fmt: skip
CARE = {
    "tier": Column("segments.grade"), "asked": Column("segments.asked"), "n": Column("segments.customers", "count"),
    "numerator": Column("segments.kept", "count", "segments.kept_help"), "value": Column("segments.kept_share", "share"),
    "low": Column("segments.low", "share"), "high": Column("segments.high", "share"),
    "days_kept": Column("segments.days_kept", "share", "segments.days_kept_help"),
    "overdue": Column("segments.overdue", "count"), "never": Column("segments.never", "count"),
}  # fmt: skip
CARED = {
    "customer": Column("segments.customer"), "tier": Column("segments.grade"), "owner": Column("filters.owner"), "region": Column("filters.region"),
    "is_met": Column("segments.kept", help="segments.kept_help"), "contact_on": Column("segments.contact_on"), "days_since": Column("segments.since", "count"),
    "every_days": Column("segments.every_days", "count"), "overdue_days": Column("segments.overdue_days", "count"), "days": Column("segments.days", "count"),
}  # fmt: skip
CARE_SIDES = (("value", "segments.kept_share", theme.ACCENT), ("days_kept", "segments.days_kept", theme.CONTEXT))

view = page.begin("segments")


def share(value) -> str:
    return numbers.shown(value, "share")


def money(value) -> str:
    return numbers.shown(value, "money", view.currency)


def in_words(rows, *columns):
    return spoken.in_words(rows, spoken.grade, *columns, missing=True)


def worded(rows, columns: tuple[str, ...]):
    return in_words(rows, *columns)


@page.part("segments.distribution")
def distribution(view):
    """How many customers of each grade, beside what they bring; a grade opens its customers."""
    with page.section("segments.distribution", help="segments.distribution_help"):
        schemes = {scheme: t(f"segments.schemes.{scheme}") for scheme in SCHEMES}
        scheme = st.segmented_control(
            t("segments.scheme"), SCHEMES, default="source", format_func=schemes.get, key="segments_scheme", required=True, label_visibility="collapsed"
        )
        metric, options, said = ("rfm", {}, spoken.tier) if scheme == "rfm" else ("grades", {"scheme": scheme}, spoken.grade)
        answer = data.answer(view, metric, **options)
        rows = answer.rows[answer.rows["state"] == "value"]
        if rows.empty:
            page.empty("segments.none")
            return
        rows = rows.sort_values("rank", na_position="last") if "rank" in rows else rows
        read = numbers.together(rows)
        top = read.iloc[0]
        values = {
            "grade": plain(said(top["tier"])),
            "n": numbers.count(top["numerator"]),
            "share": share(top["value"]),
            "revenue": share(top["revenue_share"]),
        }
        page.sentence(t("segments.distribution_says", **values))
        rules(answer.notes)
        names = spoken.names(rows["tier"], said)
        spec = charts.pairs(read, "tier", [(column, t(word), colour) for column, word, colour in SIDES], share, names=names)
        in_tiers = lambda rows: spoken.in_words(rows, said, "tier", missing=True)  # noqa: E731
        card = data.metric(metric)
        chosen = clickable(
            view,
            spec,
            t("segments.distribution_says", **values),
            names,
            key="segments_tiers",
            prompt="segments.choose_grade",
            rows=in_tiers(rows),
            columns=TIERS,
            metrics=(card,),
        )
        if chosen is not None:
            behind.rows(view, metric, CUSTOMERS, key="segments_customers", where={"tier": chosen}, told=in_tiers, **options)


def rules(notes) -> None:
    """By which cut RFM tiers call customers lost, and why they are not to be relied on here."""
    if notes.get("marked_for"):
        marked_for(notes)
    if "lost_days" in notes:
        st.caption(spoken.lost_after(notes["lost_days"], notes["wrongly_flagged"]))


def marked_for(notes) -> None:
    why = [t(f"segments.marked.{name}", n=numbers.count(notes[name])) for name in notes["marked_for"]]
    st.warning(t("segments.marked_says", why="; ".join(why)), icon=":material/rule:")


@page.part("segments.migration")
def migration(view):
    """From which grade to which, as bands as wide as customers or money; a band opens its customers."""
    with page.section("segments.migration", help="segments.migration_help"):
        answer, rate = data.answer(view, "migration"), data.answer(view, "segment_change_rate").rows.iloc[0]
        page.failed_checks(answer)
        if answer.rows.empty or rate["state"] != "value":
            page.empty("segments.one_quarter")
            return
        values = {"share": share(rate["value"]), **{name: numbers.count(rate[name]) for name in ("n", "up", "down", "entrants", "leavers")}}
        page.sentence(t("segments.migration_says", **values, **ends(answer)))
        if rate["rule_changed"]:
            st.caption(t("segments.rules_changed", n=numbers.count(rate["rule_changed"])))
        widths = {width: t(f"segments.widths.{width}") for width in WIDTHS}
        width = st.segmented_control(
            t("segments.width"), list(WIDTHS), default="numerator", format_func=widths.get, key="segments_width", required=True, label_visibility="collapsed"
        )
        rows = answer.rows.assign(said=[band(cell) for cell in answer.rows.to_dict("records")])
        spec = flow(view, rows, width)
        cells = {f"{cell.origin} {cell.target}": cell for cell in rows.sort_values("numerator", ascending=False).itertuples()}
        options = {
            key: t("segments.cell", origin=spoken.grade(cell.origin), target=spoken.grade(cell.target), n=numbers.count(cell.numerator))
            for key, cell in cells.items()
        }
        metric = data.metric("migration")
        shown = in_words(rows, "origin", "target")
        chosen = clickable(
            view,
            spec,
            t("segments.migration_says", **values, **ends(answer)),
            options,
            key="segments_flow",
            prompt="segments.choose_cell",
            rows=shown,
            columns=MOVES,
            metrics=(metric,),
        )
        if chosen:
            ways = {"origin": cells[chosen].origin, "target": cells[chosen].target}
            behind.rows(view, "migration", MOVERS, key="segments_movers", where=ways, told=partial(worded, columns=tuple(ways)))


def flow(view, rows, width: str) -> dict:
    """The bands of a migration, as wide as customers or money."""
    order = [NEW, *grade_names(view.query()), LOST]
    label = partial(numbers.shown, unit=WIDTHS[width], currency=view.currency)
    return charts.flow(rows, "origin", "target", width, label, order=order, names=spoken.names(order, spoken.grade), hover="said")


def ends(answer) -> dict:
    """The two quarter ends of an answer, in words; notes carry them as text."""
    return {side: numbers.day(pd.Timestamp(answer.notes[side]).date()) for side in ("then", "now")}


def band(cell: dict) -> str:
    """One band of the flow in words."""
    values = {"n": numbers.count(cell["numerator"]), "share": share(cell["value"]), "then": money(cell["amount_then"]), "now": money(cell["amount_now"])}
    return t("segments.band", origin=spoken.grade(cell["origin"]), target=spoken.grade(cell["target"]), **values)


@page.part("segments.mix")
def mix(view):
    """Whether the mix has shifted more than chance would."""
    with page.section("segments.mix", help="segments.mix_help"):
        words = {column: t("segments.grade") if column == "held" else t(f"segments.columns.{column}") for column in MIXES}
        column = st.pills(t("segments.mix_of"), MIXES, default="held", format_func=words.get, key="segments_mix", required=True, label_visibility="collapsed")
        answer = data.answer(view, "mix_drift", segment=column)
        found = answer.rows.iloc[0]
        if found["state"] != "value":
            page.empty("segments.one_quarter")
            return
        size, chance, distance = (numbers.shown(found[name], "index") for name in ("value", "chance", "distance"))
        verdict = "shifted" if found["is_flagged"] else "notable" if found["value"] > found["chance"] else "chance"
        page.sentence(t(f"segments.mix_says.{verdict}", psi=size, chance=chance))
        st.caption(t("segments.mix_papers", distance=distance, bins=numbers.count(found["bins"]), epsilon=answer.notes["epsilon"], **ends(answer)))
        rows = pd.DataFrame(answer.notes["shares"])
        rows = rows.sort_values("group", key=lambda groups: groups.map(placed)) if column == "held" else rows.sort_values("now", ascending=False)
        names = spoken.names(rows["group"], spoken.grade) if column == "held" else {None: t("filters.blank")}
        spec = charts.pairs(rows, "group", [(side, t(word), colour) for side, word, colour in ENDS], share, names=names)
        shown = in_words(rows, "group") if column == "held" else rows
        figure(
            view,
            spec,
            t(f"segments.mix_says.{verdict}", psi=size, chance=chance),
            key="segments_mix_shares",
            rows=shown,
            columns=SHARES,
            metrics=(data.metric("mix_drift"),),
        )


def placed(grade) -> int:
    """Where a grade stands, best first."""
    order = list(grade_names(view.query()))
    return order.index(grade) if grade in order else len(order)


@page.part("segments.inside", parallel=True)
def inside(view):
    """Which features of the best customers have drifted."""
    with page.section("segments.inside", help="segments.inside_help"):
        answer = data.answer(view, "feature_drift")
        together = data.answer(view, "drift_auc").rows.iloc[0]
        rows = answer.rows[answer.rows["state"] == "value"].sort_values("rank")
        if rows.empty:
            page.empty("segments.no_features")
            return
        names = {feature: t(f"segments.features.{feature}") for feature in rows["feature"]}
        drifted = rows[rows["is_drifted"].astype(bool)]
        best = spoken.grade(grade_names(view.query())[0])
        if drifted.empty:
            page.sentence(t("segments.nothing_drifted", grade=plain(best)))
        else:
            page.sentence(t("segments.inside_says", grade=plain(best), n=numbers.count(len(drifted)), features=", ".join(names[f] for f in drifted["feature"])))
        if together["state"] == "value":
            auc, low, high = (numbers.shown(together[name], "score") for name in ("value", "low", "high"))
            st.caption(t("segments.together" if together["is_drifted"] else "segments.not_together", auc=auc, low=low, high=high))
        spec = charts.bars(rows, "feature", lambda value: numbers.shown(value, "score"), names=names, strong=tuple(drifted["feature"]) or ("",))
        shown = rows.assign(feature=rows["feature"].map(names))
        figure(view, spec, t("segments.inside_alt"), key="segments_features", rows=shown, columns=FEATURES, metrics=(data.metric("feature_drift"),))
        then_and_now(view, answer.notes["shares"], drifted, names)


def then_and_now(view, shares, drifted, names):
    """Each drifted feature as it was and as it is: on average, and how many customers have how much of it."""
    for found, place in zip(drifted.itertuples(), cycle(st.columns(2)), strict=False):
        with place:
            said = names[found.feature]
            if found.kind == "number":
                then, now = (numbers.shown(value, KINDS.get(found.feature, "points"), view.currency) for value in (found.then, found.now))
                said = t("segments.feature_says", feature=names[found.feature], then=then, now=now)
            st.caption(said)
            if found.feature in shares:
                picture(view, found.feature, pd.DataFrame(shares[found.feature]), said)


def picture(view, feature, rows, said):
    """The shares of the customers in each part, then and now."""
    if "low" in rows:
        unit = KINDS.get(feature, "count")
        ends = [[numbers.shown(value, unit, view.currency) for value in pair] for pair in zip(rows["low"], rows["high"], strict=True)]
        rows = rows.assign(group=[low if low == high else t("segments.part_of", low=low, high=high) for low, high in ends])
    spec = charts.pairs(rows, "group", [(side, t(word), colour) for side, word, colour in ENDS], share, names=spoken.names(rows["group"]))
    figure(view, spec, said, key=f"segments_feature_{feature}", rows=rows, columns={**SHARES, "group": Column("segments.part")})


@page.part("segments.care")
def care(view):
    """Whether customers were cared for as their grade asks, beside what it asks; a grade opens its customers, the missed ones first."""
    with page.section("segments.care", help="segments.care_help"):
        answer = data.answer(view, "care_attainment")
        rows = answer.rows[answer.rows["state"] == "value"].sort_values("rank")
        if rows.empty:
            page.empty("segments.no_care")
            return
        asked = {grade: spoken.policy(policy) for grade, policy in answer.notes["policies"].items()}
        best = rows.iloc[0]
        values = {"grade": plain(spoken.grade(best["tier"])), "share": share(best["value"]), "days": share(best["days_kept"])}
        values |= {name: numbers.count(best[column]) for name, column in (("kept", "numerator"), ("n", "n"), ("overdue", "overdue"))}
        page.sentence(t("segments.care_says", **values))
        for grade, channels in answer.notes["unseen"].items():
            said = t("segments.unseen", grade=plain(spoken.grade(grade)), channels=plain(", ".join(channels)))
            st.warning(said, icon=":material/rule:")
        names, metric = spoken.names(rows["tier"], spoken.grade), data.metric("care_attainment")
        chart, policy = st.columns([2, 1])
        with policy:
            for grade, text in asked.items():
                st.markdown(f"**{plain(spoken.grade(grade))}**: {plain(text)}")
        with chart:
            spec = charts.pairs(rows, "tier", [(column, t(word), colour) for column, word, colour in CARE_SIDES], share, names=names)
            shown = in_words(rows.assign(asked=rows["tier"].map(asked)), "tier")
            alt = t("segments.care_says", **values)
            chosen = clickable(view, spec, alt, names, key="segments_care", prompt="segments.choose_grade", rows=shown, columns=CARE, metrics=(metric,))
        if chosen:
            behind.rows(view, "care_attainment", CARED, key="segments_cared", where={"tier": chosen}, told=partial(worded, columns=("tier",)))


row(view, CARDS)
migration(view)
left, right = st.columns(2)
with left:
    distribution(view)
with right:
    mix(view)
inside(view)
care(view)
regrade_sheet.proposals(view)
