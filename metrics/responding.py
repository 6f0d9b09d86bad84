"""Who answers when asked, and which valuable customers stay silent? Not answering is a sign of risk by itself."""

from __future__ import annotations

import narwhals as nw
import pandas as pd

from metrics.metric import Metric
from metrics.query import Frame, Query, Tables, aggregate, bucketed, collect, grouped, segmented, within
from metrics.respondents import number
from metrics.result import Answer, Check, answer
from metrics.stats import share_se, wilson
from metrics.waves import in_time

TOP = 0.2  # of the customers asked, by revenue: those whose silence matters most
SURVEY_COLUMNS = {"survey_id", "survey", "survey_kind", "wave", "sent_from", "is_anonymous"}  # known of a response that names nobody
SUMS = ("sent", "delivered", "responded", "customers", "customers_responded", "revenue", "revenue_responded")
EXTRA = ("undelivered", "customers", "customers_responded", "customer_share", "revenue_asked", "revenue_responded", "revenue_share")


def response_rate(tables: Tables, query: Query) -> Answer:
    """Share of the delivered invitations that were answered, whatever the answer.

    Reads the marts `asked` (invitations sent in the period) and `scores`. Options: wave.

    Returns one row per period and group:
        value, low, high    float  0 to 1; responses / delivered, Wilson 95 %; null where nothing was delivered
        n, denominator      invitations delivered; numerator: responses
        undelivered         int    invitations that bounced: not in n
        customers, customers_responded   int    customers with a delivered invitation, and with an answer; customer_share: second over first
        revenue_asked, revenue_responded money  their revenue of the twelve months before; revenue_share: second over first
    Responses to an anonymous survey name nobody: they answer the survey's invitations, the last sent before the answer, and count
    where the question does not ask for customers' attributes; notes["unnamed"] says how many there are. A response of somebody
    who was not invited answers no invitation: it is no part of the rate, and is counted in notes["uninvited"].
    Read it so: a customer share of 0.60 with a revenue share of 0.35 means that the large customers are the silent ones.
    Source: AAPOR 2016, Standard Definitions, RR1 with delivered invitations as the eligible.
    """
    frame, keys = grouped(_sent(tables, query), "sent_on", tables, query)
    rows = _by_customer(frame, keys)
    rows, unnamed = _with_unnamed(rows, frame, keys, tables, query)
    beside = {"unnamed": unnamed, "uninvited": _uninvited(frame, tables, query)}
    low, high = wilson(rows["responded"].clip(upper=rows["delivered"]), rows["delivered"])
    rows = rows.assign(
        n=rows["delivered"], numerator=rows["responded"], denominator=rows["delivered"], low=low, high=high,
        se=share_se(rows["responded"].clip(upper=rows["delivered"]), rows["delivered"]),
        undelivered=rows["sent"] - rows["delivered"], revenue_asked=rows["revenue"],
        customer_share=rows["customers_responded"] / rows["customers"].where(rows["customers"] > 0),
        revenue_share=rows["revenue_responded"] / rows["revenue"].where(rows["revenue"] > 0),
    )  # fmt: skip
    whole = ("undelivered", "customers", "customers_responded")
    finished = answer(rows.astype(dict.fromkeys(whole, "Int64")), query, extra=EXTRA, notes=beside)
    finished = in_time(finished, tables["asked"], "sent_on", query)
    filled = finished.rows.assign(**{c: finished.rows[c].fillna(0) for c in ("n", *whole)})
    few = bool((rows["responded"] <= rows["delivered"]).all())
    return Answer(filled, (Check("responses are not more than delivered invitations", few),), finished.notes)


def _sent(tables: Tables, query: Query) -> Frame:
    """Invitations; one that was answered was evidently delivered."""
    wave = query.options.get("wave")
    frame = tables["asked"].filter(nw.col("wave") == wave) if wave else tables["asked"]
    return frame.with_columns(delivered=nw.col("delivered") | nw.col("responded"), revenue_=nw.col("revenue_year").clip(0, None).fill_null(0.0))


