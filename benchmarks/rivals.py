"""What an analyst would write instead: each metric as SQL on the same Parquet, and the usual questions in pandas on the invoice lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from metrics.period import Period, day_number

STATEMENTS = Path(__file__).with_name("rivals.sql")
BY_HAND = {  # metric → why it has no rival in SQL: the engine's part of it is another metric's query
    "win_incidence": "Aalen–Johansen on the counts that sales_cycle's query gives",
    "win_probability": "as win_incidence",
    "time_in_stage": "Kaplan–Meier on a histogram like sales_cycle's, over deal_steps",
    "survival": "Kaplan–Meier on a histogram of episodes",
    "why": "two calls of another metric by every segment column",
    "movements": "the rows that nrr adds up",
    "nrr_bridge": "the sums of nrr's query and two of customer_months",
    "quick_ratio": "the sums of nrr's query over another window",
    "ltv": "arpa and six months of logo_churn",
    "first_month_retention": "one column of cohorts",
    "pareto": "concentration's query, sorted",
    "silence_cuts": "activity's query at an earlier day, for seven cuts",
    "forecast": "win_rate's query and the open deals by stage",
    "forecast_calibration": "as forecast, for twelve earlier months",
    "nps_revenue": "nps with revenue for weight",
    "grade_proposals": "one quarter of customer_quarters, row by row",
    "care_attainment": "gaps between the days of interactions, like sales_cycle's lengths; a second opinion in SQL stands in its tests",
    "migration": "segment_change_rate's pairs, counted by grade",
    "mix_drift": "two counts by grade of segment_change_rate's pairs",
    "feature_drift": "tests on two samples of customer_quarters",
    "feature_use": "counts of users per feature, in two periods; a second opinion in SQL stands in its tests",
    "drift_auc": "a classifier on two samples of customer_quarters",
    "rfm": "activity's query with fifths by orders and revenue",
    "verbatims": "one count over scores",
    "stage_scores": "nps's sums, by a column made of three joins; a second opinion in SQL stands in its tests",
    "against_rest": "satisfaction's sums, of each group and of all others; a second opinion on the cells stands in its tests",
    "score_counts": "one count over scores, by score; a second opinion in SQL stands in its tests",
    "remeasured": "satisfaction's sums in two waves, of a segment and of all others; a second opinion in SQL stands in its tests",
    "detractor_follow_up": "the answers of detractors beside the interactions after them; a second opinion in SQL stands in its tests",
    "themes": "verbatims' rows, read in Python; a second opinion by plain Python stands in its tests",
    "low_scores": "a search over cells; a second opinion on the cells in SQL stands in its tests, its rivals in benchmarks/finder.py",
    "drivers": "sums and products of every pair of dimensions, by respondent and block; correlations by plain SQL stand in its tests",
    "silent_accounts": "response_rate's customers, ranked",
    "stalled": "open_pipeline's deals and their last entry into a stage",
    "renewals": "one sum over subscriptions",
    "arpu_bridge": "two periods of product_months, by segment",
    "owner_revenue": "revenue's query beside a few stretches per customer; a second opinion in SQL stands in its tests",
    "customer_value": "parts of revenue, referrals and answers per customer",
    "promotion_roi": "one sum over the invoice lines per campaign",
    "flags": "nine rules, each its own statement; a second opinion in SQL stands in its tests",
    "at_risk": "the customers of flags",
    "revenue_at_risk": "the customers of flags with a year of purchases",
    "churn_backtest": "the customers of past quarters, ranked in Python; the published formulas stand in its tests",
    "clocks": "five kinds of beginnings beside what ended them; worked cases of the definitions stand in its tests",
    "follow_up_churn": "clocks' signings beside who was lost, weighted in Python; simulated companies stand in its tests",
    "data_health": "sums over judged records; a second opinion in SQL stands in its tests",
    "customer_health": "a weighted mean of what flags look at; the published formula stands in its tests",
    "identity_findings": "two counts over the findings of the sync; a second opinion in SQL stands in its tests",
    "high_value_faults": "one quarter of customer_quarters beside judged records; a second opinion in SQL stands in its tests",
}

SHARED = "one query gives the sums of NRR, GRR, retention, MRR, ARPA, quick ratio and bridge, which a page asks for once; the rival gives this number alone"
DEARER = {  # metric → why it costs more than twice the SELECT that gives the headline alone
    **dict.fromkeys(("nrr", "grr", "retention", "mrr", "arpa"), SHARED),
    "logo_churn": SHARED + "; a second query counts joined-and-churned and churned-and-back by their stays",
    "nps": "beside the score it counts dismissed, refused, superseded and left-out answers, and the squares of each customer's sums for the interval",
    "nps_bands": "nps's query; the rival divides the bands and leaves the interval out",
    "nps_revenue": "nps's query with weights",
    "cohorts": "also counts who has reached each age, so that running cells are told from finished ones, and the average line",
    "concentration": "each customer's revenue comes to Python: share, HHI, Gini and the 80 % line are read off one sorted list; the rival gives the share",
    "response_rate": "also counts unnamed responses to anonymous surveys and responses of people who were not invited",
    "satisfaction": "also counts what was dismissed, refused and superseded",
}


def statements() -> dict[str, str]:
    """Metric → its SELECT, with placeholders."""
    parts = re.split(r"^-- @(\w+)$", STATEMENTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: sql.strip() for name, sql in zip(parts[1::2], parts[2::2], strict=True)}


def filled(sql: str, files: Mapping[str, tuple[str, ...]], period: Period, zone: str) -> str:
    """A SELECT over the Parquet files themselves. `{day:created_at}` is an instant's day in the business zone, `{local:…}` its clock there."""
    days = {"start": f"DATE '{period.start}'", "end": f"DATE '{period.end}'", "start_d": str(day_number(period.start)), "end_d": str(day_number(period.end))}
    sql = re.sub(r"\{day:(\w+)\}", rf"CAST((\1 AT TIME ZONE '{zone}') AS DATE)", sql)
    sql = re.sub(r"\{local:(\w+)\}", rf"(\1 AT TIME ZONE '{zone}')", sql)
    relations = {name: "read_parquet([" + ", ".join(f"'{uri}'" for uri in uris) + "])" for name, uris in files.items()}
    for name, text in {**days, **relations}.items():
        sql = sql.replace("{" + name + "}", text)
    return sql


