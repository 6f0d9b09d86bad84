"""The company as its systems hold it: the CRM's tables, the ERP's tables and the survey tool's files, under their own names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from connectors.demo.company import Company
from connectors.demo.sales import STAGES
from connectors.demo.survey import DIMENSIONS

STAGE_CODES = dict(zip(STAGES, ("10", "20", "30", "40", "50"), strict=True))
GRADE_CODES = {"core": "A", "key": "B", "ordinary": "C", "potential": "D"}
FEE_TYPES = {"recurring": "SRV", "sale": "PRT", "one_off": "EQP", "credit_note": "PRT"}
STATES = {"active": "A", "superseded": "X", "cancelled": "C"}
FOREVER = pd.Timestamp("2199-12-31")  # how the ERP writes "no end"

BAD_CURRENCY, DOUBLED = 8, 4  # invoice lines with the currency "RMB ", and lines that came twice
BAD_DAYS = ("0000-00-00", "{year}-02-30", "{year}-13-01", "{year}-06-31", "n/a")


def crm(company: Company) -> dict[str, pd.DataFrame]:
    """Table name → rows of the CRM, in the order in which they can be inserted."""
    return {
        "crm_user": _pick(company.staff, uid="uid", user_name="name", email="email", dept_name="department", manager_uid="manager_uid", enabled="is_active"),
        "crm_account": _accounts(company),
        "crm_account_owner_log": _numbered(_pick(company.assignments, acct_no="acct_no", uid="uid", from_time="from_time", to_time="to_time")),
        "crm_contact": _pick(company.people, contact_no="contact_no", acct_no="acct_no", full_name="name", email="email", mobile="phone", role_name="role"),
        "crm_campaign": _pick(
            company.campaigns.assign(ccy="CNY"), camp_no="campaign", camp_name="name", begin_date="starts_on", end_date="ends_on", actual_cost="cost",
            ccy="ccy",
        ),
        "crm_lead": _pick(
            company.leads, lead_no="lead_no", acct_no="acct_no", uid="owner", channel="channel", camp_no="campaign", create_time="created_at", state="state",
        ),
        "crm_opportunity": _opportunities(company),
        "crm_opp_stage_log": _stage_log(company),
        "crm_activity": _activities(company),
        "crm_case": _cases(company),
        "portal_usage": _pick(_named(company, company.usage), acct_no="acct_no", feature="feature", stat_date="day", events="events", users="users"),
        "crm_feature_log": _pick(company.feature_log, uid="uid", feature="feature", week_date="day", clicks="clicks"),
    }  # fmt: skip


def erp(company: Company) -> dict[str, pd.DataFrame]:
    """Table name → rows of the ERP, dirty rows included."""
    lines, contracts = _booked(company, company.lines), _booked(company, company.contracts)
    heads, details = _dirtied(company, _invoice_heads(lines), _invoice_lines(lines))
    items = company.items.rename(columns={"line": "item_group", "name": "item_name", "name_en": "item_name_en", "price": "list_price"})
    receipts = _booked(company, company.payments)
    receipts["state"] = np.where(receipts["is_failed"] == 1, "FAIL", "OK")
    service = company.items[company.items["model"] == "Service Contract"].set_index("line")["item_code"]
    contracts = contracts.assign(item_code=contracts["line"].map(service), state=contracts["state"].map(STATES), ends_on=contracts["ends_on"].fillna(FOREVER))
    return {
        "bd_customer": _erp_customers(company),
        "bd_material": items[["item_code", "item_name", "item_name_en", "item_group", "model", "list_price"]],
        "so_contract": _pick(
            contracts, contract_no="contract_no", ver_no="version", cust_no="cust_no", item_code="item_code", begin_date="starts_on", end_date="ends_on",
            month_fee="fee", ccy="currency", bill_cycle="cycle", state="state", renew_date="renews_on",
        ),
        "ar_invoice": heads,
        "ar_invoice_line": details,
        "ar_receipt": _pick(
            receipts, receipt_no="receipt_no", bill_no="bill_no", cust_no="cust_no", receive_date="paid_on", amt="amount", ccy="currency", state="state",
        ),
        "bd_exchange_rate": _pick(company.rates, ccy="currency", rate_date="day", rate="rate"),
    }  # fmt: skip


def surveys(company: Company) -> dict[str, pd.DataFrame]:
    """File name → rows of the survey tool's export: the waves, who was asked, and one wide file per wave."""
    files = {"waves.csv": _pick(company.waves, Wave="wave", SentFrom_date="sent_from", SentTo_date="sent_to")}
    sent = _named(company, company.invitations).assign(Status=lambda t: np.where(t["delivered"] == 1, "delivered", "bounced"))
    questions = {name: name for name in ("Q1_recommend", *DIMENSIONS, "Q7_comment")}
    for wave in company.waves["wave"]:
        here = company.responses[company.responses["wave"] == wave]
        files[f"sent_{wave}.csv"] = _pick(
            sent[sent["wave"] == wave], Wave="wave", AcctNo="acct_no", ContactNo="contact_no", SentTime="sent_at", Status="Status"
        )
        files[f"wave_{wave}.csv"] = _pick(
            here, RespID="response_no", Wave="wave", AcctNo="acct_no", ContactNo="contact_no", SubmitTime="answered_at", touchpoint="touchpoint",
            product_line="product_line", language="language", **questions,
        )  # fmt: skip
    return files