def _by_customer(frame: Frame, keys: list[str]) -> pd.DataFrame:
    """Sums per group, where each customer's revenue counts once however many of its people were asked."""
    reached = frame.with_columns(_one=nw.lit(1), _delivered=number(nw.col("delivered")), _responded=number(nw.col("responded")))
    customers = reached.group_by(*keys, "customer_id").agg(
        sent=nw.col("_one").sum(), delivered=nw.col("_delivered").sum(), responded=nw.col("_responded").sum(), revenue=nw.col("revenue_").max(),
        asked=nw.col("_delivered").max(), answered=nw.col("_responded").max(),
    )  # fmt: skip
    worth = {"revenue": nw.col("revenue") * nw.col("asked"), "revenue_responded": nw.col("revenue") * nw.col("answered")}
    customers = customers.with_columns(customers=nw.col("asked"), customers_responded=nw.col("answered"), **worth)
    rows = aggregate(customers, keys, **{name: nw.col(name).sum() for name in SUMS})
    return rows.assign(**{name: pd.to_numeric(rows[name]).astype("float64").fillna(0.0) for name in SUMS})


def _with_unnamed(rows: pd.DataFrame, frame: Frame, keys: list[str], tables: Tables, query: Query) -> tuple[pd.DataFrame, int]:
    """Adds the responses that name nobody to surveys with invitations, where the keys and filters are known of them."""
    nobody = tables["answers"].filter(nw.col("customer_id").is_null(), nw.col("contact_id").is_null())
    surveys = tables["surveys"].select("survey_id", "wave", "sent_from", "is_anonymous", survey="name", survey_kind="kind")
    nobody = within(_to_invitations(nobody, tables, query).join(surveys, on="survey_id", how="left"), "sent_on", query.period)
    if not set(query.columns) <= SURVEY_COLUMNS:
        asked = frame.select("survey_id").unique()
        return rows, len(collect(nobody.join(asked, on="survey_id", how="semi").select("response_id").unique()))
    nobody = segmented(nobody, tables, query)
    nobody = bucketed(nobody, "sent_on", query) if query.grain else nobody
    found = aggregate(nobody, keys, unnamed=nw.col("response_id").n_unique())
    merged = rows.merge(found, on=keys, how="left") if keys else rows.assign(unnamed=found["unnamed"])
    extra = pd.to_numeric(merged["unnamed"]).astype("float64").fillna(0.0)
    return merged.assign(responded=merged["responded"] + extra), int(extra.sum())


def _to_invitations(responses: Frame, tables: Tables, query: Query) -> Frame:
    """One row per response and survey, with the day its invitation was sent: the survey's last before the answer, else its first."""
    days = _sent(tables, query).select("survey_id", "sent_on", "sent_on_m", "sent_on_d").unique()
    pairs = responses.group_by("survey_id", "response_id").agg(answered_on_d=nw.col("answered_on_d").min()).join(days, on="survey_id", how="inner")
    before = nw.when(nw.col("sent_on_d") <= nw.col("answered_on_d"))
    parts = {name: before.then(nw.col(name)) for name in ("sent_on", "sent_on_m", "sent_on_d")}
    last = {f"_last_{name}": part.max() for name, part in parts.items()} | {f"_first_{name}": nw.col(name).min() for name in parts}
    found = pairs.group_by("survey_id", "response_id").agg(**last)
    return found.select("survey_id", "response_id", **{name: nw.coalesce(f"_last_{name}", f"_first_{name}") for name in parts})


def _uninvited(frame: Frame, tables: Tables, query: Query) -> int:
    """How many responses in these surveys come from people who were not invited. They are few, so they are picked first."""
    given = tables["scores"].filter(~nw.col("is_invited")).join(frame.select("survey_id").unique(), on="survey_id", how="semi")
    return int(collect(given.select(n=nw.col("response_id").n_unique()))["n"].fillna(0).iloc[0])


