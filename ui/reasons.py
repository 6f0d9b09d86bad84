"""Why a customer is at risk, what changed and what to do, in words. Rows are those of the metrics `at_risk` and `briefs`."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from metrics.briefs import sides
from metrics.plays import Action, next_action
from metrics.policies import KINDS, Play, Policy
from metrics.vitality import level, moves
from ui import numbers
from ui.words import has, language, t, value_of

MOST_MOVES = 3


def kinds(row: Mapping) -> list[str]:
    """The kinds of a customer's flags, the dearest first."""
    standing = [kind for kind in KINDS if row.get(f"has_{kind}") == 1]
    return sorted(standing, key=lambda kind: -(row.get(f"points_{kind}") or 0) if numbers.is_number(row.get(f"points_{kind}")) else 0)


def reasons(row: Mapping) -> list[str]:
    """Each flag in a phrase, with the points that it costs where the score is known; the dearest first."""
    return [_priced(reason(kind, row), row.get(f"points_{kind}")) for kind in kinds(row)]


def _priced(text: str, points) -> str:
    return t("at_risk.priced", reason=text, points=numbers.shown(points, "points")) if numbers.is_number(points) and points > 0 else text


def reason(kind: str, row: Mapping) -> str:
    """One flag in a phrase, with its figures."""
    figure, usual, n, what = (row.get(f"{name}_{kind}") for name in ("figure", "usual", "n", "what"))
    return t(f"at_risk.reasons.{_variant(kind, figure, what)}", **_values(kind, figure, usual, n, what))


def _variant(kind: str, figure, what) -> str:
    if kind == "follow_up":
        return "follow_up_late" if numbers.is_number(figure) else "follow_up_none"
    return f"fall_{what}" if kind == "fall" else kind


def _values(kind: str, figure, usual, n, what) -> dict:
    """What a phrase is filled with."""
    whole = {"n": numbers.count(n), "days": numbers.count(int(figure)) if numbers.is_number(figure) else "", "usual": numbers.bare(_rounded(usual))}
    return {
        "follow_up": {"hours": numbers.bare(usual), "waited": numbers.ago(figure * 3600) if numbers.is_number(figure) else ""},
        "complaint": {**whole}, "low_scores": {"n": whole["n"], "names": _named(what)}, "detractor": {"score": numbers.bare(figure)},
        "silence": {"days": whole["days"], "usual": whole["usual"]},
        "fall": {"share": numbers.shown(abs(figure), "share") if numbers.is_number(figure) else ""},
        "payment": {"n": whole["n"]}, "owner": {"who": what}, "renewal": {"n": whole["days"]},
    }[kind]  # fmt: skip


def _rounded(value):
    return round(value) if numbers.is_number(value) else value


def _named(what) -> str:
    return t("at_risk.and").join(value_of("dimension", name) for name in what.split("|")) if isinstance(what, str) else ""


def action(row: Mapping, policy: Policy) -> Action | None:
    """The next best action for a row of the list."""
    points = {kind: row.get(f"points_{kind}") if numbers.is_number(row.get(f"points_{kind}")) else None for kind in kinds(row)}
    tenure = row.get("tenure_d")
    return next_action(points, row["tier"] if isinstance(row.get("tier"), str) else None, tenure if numbers.is_number(tenure) else None, policy)


def said_action(found: Action | None) -> str:
    """The action in a phrase: what, because of what, by whom and until when."""
    if found is None:
        return t("at_risk.no_play")
    how = t(f"at_risk.how.{found.how}_{found.who}")
    return t("at_risk.do", play=play(found), flag=t(f"at_risk.flags.{found.kind}"), how=how, n=numbers.count(found.within_days))


def play(found: Action) -> str:
    """What the play of an action is called."""
    return play_name(found.play)


def play_name(known: Play) -> str:
    """What a play is called: in the company's own words, else in ours."""
    if known.says:
        return known.says.en if language() == "en" else known.says.zh
    return t(f"at_risk.plays.{known.name}") if has(f"at_risk.plays.{known.name}") else known.name


def play_named(name: str | None, policy: Policy) -> str:
    """What a play that somebody chose is called; one that is no longer part of the policy by its plain name, none as such."""
    if name is None:
        return t("cases.no_play")
    return play_name(next((known for known in policy.plays if known.name == name), Play(name=name, kinds=("renewal",))))


def changed(row: Mapping) -> str:
    """What moved the score within a week, in a phrase; empty where nothing did."""
    now, before = sides(dict(row))
    found = moves(now, before)[:MOST_MOVES]
    return t("at_risk.and").join(
        t("at_risk.moved", factor=t(f"at_risk.factors.{move['factor']}"), old=_points(move["old"]), new=_points(move["new"])) for move in found
    )


def _points(x) -> str:
    return t("at_risk.unknown") if x is None else numbers.count(x)


def told(rows: pd.DataFrame, policy: Policy, mine: set[str]) -> pd.DataFrame:
    """The list in words: why, action, changed, level, grade; is_mine; the reader's own customers first, else in the order given."""
    said = [_told(row, policy) for row in rows.to_dict("records")]
    words = pd.DataFrame(said, index=rows.index, columns=["why", "action", "changed", "level"])
    words["level"] = words["level"].map(lambda name: t(f"at_risk.levels.{name}") if has(f"at_risk.levels.{name}") else name, na_action="ignore")
    told = rows.assign(**{name: words[name] for name in words}, grade=[value_of("grade", grade) for grade in rows["grade"]])
    told = told.assign(is_mine=told["owner_id"].isin(mine))
    return told.sort_values("is_mine", ascending=False, kind="stable", ignore_index=True) if mine else told


def _told(row: Mapping, policy: Policy) -> dict:
    why = t("at_risk.and").join(reasons(row))
    return {"why": why, "action": said_action(action(row, policy)), "changed": changed(row), "level": level(policy, row.get("score"))}