# pandas on the invoice lines


def lines(folder: Path, columns: list[str]) -> pd.DataFrame:
    """The invoice lines of the company as the ERP exports them, with amounts in reporting currency."""
    rows = pd.read_parquet(folder / "invoices.parquet", columns=[*dict.fromkeys(["issued_on", "amount", "currency", *columns])])
    rows["issued_on"], rows["amount"] = pd.to_datetime(rows["issued_on"]), rows["amount"].astype(float)
    rates = pd.read_parquet(folder / "rates.parquet").assign(day=lambda r: pd.to_datetime(r["day"]))
    rows = rows.merge(rates, how="left", left_on=["currency", "issued_on"], right_on=["currency", "day"])
    rows["amount"] *= rows["rate"].where(rows["currency"] != "CNY", 1.0)
    return rows


def within(rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    return rows[(rows["issued_on"] >= pd.Timestamp(period.start)) & (rows["issued_on"] < pd.Timestamp(period.end))]


def revenue_by_month(folder: Path, period: Period) -> list[float]:
    rows = within(lines(folder, []), period)
    return rows.groupby(rows["issued_on"].dt.to_period("M"))["amount"].sum().tolist()


def revenue_by_region(folder: Path, period: Period) -> list[float]:
    rows = within(lines(folder, ["customer_id"]), period)
    customers = pd.read_parquet(folder / "customers.parquet", columns=["customer_id", "region"])
    return rows.merge(customers, on="customer_id", how="left").groupby("region", dropna=False)["amount"].sum().sort_index(na_position="last").tolist()


def revenue_per_buyer(folder: Path, period: Period) -> list[float]:
    rows = within(lines(folder, ["customer_id", "kind"]), period)
    buyers = rows.loc[rows["kind"] != "credit_note", "customer_id"].unique()
    return [rows.loc[rows["customer_id"].isin(buyers), "amount"].sum() / len(buyers)]


def top_fifth(folder: Path, period: Period) -> list[float]:
    totals = within(lines(folder, ["customer_id"]), period).groupby("customer_id")["amount"].sum().clip(lower=0).sort_values(ascending=False)
    whole, part = divmod(0.2 * len(totals), 1)
    return [(totals.iloc[: int(whole)].sum() + part * totals.iloc[int(whole)]) / totals.sum()]


def buyers_by_age(folder: Path, period: Period) -> list[float]:
    rows = lines(folder, ["customer_id", "kind"])
    rows = rows[rows["kind"] != "credit_note"]
    rows["month"] = rows["issued_on"].dt.year * 12 + rows["issued_on"].dt.month
    first = rows.groupby("customer_id")["month"].min().rename("cohort")
    begun = first[(first >= period.start.year * 12 + period.start.month) & (first < period.end.year * 12 + period.end.month)]
    seen = rows[["customer_id", "month"]].drop_duplicates().merge(begun, on="customer_id")
    active = seen.assign(age=seen["month"] - seen["cohort"]).groupby(["cohort", "age"]).size()
    return (active / active.index.get_level_values("cohort").map(begun.value_counts())).tolist()


IN_PANDAS: dict[str, tuple[str, dict, Callable[[Path, Period], list[float]]]] = {  # title → metric, its question, the pandas code
    "revenue by month": ("revenue", {"grain": "month"}, revenue_by_month),
    "revenue by region": ("revenue", {"by": ("region",)}, revenue_by_region),
    "revenue per buyer": ("arppu", {}, revenue_per_buyer),
    "share of the top fifth": ("concentration", {}, top_fifth),
    "cohorts by first purchase": ("cohorts", {"options": {"basis": "purchases"}}, buyers_by_age),
}