def behind_response_rate(tables: Tables, query: Query) -> Frame:
    """The delivered invitations, each with whether it was answered."""
    return segmented(within(_sent(tables, query), "sent_on", query.period), tables, query).filter(nw.col("delivered"))


def silent_accounts(tables: Tables, query: Query) -> Answer:
    """How many of the most valuable customers were asked in the period and did not answer.

    Reads the mart `asked`. The most valuable are the share `top` (default 0.2) of the customers asked with the most revenue in the
    twelve months before, ranked before filters are applied; somebody without revenue is never among them. Options: top, wave.
    value, n, numerator: silent ones; denominator: valuable customers asked; revenue: of the silent ones, reporting currency.
    The rows behind are the list.
    """
    frame, keys = _valuable(tables, query)
    silent = number(nw.col("responses") == 0)
    rows = aggregate(frame.with_columns(_silent=silent, _one=nw.lit(1)), keys, n=nw.col("_silent").sum(), denominator=nw.col("_one").sum(),
                     revenue=(nw.col("_silent") * nw.col("revenue")).sum())  # fmt: skip
    rows = rows.assign(**{c: pd.to_numeric(rows[c]).astype("float64").fillna(0.0) for c in ("n", "denominator", "revenue")})
    return answer(rows.assign(numerator=rows["n"], value=rows["n"].where(rows["denominator"] > 0)), query, extra=("revenue",))


def _valuable(tables: Tables, query: Query) -> tuple[Frame, list[str]]:
    """One row per (bucket and) valuable customer that was asked: revenue, invitations, responses, last_asked_on."""
    sent = within(_sent(tables, query).filter(nw.col("delivered")), "sent_on", query.period)
    sent = bucketed(sent, "sent_on", query) if query.grain else sent.with_columns(bucket=nw.lit(0))
    customers = sent.with_columns(_one=nw.lit(1), _responded=number(nw.col("responded"))).group_by("bucket", "customer_id").agg(
        revenue=nw.col("revenue_").max(), invitations=nw.col("_one").sum(), responses=nw.col("_responded").sum(), last_asked_on=nw.col("sent_on").max()
    )  # fmt: skip
    ranked = customers.with_columns(_one=nw.lit(1), _down=-nw.col("revenue"))
    place = nw.col("_one").cum_sum().over("bucket", order_by=["_down", "customer_id"])
    ranked = ranked.with_columns(_place=place, _asked=nw.col("_one").sum().over("bucket"))
    top = float(query.options.get("top", TOP))
    valuable = ranked.filter(nw.col("_place") - 1 < nw.col("_asked") * top, nw.col("revenue") > 0).drop("_one", "_down", "_place", "_asked")
    keys = ["bucket", *query.by] if query.grain else list(query.by)
    return segmented(valuable, tables, query), keys


def behind_silent_accounts(tables: Tables, query: Query) -> Frame:
    """The silent ones with name, region, grade, owner, revenue, and when they were last asked and last answered anything."""
    silent = _valuable(tables, query)[0].filter(nw.col("responses") == 0)
    named = ("name", "region", "grade", "owner")
    silent = silent.select("customer_id", "revenue", "invitations", "last_asked_on")
    silent = silent.join(tables["accounts"].select("customer_id", *named), on="customer_id", how="left")
    last = tables["scores"].filter(~nw.col("customer_id").is_null()).group_by("customer_id").agg(last_answered_on=nw.col("answered_on").max())
    return silent.join(last, on="customer_id", how="left").select("customer_id", *named, "revenue", "invitations", "last_asked_on", "last_answered_on")


METRICS = (
    Metric(
        "response_rate", response_rate, "Share of the delivered survey invitations that were answered.", "responses / delivered", "share",
        ("asked", "answers", "surveys", "scores"), behind_response_rate, "higher", {"wave": None}, "AAPOR 2016, RR1",
    ),
    Metric(
        "silent_accounts", silent_accounts, "The most valuable customers asked in the period who did not answer.", "count, of the top 20 % by revenue",
        "count", ("asked",), behind_silent_accounts, "lower", {"top": TOP, "wave": None},
    ),
)  # fmt: skip
