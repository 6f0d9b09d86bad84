"""Whether customers are cared for as their grade asks: how often, through which channels, and who was missed.

[metrics.care.core]            # a grade, by our name or by the source's word for it
channels = ["visit"]           # the source's own names, in any case; left out or empty: any contact
every_days = 30                # whole days from one such contact to the next; 0: nothing is asked of this grade
also = "sponsor"               # shown beside, not measured: no system keeps it in a column
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

import narwhals as nw

from metrics.funnel import count
from metrics.grading import grade_names, grade_words, name_of_rank, source_rank
from metrics.metric import Metric
from metrics.period import day_number
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, named, segmented
from metrics.result import Answer, answer
from metrics.stats import share_se, wilson
from metrics.windows import each_window, windows

VISITS = ("visit", "on-site visit", "meeting", "拜访", "上门", "走访")  # channels that are a visit; [metrics.grading] visits, as for grades


@dataclass(frozen=True)
class Policy:
    """What a grade asks of us. every_days: from one contact to the next; channels: lower case, empty for any; also: shown, not measured."""

    every_days: int
    channels: tuple[str, ...] = ()
    also: str = ""


POLICIES = {  # core is visited and has a sponsor, key hears from us monthly: the founding documents; the other two are our own
    "core": Policy(30, ("visit",), "sponsor"), "key": Policy(30), "ordinary": Policy(90), "potential": Policy(180),
}  # fmt: skip
EXTRA = ("rank", "every_days", "days_kept", "overdue", "never")


def care_attainment(tables: Tables, query: Query) -> Answer:
    """Share of the customers of a grade for whom its care policy held: no gap between two contacts of the kind it asks for was too long.

    accounts: grade, signed_on, first_contact_on, lost_on; interactions: channel, happened_on, of either direction; coverage.
    A customer is overdue on a day if, at its end, the last such contact lies `every_days` or more back: a contact on the very
    day it is due is in time. The policy held if no day of the period was overdue; what happened before the period counts for
    its first days, and what is not over (the period, the data, the customer who left) is not held against anybody. A
    customer's clock begins with the signing, else the first contact known, but never before the first interaction in the
    data. Contacts of either direction count. Grades are the CRM's present ones; customers without one, or whose grade asks
    nothing, are not in n.

    Returns one row per `tier`: value, numerator = customers for whom the policy held, n = denominator = customers of the
    grade; low, high Wilson; extra: rank (1 is best), every_days, days_kept = share of all days of these customers that were
    not overdue, overdue = customers who are overdue at the end, never = those without any such contact yet. Without any
    interaction in the data: no_data, never 0.
    Notes: policies, and unseen = channels that a policy asks for and no interaction has (a wrong name, or truly never done).
    Raises QuestionError with every fault of [metrics.care].
    Read it so: 0.62 of 50 core customers, days_kept 0.9: 31 were never without a visit for more than 30 days; over all 50, one
    day in ten was overdue.
    """
    asked = policies(query)
    stretches = windows(query)
    keys = list(dict.fromkeys(("code", *query.by, "tier")))
    overdue, never = nw.col("days_since") > nw.col("every_days"), nw.col("contact_on").is_null()
    rows = aggregate(
        _judged(tables, query, asked), keys, n=nw.len(), numerator=count("is_met"), rank=nw.col("rank").max(), every_days=nw.col("every_days").max(),
        overdue=count(overdue), never=count(never), days=nw.col("days").sum(), missed=nw.col("overdue_days").sum(),
    )  # fmt: skip
    rows["bucket"], rows["denominator"] = rows["code"].map({w.code: w.bucket for w in stretches}), rows["n"]
    rows["days_kept"] = 1 - rows["missed"] / rows["days"]
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["n"])
    rows["se"] = share_se(rows["numerator"], rows["n"])
    notes = {"policies": {grade: asdict(policy) for grade, policy in asked.items()}, "unseen": _unseen(tables, asked, query)}
    return answer(rows, query, keys=tuple(keys[1:]), extra=EXTRA, notes=notes)


def policies(query: Query) -> dict[str, Policy]:
    """Grade → what it asks, best grade first; grades that ask nothing are left out. Raises QuestionError with every fault at once."""
    words = {word: name for name, said in grade_words(query).items() for word in said}
    found, faults = {name: POLICIES[name] for name in grade_names(query) if name in POLICIES}, []
    for word, given in query.settings.get("metrics", {}).get("care", {}).items():
        name = words.get(str(word).strip().lower())
        wrong = _faults(word, given, name, grade_names(query))
        faults += wrong
        if not wrong:
            found[name] = _changed(found.get(name, Policy(0)), given)
    if faults:
        raise QuestionError("; ".join(faults))
    return {name: found[name] for name in grade_names(query) if name in found and found[name].every_days}


KEYS = tuple(field.name for field in fields(Policy))


def _faults(word: str, given, name: str | None, names: tuple[str, ...]) -> list[str]:
    """What is wrong with one table of the settings."""
    where = f"[metrics.care.{word}]"
    if not isinstance(given, Mapping):
        return [f"[metrics.care] {word} = {given!r}: a policy is a table of its own, {where} with {', '.join(KEYS)}"]
    days, channels = given.get("every_days", 1), given.get("channels", [])
    checks = {
        f"{where}: {word!r} is no grade; there are {', '.join(names)}": name is None,
        f"{where} has no key {', '.join(map(repr, sorted(set(given) - set(KEYS))))}; there are {', '.join(KEYS)}": set(given) - set(KEYS),
        f"{where} every_days is a whole number of days (0: nothing is asked), not {days!r}": type(days) is not int or days < 0,
        f"{where} needs every_days: it has no usual policy to change": name and name not in POLICIES and "every_days" not in given,
        f'{where} channels is a list of channel names such as ["visit"], empty for any contact, not {channels!r}': not _are_texts(channels),
        f"{where} also is a text, not {given.get('also')!r}": not isinstance(given.get("also", ""), str),
    }
    return [text for text, is_wrong in checks.items() if is_wrong]


def _are_texts(values) -> bool:
    return isinstance(values, (list, tuple)) and all(isinstance(value, str) and value.strip() for value in values)


def _changed(usual: Policy, given: Mapping) -> Policy:
    told = {**given, "channels": tuple(c.strip().lower() for c in given["channels"])} if "channels" in given else dict(given)
    return replace(usual, **told)


def _judged(tables: Tables, query: Query, asked: Mapping[str, Policy]) -> Frame:
    """One row per window (`code`) and customer: contact_on (the last one that counts), days_since, overdue_days of days, is_met, every_days."""
    owed = _owed(tables, query, asked)
    rows = each_window(_gaps(tables, query, owed, asked).join(owed, on="customer_id", how="inner"), tables, windows(query))
    as_of = nw.lit(day_number(query.period.as_of))
    stop = nw.min_horizontal(nw.col("end_d"), as_of, nw.coalesce("lost_on_d", "end_d"))
    rows = rows.with_columns(start_d=nw.max_horizontal("start_d", "clock_d"), stop_d=stop)
    rows = rows.filter(nw.col("start_d") < nw.col("stop_d"), nw.col("day_d") < nw.col("stop_d"), (nw.col("next_d") > nw.col("start_d")).fill_null(True))
    until = nw.min_horizontal(nw.coalesce("next_d", "stop_d"), "stop_d")
    rows = rows.with_columns(late=until - nw.max_horizontal(nw.col("day_d") + nw.col("every_days"), nw.col("start_d")))
    late = nw.when(nw.col("late") > 0).then(nw.col("late")).otherwise(nw.lit(0))
    keys = dict.fromkeys(("code", "customer_id", *query.by, "tier", "rank", "every_days", "start_d", "stop_d"))
    each = rows.group_by(*keys).agg(overdue_days=late.sum(), last_d=nw.col("day_d").max(), contact_on=nw.col("contact_on").max())
    found = {"days": nw.col("stop_d") - nw.col("start_d"), "days_since": nw.col("stop_d") - nw.col("last_d"), "is_met": nw.col("overdue_days") == 0}
    return each.with_columns(**found).drop("start_d", "stop_d", "last_d")


def _owed(tables: Tables, query: Query, asked: Mapping[str, Policy]) -> Frame:
    """The customers with a policy: tier, rank, every_days, and clock_d, the day from which the policy runs."""
    accounts = tables["accounts"].with_columns(rank=source_rank(query, "grade")).with_columns(tier=name_of_rank("rank", grade_names(query)))
    days = nw.lit(None).cast(nw.Int64)
    for grade, policy in asked.items():
        days = nw.when(nw.col("tier") == grade).then(nw.lit(policy.every_days)).otherwise(days)
    accounts = segmented(accounts, tables, query).with_columns(every_days=days.cast(nw.Int64)).filter(~nw.col("every_days").is_null())
    known = tables["coverage"].filter(nw.col("table") == "interactions").select(known_d="first_on_d")
    began = nw.max_horizontal(nw.coalesce("signed_on_d", "first_contact_on_d", "known_d"), nw.col("known_d"))
    owed = accounts.join(known, how="cross").with_columns(clock_d=began)
    return owed.select(*dict.fromkeys(("customer_id", *query.by, "tier", "rank", "every_days", "clock_d", "lost_on_d")))


def _gaps(tables: Tables, query: Query, owed: Frame, asked: Mapping[str, Policy]) -> Frame:
    """Every day of a contact that counts, and the day each clock began, with the next such day (null: none yet)."""
    started = owed.select("customer_id", day_d="clock_d", contact_on=nw.lit(None).cast(nw.Date))
    talks = tables["interactions"].join(owed.select("customer_id", "tier", "clock_d"), on="customer_id", how="inner")
    talks = talks.filter(nw.col("happened_on_d") >= nw.col("clock_d"), _counts(asked, query))
    talks = talks.select("customer_id", day_d="happened_on_d", contact_on="happened_on")
    days = nw.concat([started, talks]).group_by("customer_id", "day_d").agg(nw.col("contact_on").max())
    return days.with_columns(next_d=nw.col("day_d").shift(-1).over("customer_id", order_by="day_d"))


def _counts(asked: Mapping[str, Policy], query: Query) -> nw.Expr:
    """Whether a contact is of a kind that its customer's policy asks for."""
    word = nw.col("channel").str.strip_chars().str.to_lowercase()
    kinds = [(nw.col("tier") == grade) & (word.is_in(_words(p, query)) if p.channels else nw.lit(True)) for grade, p in asked.items()]
    return nw.any_horizontal(nw.lit(False), *kinds, ignore_nulls=True)


