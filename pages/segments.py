"""Are our best customers still who we think they are?"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import pandas as pd
import streamlit as st

import charts
from access.guard import guard
from charts import theme
from charts.checked import Checked
from metrics.grading import grade_names
from metrics.quarters import LOST, NEW
from ui import behind, data, numbers, page, regrade_sheet, spoken
from ui.cards import Card, row
from ui.figure import clickable, figure, ready
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
        tiers = _tiers(view, scheme)
        if tiers is None:
            page.empty("segments.none")
            return
        page.sentence(tiers.says)
        rules(tiers.notes)
        metric, options, said = asked(scheme)
        further = {"rows": tiers.rows, "columns": TIERS, "metrics": (data.metric(metric),)}
        chosen = clickable(view, tiers.spec, tiers.says, tiers.names, key="segments_tiers", prompt="segments.choose_grade", **further)
        if chosen is not None:
            in_tiers = lambda rows: spoken.in_words(rows, said, "tier", missing=True)  # noqa: E731
            behind.rows(view, metric, CUSTOMERS, key="segments_customers", where={"tier": chosen}, told=in_tiers, **options)


def asked(scheme: str) -> tuple[str, dict, Callable[[object], str]]:
    """The metric of a scheme with its options, and what its grades are called."""
    return ("rfm", {}, spoken.tier) if scheme == "rfm" else ("grades", {"scheme": scheme}, spoken.grade)


class Tiers(NamedTuple):
    """The grades of a scheme: what there is to say, the answer's notes, their figure, and what they are called."""

    rows: pd.DataFrame
    says: str
    notes: Mapping
    spec: Checked
    names: dict


@data.told
def _tiers(view, scheme):
    """None where no grade has a value."""
    metric, options, said = asked(scheme)
    answer = data.answer(view, metric, **options)
    rows = answer.rows[answer.rows["state"] == "value"]
    if rows.empty:
        return None
    rows = rows.sort_values("rank", na_position="last") if "rank" in rows else rows
    read = numbers.together(rows)
    top = read.iloc[0]
    values = {"grade": plain(said(top["tier"])), "n": numbers.count(top["numerator"]), "share": share(top["value"]), "revenue": share(top["revenue_share"])}
    names = spoken.names(rows["tier"], said)
    spec = charts.pairs(read, "tier", [(column, t(word), colour) for column, word, colour in SIDES], share, names=names)
    shown = spoken.in_words(rows, said, "tier", missing=True)
    return Tiers(shown, t("segments.distribution_says", **values), answer.notes, ready(spec), names)


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
        answer, moves = data.answer(view, "migration"), _moves(view)
        page.failed_checks(answer)
        if moves is None:
            page.empty("segments.one_quarter")
            return
        page.sentence(moves.says)
        if moves.changed_rules:
            st.caption(moves.changed_rules)
        widths = {width: t(f"segments.widths.{width}") for width in WIDTHS}
        width = st.segmented_control(
            t("segments.width"), list(WIDTHS), default="numerator", format_func=widths.get, key="segments_width", required=True, label_visibility="collapsed"
        )
        further = {"rows": moves.rows, "columns": MOVES, "metrics": (data.metric("migration"),)}
        chosen = clickable(view, _flow(view, width), moves.says, moves.opens, key="segments_flow", prompt="segments.choose_cell", **further)
        if chosen:
            ways = moves.ways[chosen]
            behind.rows(view, "migration", MOVERS, key="segments_movers", where=ways, told=partial(worded, columns=tuple(ways)))


class Moves(NamedTuple):
    """The bands: what there is to say, also of changed rules; which can be opened, and the grades that each is from and to."""

    rows: pd.DataFrame
    says: str
    changed_rules: str | None
    opens: dict[str, str]
    ways: dict[str, dict[str, str]]


@data.told
def _moves(view):
    """None where there are no two quarters."""
    answer, rate = data.answer(view, "migration"), data.answer(view, "segment_change_rate").rows.iloc[0]
    if answer.rows.empty or rate["state"] != "value":
        return None
    values = {"share": share(rate["value"]), **{name: numbers.count(rate[name]) for name in ("n", "up", "down", "entrants", "leavers")}}
    says = t("segments.migration_says", **values, **ends(answer))
    changed_rules = t("segments.rules_changed", n=numbers.count(rate["rule_changed"])) if rate["rule_changed"] else None
    opens, ways = {}, {}
    for cell in answer.rows.sort_values("numerator", ascending=False).to_dict("records"):
        key, said = f"{cell['origin']} {cell['target']}", {side: spoken.grade(cell[side]) for side in ("origin", "target")}
        opens[key], ways[key] = t("segments.cell", **said, n=numbers.count(cell["numerator"])), {side: cell[side] for side in ("origin", "target")}
    return Moves(in_words(answer.rows, "origin", "target"), says, changed_rules, opens, ways)


