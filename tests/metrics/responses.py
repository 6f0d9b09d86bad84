"""Survey answers for tests: a wave with an NPS question and a few satisfaction questions, from lists of scores."""

import datetime as dt
import random

from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query
from tests.made import made

D = dt.date.fromisoformat
YEAR = Period(D("2026-01-01"), D("2027-01-01"), D("2027-01-01"))
SURVEY = {"survey_id": "s:1", "name": "Relationship", "kind": "relation", "wave": "2026Q1"}
QUESTIONS = [
    {"question_id": "q:nps", "dimension": "nps", "text": "Would you recommend us?", "scale_min": 0, "scale_max": 10, "blank_codes": "11"},
    {"question_id": "q:food", "dimension": "food", "text": "How was the food?", "scale_min": 1, "scale_max": 5, "blank_codes": "0,6"},
    {"question_id": "q:effort", "dimension": "effort", "text": "How easy was it?", "scale_min": 1, "scale_max": 7},
]


def answered(answers, question="q:nps", engine_name=None, **entities):
    """Tables with one answer per item: a score, or a dict of columns. Who is not named is nobody in particular."""
    rows = [a if isinstance(a, dict) else {"score": a} for a in answers]
    filled = [{"survey_id": "s:1", "question_id": question, "response_id": f"r:{k}", "answered_at": "2026-02-03", **row} for k, row in enumerate(rows)]
    return made({"surveys": [SURVEY], "questions": QUESTIONS, "answers": filled, **entities}, engine_name=engine_name)


def one(metric, tables, period=YEAR, where=(), **options):
    """The only row of an answer without keys."""
    (row,) = ask(metric, tables, Query(period, where=where, options=options)).rows.to_dict("records")
    return row


def grouped(metric, tables, by, period=YEAR, grain=None, **options):
    """The rows of an answer, by their key (a tuple where there are several)."""
    rows = ask(metric, tables, Query(period, grain, tuple(by), options=options)).rows
    keys = [*(["period"] if grain else []), *by]
    return {(tuple(row[k] for k in keys) if len(keys) > 1 else row[keys[0]]): row for row in rows.to_dict("records")}


def some(seed: int, n: int = 60) -> dict:
    """Answers as the world gives them: blanks, refused scores, repeats, weights, customers with and without revenue."""
    rng = random.Random(seed)
    answers = [_some_answer(rng, k) for k in range(n)]
    customers = [{"customer_id": f"k:{k}", "region": rng.choice(["North", "South", None])} for k in range(12)]
    invoices = [{"customer_id": f"k:{rng.randrange(9)}", "issued_on": "2026-01-15", "amount": rng.choice([10, 200, 3000, -50])} for _ in range(15)]
    return {"answers": answers, "customers": customers, "invoices": invoices}


def _some_answer(rng: random.Random, k: int) -> dict:
    customer = rng.choice([None, *(f"k:{k}" for k in range(12))])
    return {
        "answer_id": f"a:{k:03}",
        "customer_id": customer,
        "contact_id": rng.choice([None, f"c:{customer}:{rng.randrange(3)}"]) if customer else None,
        "score": rng.choice([None, 11, 12, -1, 7.5, *range(11), 9, 10, 8]),
        "weight": rng.choice([None, 0.5, 1.0, 2.0]),
        "answered_at": f"2026-{rng.choice(['01', '02', '03', '12'])}-{rng.randrange(1, 28):02}",
        "touchpoint": rng.choice(["Delivery", "Support"]),
    }
