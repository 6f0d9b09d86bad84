"""Comments for tests: the mart `scores` straight from rows, for cases that need many comments and none of what a sync does with them."""

from __future__ import annotations

import datetime as dt

import narwhals as nw
import pandas as pd

from tests.metrics.responses import QUESTIONS, SURVEY
from tests.metrics.surveyed import as_mart


def written(answers: list[dict], surveys: list[dict] = (SURVEY,)) -> dict[str, nw.LazyFrame]:
    """One answer per item, to the recommendation question on 3 February 2026 unless it says otherwise; in the first survey unless it names one."""
    known, asked = {one["survey_id"]: one for one in surveys}, {one["question_id"]: one for one in QUESTIONS}
    rows = []
    for k, given in enumerate(answers):
        row = {
            "answer_id": f"a:{k:05}",
            "response_id": f"r:{k}",
            "question_id": "q:nps",
            "survey_id": surveys[0]["survey_id"],
            "answered_at": "2026-02-03",
            **given,
        }
        survey, question = known[row["survey_id"]], asked[row["question_id"]]
        row |= {"wave": survey["wave"], "sent_from": survey.get("sent_from"), "dimension": question["dimension"], "question": question["text"]}
        row |= {"scale_min": question["scale_min"], "scale_max": question["scale_max"], "answered_on": dt.date.fromisoformat(row.pop("answered_at"))}
        rows.append({**row, "is_blank": row.get("score") is None})
    return as_mart(pd.DataFrame(rows))