def _pick(frame: pd.DataFrame, **columns: str) -> pd.DataFrame:
    """The frame's columns under the system's names: new = old."""
    return frame[list(columns.values())].set_axis(list(columns), axis=1).reset_index(drop=True)


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(log_id=np.arange(1, len(frame) + 1))


def _named(company: Company, frame: pd.DataFrame) -> pd.DataFrame:
    """Row numbers of customers as the CRM's account numbers."""
    return frame.assign(acct_no=company.clients["acct_no"].to_numpy()[frame["customer"]])


def _booked(company: Company, frame: pd.DataFrame) -> pd.DataFrame:
    """Row numbers of customers as the ERP's customer numbers."""
    return frame.assign(cust_no=frame["customer"].map(company.erp_clients.set_index("customer")["cust_no"]))


def _accounts(company: Company) -> pd.DataFrame:
    rows = pd.concat([company.clients, company.copies], ignore_index=True)
    start = pd.Timestamp(company.world.span.start)
    rows["lost"] = rows["lost_on"].where(rows["back_on"].isna())
    rows["modified"] = rows[["signed_at", "lost_on", "back_on"]].max(axis=1).fillna(start).clip(lower=start)
    rows["type"], rows["grade"] = np.where(rows["kind"] == "person", "P", "C"), rows["grade"].map(GRADE_CODES)
    return _pick(
        rows, acct_no="acct_no", acct_name="name", acct_name_en="name_en", acct_type="type", industry="industry", region="region", country="country",
        city="city", staff_band="employees", lead_channel="channel", owner_uid="owner", grade_code="grade", signed_time="signed_at",
        first_contact_date="first_contact", lost_date="lost", tax_no="tax_no", main_email="email", main_tel="phone", tags="tags", modified_time="modified",
    )  # fmt: skip