def _words(policy: Policy, query: Query) -> list[str]:
    """The channels of a policy; a visit under each of its names."""
    visits = {str(word).lower() for word in query.setting("grading", "visits", VISITS)}
    return sorted({*policy.channels, *(visits if visits & set(policy.channels) else ())})


def _unseen(tables: Tables, asked: Mapping[str, Policy], query: Query) -> dict[str, list[str]]:
    """Grade → the channels its policy asks for, where no interaction in the data has any of them."""
    seen = aggregate(tables["interactions"], ["channel"], n=nw.len())["channel"].dropna().astype(str).str.strip().str.lower()
    return {grade: list(p.channels) for grade, p in asked.items() if p.channels and len(seen) and not set(seen) & set(_words(p, query))}


def cared(tables: Tables, query: Query) -> Frame:
    """The customers behind an attainment, those who were missed longest first; a filter on `tier` chooses a grade."""
    query = replace(query, by=(), grain=None)
    rows = named(_judged(tables, query, policies(query)).drop("code"), tables)
    rows = rows.join(tables["accounts"].select("customer_id", "owner", "region"), on="customer_id", how="left")
    return rows.sort("is_met", "days_since", "customer_id", descending=[False, True, False])


METRICS = (
    Metric(
        "care_attainment", care_attainment,
        definition="Share of the customers of each grade who were contacted as often, and in the way, as the care policy of their grade asks.",
        formula="customers without a day on which a contact of the kind their grade asks for was overdue / customers of the grade",
        unit="share", reads=("accounts", "interactions", "coverage"), behind=cared, better="higher", source="Wilson 1927 (limits)",
    ),
)  # fmt: skip
