"""Surveys with several questions per respondent, for tests: from columns of scores, or drawn from a model that says what drives what."""

import datetime as dt

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd

from tests.made import made
from tests.metrics.responses import SURVEY
from warehouse.marts.scores import CORE

LIKERT = (1, 5)
TYPES = {"score": "float64", "weight": "float64", "scale_min": "float64", "scale_max": "float64", "revenue_year": "float64"}
FLAGS = {"is_anonymous": False, "is_blank": False, "is_refused": False, "is_last": True, "is_invited": True}


def surveyed(scores: dict[str, list], scales: dict[str, tuple] | None = None, people: list[dict] | None = None) -> dict[str, nw.LazyFrame]:
    """The mart `scores` and accounts, with one response per place in the columns: dimension → a score, or None where it was not answered.

    scales: dimension → (lowest, highest); nps is on 0 to 10, everything else on 1 to 5 unless said. people: further columns of each response.
    """
    ends = _scales(scores, scales)
    rows = [
        {**row, "question": row["dimension"], "scale_min": ends[row["dimension"]][0], "scale_max": ends[row["dimension"]][1], "wave": SURVEY["wave"],
         "answer_id": f"{row['response_id']}:{row['dimension']}", "answered_on": dt.date(2026, 2, 3), "survey": SURVEY["name"]}
        for row in _answers(scores, people)
    ]  # fmt: skip
    return as_mart(pd.DataFrame(rows).drop(columns="answered_at"))


def as_mart(frame: pd.DataFrame) -> dict[str, nw.LazyFrame]:
    """The mart `scores` with these rows, what they do not name being as usual; and no accounts."""
    frame = frame.assign(**{name: pd.Series(None, frame.index, dtype=TYPES.get(name, "str")) for name in CORE if name not in frame and name not in FLAGS})
    frame = frame.assign(**{name: flag for name, flag in FLAGS.items() if name not in frame}).astype(TYPES)
    connection = duckdb.connect()
    connection.register("scores_", frame)
    connection.register("accounts_", pd.DataFrame({"customer_id": pd.Series([], dtype="str"), "name": pd.Series([], dtype="str")}))
    return {name: nw.from_native(connection.sql(f"select * from {name}_")) for name in ("scores", "accounts")}


def synced(scores: dict[str, list], scales: dict[str, tuple] | None = None, people: list[dict] | None = None, engine_name: str | None = None):
    """The same as `surveyed`, by way of the entities and the marts that a sync builds from them."""
    ends = _scales(scores, scales)
    questions = [{"question_id": f"q:{name}", "dimension": name, "text": name, "scale_min": low, "scale_max": high} for name, (low, high) in ends.items()]
    return made({"surveys": [SURVEY], "questions": questions, "answers": _answers(scores, people)}, engine_name=engine_name)


def _scales(scores: dict[str, list], scales: dict[str, tuple] | None) -> dict[str, tuple]:
    return {name: (0, 10) if name == "nps" else LIKERT for name in scores} | (scales or {})


def _answers(scores: dict[str, list], people: list[dict] | None) -> list[dict]:
    return [
        {"survey_id": SURVEY["survey_id"], "response_id": f"r:{k:05}", "question_id": f"q:{name}", "dimension": name, "answered_at": "2026-02-03",
         "score": score, **(people[k] if people else {})}
        for name, column in scores.items() for k, score in enumerate(column) if score is not None
    ]  # fmt: skip


def drawn(seed: int, n: int, effects: dict[str, float], halo: float = 0.3, noise: float = 0.8, means: dict[str, float] | None = None) -> dict[str, list]:
    """Scores of n respondents: nps goes up with each dimension by its effect; all dimensions share a mood (halo), so that they are correlated."""
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=n)
    latent = {name: np.sqrt(halo) * mood + np.sqrt(1 - halo) * rng.normal(size=n) for name in effects}
    recommend = 7 + sum(2 * effect * latent[name] for name, effect in effects.items()) + 2 * noise * rng.normal(size=n)
    columns = {name: _rounded(3.4 + (means or {}).get(name, 0.0) + values, *LIKERT) for name, values in latent.items()}
    return {"nps": _rounded(recommend, 0, 10), **columns}


def _rounded(values: np.ndarray, low: int, high: int) -> list[float]:
    return [float(score) for score in np.clip(np.round(values), low, high)]