def _opportunities(company: Company) -> pd.DataFrame:
    rows = _named(company, company.deals)
    rows["stage"] = np.array(list(STAGE_CODES.values()))[rows["reached"] + rows["t4"].notna()]
    rows["outcome"] = rows["is_won"].map({1: "W", 0: "X"}).fillna("O")
    rows["lead_no"] = rows["deal_no"].map(company.leads.dropna(subset=["deal_no"]).set_index("deal_no")["lead_no"])
    rows["modified"] = rows[["t0", "t1", "t2", "t3", "t4", "closed_at"]].max(axis=1)
    models = np.where(rows["equipment"] > 0, "Equipment E1", "Service Contract")
    codes = company.items.set_index(["line", "model"])["item_code"]
    rows["item_code"] = codes.reindex(pd.MultiIndex.from_arrays([rows["line"], models])).to_numpy()
    return _pick(
        rows, opp_no="deal_no", acct_no="acct_no", lead_no="lead_no", uid="owner", create_time="t0", stage_code="stage", outcome="outcome",
        close_time="closed_at", amt="amount", ccy="currency", lost_reason="reason", item_code="item_code", modified_time="modified",
    )  # fmt: skip


def _stage_log(company: Company) -> pd.DataFrame:
    rows = company.stage_log.assign(stage=company.stage_log["stage"].map(STAGE_CODES))
    return _numbered(_pick(rows, opp_no="deal_no", stage_code="stage", enter_time="entered_at", leave_time="left_at"))


def _activities(company: Company) -> pd.DataFrame:
    return _pick(
        _named(company, company.interactions), activity_no="activity_no", acct_no="acct_no", uid="owner", channel="channel", direction="direction",
        purpose="purpose", result="result", act_time="at", next_step="next_step", due_time="due_at", done_time="done_at",
    )  # fmt: skip


def _cases(company: Company) -> pd.DataFrame:
    return _pick(
        _named(company, company.tickets), case_no="case_no", acct_no="acct_no", kind="kind", open_time="opened_at", respond_time="response_at",
        assign_time="assigned_at", solve_time="solved_at", reopen_cnt="reopened", plan_time="plan_at", priority="priority", channel="channel",
    )  # fmt: skip


def _erp_customers(company: Company) -> pd.DataFrame:
    return _pick(
        company.erp_clients, cust_no="cust_no", cust_name="name", cust_name_en="name_en", crm_no="crm_no", tax_reg_no="tax_no", tel="phone", mail="email",
        country="country", ccy="currency", created_date="signed_at",
    )  # fmt: skip


def _invoice_heads(lines: pd.DataFrame) -> pd.DataFrame:
    heads = lines.drop_duplicates("bill_no").assign(type=lambda t: np.where(t["kind"] == "credit_note", "CN", "IN"))
    heads["day"] = np.datetime_as_string(heads["issued_on"].to_numpy(), unit="D")
    return _pick(heads, bill_no="bill_no", bill_type="type", cust_no="cust_no", bill_date="day", promo_code="campaign")


def _invoice_lines(lines: pd.DataFrame) -> pd.DataFrame:
    return _pick(
        lines.assign(fee=lines["kind"].map(FEE_TYPES)), bill_no="bill_no", line_no="line_no", item_code="item_code", qty="quantity", amt="amount",
        ccy="currency", fee_type="fee", svc_begin="period_start", svc_end="period_end",
    )  # fmt: skip


def _dirtied(company: Company, heads: pd.DataFrame, lines: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same with the slips of a real ERP: a currency typed by hand, days that do not exist, lines sent twice."""
    rng = company.world.rng("dirt")
    parts = np.flatnonzero((lines["fee_type"] == "PRT") & (lines["ccy"] == "CNY"))
    chosen = rng.permutation(parts)
    lines.loc[chosen[:BAD_CURRENCY], "ccy"] = "RMB "
    doubled = lines.iloc[chosen[BAD_CURRENCY : BAD_CURRENCY + DOUBLED]]
    alone = np.flatnonzero(heads["bill_no"].isin(lines.loc[lines["fee_type"] == "PRT", "bill_no"].drop_duplicates(keep=False)))
    for place, day in zip(rng.choice(alone, len(BAD_DAYS), replace=False), BAD_DAYS, strict=True):
        heads.loc[place, "bill_date"] = day.format(year=heads["bill_date"].iloc[place][:4])
    return heads, pd.concat([lines, doubled], ignore_index=True)