@data.told
def _flow(view, width):
    """The bands of a migration, as wide as customers or money."""
    rows = data.answer(view, "migration").rows
    rows = rows.assign(said=[band(cell) for cell in rows.to_dict("records")])
    order = [NEW, *grade_names(view.query()), LOST]
    label = partial(numbers.shown, unit=WIDTHS[width], currency=view.currency)
    return ready(charts.flow(rows, "origin", "target", width, label, order=order, names=spoken.names(order, spoken.grade), hover="said"))


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
        found = _mixed(view, column)
        if found is None:
            page.empty("segments.one_quarter")
            return
        rows, says, papers, spec = found
        page.sentence(says)
        st.caption(papers)
        figure(view, spec, says, key="segments_mix_shares", rows=rows, columns=SHARES, metrics=(data.metric("mix_drift"),))


@data.told
def _mixed(view, column):
    """The shares then and now, the verdict on them, what it rests on, and their figure; None where there are no two quarters."""
    answer = data.answer(view, "mix_drift", segment=column)
    found = answer.rows.iloc[0]
    if found["state"] != "value":
        return None
    size, chance, distance = (numbers.shown(found[name], "index") for name in ("value", "chance", "distance"))
    verdict = "shifted" if found["is_flagged"] else "notable" if found["value"] > found["chance"] else "chance"
    papers = t("segments.mix_papers", distance=distance, bins=numbers.count(found["bins"]), epsilon=answer.notes["epsilon"], **ends(answer))
    rows = pd.DataFrame(answer.notes["shares"])
    if column == "held":
        order = list(grade_names(view.query()))
        rows = rows.sort_values("group", key=lambda groups: groups.map(lambda grade: order.index(grade) if grade in order else len(order)))
    else:
        rows = rows.sort_values("now", ascending=False)
    names = spoken.names(rows["group"], spoken.grade) if column == "held" else {None: t("filters.blank")}
    spec = charts.pairs(rows, "group", [(side, t(word), colour) for side, word, colour in ENDS], share, names=names)
    shown = in_words(rows, "group") if column == "held" else rows
    return shown, t(f"segments.mix_says.{verdict}", psi=size, chance=chance), papers, ready(spec)


@page.part("segments.inside", parallel=True)
def inside(view):
    """Which features of the best customers have drifted."""
    with page.section("segments.inside", help="segments.inside_help"):
        features = _features(view)
        if features is None:
            page.empty("segments.no_features")
            return
        page.sentence(features.says)
        if features.together:
            st.caption(features.together)
        further = {"rows": features.rows, "columns": FEATURES, "metrics": (data.metric("feature_drift"),)}
        figure(view, features.spec, t("segments.inside_alt"), key="segments_features", **further)
        then_and_now(view)


class Features(NamedTuple):
    """The features: which have drifted, whether they have together, and their figure."""

    rows: pd.DataFrame
    says: str
    together: str | None
    spec: Checked


@data.told
def _features(view):
    """None where no feature has a value."""
    answer, together = data.answer(view, "feature_drift"), data.answer(view, "drift_auc").rows.iloc[0]
    rows = answer.rows[answer.rows["state"] == "value"].sort_values("rank")
    if rows.empty:
        return None
    names, drifted = {feature: called(feature) for feature in rows["feature"]}, list(rows.loc[rows["is_drifted"].astype(bool), "feature"])
    best = plain(spoken.grade(grade_names(view.query())[0]))
    if drifted:
        says = t("segments.inside_says", grade=best, n=numbers.count(len(drifted)), features=", ".join(names[feature] for feature in drifted))
    else:
        says = t("segments.nothing_drifted", grade=best)
    beside = None
    if together["state"] == "value":
        auc, low, high = (numbers.shown(together[name], "score") for name in ("value", "low", "high"))
        beside = t("segments.together" if together["is_drifted"] else "segments.not_together", auc=auc, low=low, high=high)
    spec = charts.bars(rows, "feature", lambda value: numbers.shown(value, "score"), names=names, strong=tuple(drifted) or ("",))
    return Features(rows.assign(feature=rows["feature"].map(names)), says, beside, ready(spec))


def called(feature: str) -> str:
    return t(f"segments.features.{feature}")


def then_and_now(view):
    """Each drifted feature as it was and as it is: on average, and how many customers have how much of it."""
    grid = page.beside()
    for feature, said, drawn in _drifted(view):
        with grid.cell():
            st.caption(said)
            if drawn:
                rows, spec = drawn
                figure(view, spec, said, key=f"segments_feature_{feature}", rows=rows, columns={**SHARES, "group": Column("segments.part")})


@data.told
def _drifted(view):
    """The drifted features, each with a sentence and, where its shares are known, these and their figure."""
    answer = data.answer(view, "feature_drift")
    rows = answer.rows[answer.rows["state"] == "value"].sort_values("rank")
    shares, found = answer.notes["shares"], []
    for one in rows[rows["is_drifted"].astype(bool)].to_dict("records"):
        feature, said = one["feature"], called(one["feature"])
        if one["kind"] == "number":
            then, now = (numbers.shown(one[side], KINDS.get(feature, "points"), view.currency) for side in ("then", "now"))
            said = t("segments.feature_says", feature=said, then=then, now=now)
        found.append((feature, said, picture(view, feature, pd.DataFrame(shares[feature])) if feature in shares else None))
    return found


def picture(view, feature, rows):
    """The shares of the customers in each part, then and now, and their figure."""
    if "low" in rows:
        unit = KINDS.get(feature, "count")
        ends = [[numbers.shown(value, unit, view.currency) for value in pair] for pair in zip(rows["low"], rows["high"], strict=True)]
        rows = rows.assign(group=[low if low == high else t("segments.part_of", low=low, high=high) for low, high in ends])
    spec = charts.pairs(rows, "group", [(side, t(word), colour) for side, word, colour in ENDS], share, names=spoken.names(rows["group"]))
    return rows, ready(spec)


@page.part("segments.care")
def care(view):
    """Whether customers were cared for as their grade asks, beside what it asks; a grade opens its customers, the missed ones first."""
    with page.section("segments.care", help="segments.care_help"):
        cared = _cared(view)
        if cared is None:
            page.empty("segments.no_care")
            return
        page.sentence(cared.says)
        for warning in cared.unseen:
            st.warning(warning, icon=":material/rule:")
        chart, policy = st.columns([2, 1])
        with policy:
            for asked in cared.policies:
                st.markdown(asked)
        with chart:
            further = {"rows": cared.rows, "columns": CARE, "metrics": (data.metric("care_attainment"),)}
            chosen = clickable(view, cared.spec, cared.says, cared.names, key="segments_care", prompt="segments.choose_grade", **further)
        if chosen:
            behind.rows(view, "care_attainment", CARED, key="segments_cared", where={"tier": chosen}, told=partial(worded, columns=("tier",)))


class Cared(NamedTuple):
    """The grades beside what they ask: what there is to say, contacts that are never seen, each grade's policy, a figure, and what grades are called."""

    rows: pd.DataFrame
    says: str
    unseen: list[str]
    policies: list[str]
    spec: Checked
    names: dict


@data.told
def _cared(view):
    """None where no grade has a value."""
    answer = data.answer(view, "care_attainment")
    rows = answer.rows[answer.rows["state"] == "value"].sort_values("rank")
    if rows.empty:
        return None
    asks = {grade: spoken.policy(policy) for grade, policy in answer.notes["policies"].items()}
    best = rows.iloc[0]
    values = {"grade": plain(spoken.grade(best["tier"])), "share": share(best["value"]), "days": share(best["days_kept"])}
    values |= {name: numbers.count(best[column]) for name, column in (("kept", "numerator"), ("n", "n"), ("overdue", "overdue"))}
    unseen = [t("segments.unseen", grade=plain(spoken.grade(grade)), channels=plain(", ".join(channels))) for grade, channels in answer.notes["unseen"].items()]
    policies = [f"**{plain(spoken.grade(grade))}**: {plain(text)}" for grade, text in asks.items()]
    names = spoken.names(rows["tier"], spoken.grade)
    spec = charts.pairs(rows, "tier", [(column, t(word), colour) for column, word, colour in CARE_SIDES], share, names=names)
    shown = in_words(rows.assign(asked=rows["tier"].map(asks)), "tier")
    return Cared(shown, t("segments.care_says", **values), unseen, policies, ready(spec), names)


row(view, CARDS)
migration(view)
with page.beside():
    distribution(view)
    mix(view)
inside(view)
care(view)
regrade_sheet.proposals(view)
