"""What customers say when asked: one wave a quarter, one questionnaire per invited contact."""

from __future__ import annotations

import numpy as np
import pandas as pd

from connectors.demo import words
from connectors.demo.contracts import is_active
from connectors.demo.stories import Story
from connectors.demo.world import DAY, World, column, pick, working_time

INVITED = 1150  # customers per wave at scale 1, one contact each; a tenth get a second questionnaire
BOUNCED = 0.03
TWICE = 0.02  # of respondents answer again within the wave
REFUSED, SKIPPED = 0.02, 0.035  # code 99; nothing at all
RECOMMEND, NOISE = 9.1, 1.55  # mean and spread of the 0-10 answer
SATISFIED = 4.15  # mean on 1-5
COMMENTED = 0.42
DIMENSIONS = ("Q2_service_quality", "Q3_product_function", "Q4_response_speed", "Q5_delivery", "Q6_overall")
OFFSETS = (0.10, 0.05, -0.08, -0.15, 0.0)  # of the dimensions around SATISFIED
WORST = {"low_touchpoint": "Q5_delivery", "low_pair": "Q3_product_function"}  # where a planted weakness is deepest
SENT_DAYS = 10  # a wave is sent in the first days of the quarter's third month


def waves(world: World) -> pd.DataFrame:
    """One row per wave: wave, quarter, sent_from, sent_to."""
    quarters = world.span.quarters
    names = [f"{q.astype('M8[Y]')}Q{q.astype(int) % 12 // 3 + 1}" for q in quarters]
    sent = (quarters + 2).astype("M8[D]")
    return pd.DataFrame({"wave": names, "sent_from": sent.astype("M8[s]"), "sent_to": (sent + SENT_DAYS).astype("M8[s]")})


def invitations(world: World, clients: pd.DataFrame, people: pd.DataFrame, calendar: pd.DataFrame) -> pd.DataFrame:
    """Who was asked in each wave: customer, contact_no, sent_at, delivered."""
    rng, n = world.rng("invitations"), world.count(INVITED)
    number = clients.reset_index(names="customer")[["acct_no", "customer"]]
    team = people[["acct_no", "contact_no"]].merge(number, on="acct_no").sort_values("contact_no", kind="stable").groupby("customer")["contact_no"].agg(list)
    parts = []
    for wave in calendar.itertuples():
        asked = np.flatnonzero(is_active(clients, np.array([np.datetime64(wave.sent_from, "M")]))[:, 0])
        asked = rng.permutation(asked)[: round(min(n, 0.9 * len(asked)))]
        pairs = [(c, p) for c in asked for p in rng.permutation(team[c])[: 1 + (rng.random() < 0.1)]]
        days = np.datetime64(wave.sent_from, "D") + rng.integers(0, SENT_DAYS - 3, len(pairs)) * DAY
        sent = pd.DataFrame(pairs, columns=["customer", "contact_no"])
        parts.append(sent.assign(wave=wave.wave, sent_at=working_time(rng, days), delivered=(rng.random(len(pairs)) >= BOUNCED).astype(int)))
    return pd.concat(parts, ignore_index=True)


def responses(world: World, clients: pd.DataFrame, contracts: pd.DataFrame, sent: pd.DataFrame, stories: dict[str, Story]) -> pd.DataFrame:
    """One row per questionnaire that came back, one column per question."""
    rng, silent = world.rng("responses"), stories["silent_core"]
    client = clients.iloc[sent["customer"]].reset_index(drop=True)
    rate = np.where(silent.touches(client), silent.size["response_rate"], silent.size["response_rate_elsewhere"])
    answered = (sent["delivered"] == 1).to_numpy() & (rng.random(len(sent)) < rate)
    rows = sent[answered].reset_index(drop=True)
    rows["answered_at"] = rows["sent_at"] + pd.to_timedelta((rng.gamma(1.6, 60, len(rows)) % 400 * 3600).round(), unit="s")
    again = rows[rng.random(len(rows)) < TWICE]
    rows = pd.concat([rows, again.assign(answered_at=again["answered_at"] + pd.Timedelta(days=1, hours=3))], ignore_index=True)
    rows = rows.sort_values(["answered_at", "contact_no"], kind="stable", ignore_index=True)
    rows = _context(rng, rows, clients, contracts)
    return _worded(rng, _scored(rng, rows, stories))


def _context(rng, rows: pd.DataFrame, clients: pd.DataFrame, contracts: pd.DataFrame) -> pd.DataFrame:
    """What the questionnaire is about: a touchpoint, and one of the product lines the customer has."""
    client = clients.iloc[rows["customer"]].reset_index(drop=True)
    for name in ("acct_no", "region", "industry", "grade", "country", "quality", "lost_on"):
        rows[name] = client[name]
    lines = contracts.groupby("customer")["line"].unique()
    rows["product_line"] = [lines[c][int(rng.random() * len(lines[c]))] for c in rows["customer"]]
    rows["touchpoint"] = column(words.TOUCHPOINTS, 1, pick(rng, words.TOUCHPOINTS, len(rows)))
    rows["response_no"] = [f"R{wave}-{n:05d}" for wave, n in zip(rows["wave"], rows.groupby("wave").cumcount() + 1, strict=True)]
    return rows


def _scored(rng, rows: pd.DataFrame, stories: dict[str, Story]) -> pd.DataFrame:
    """Scores from how well the customer is served, plus the planted weaknesses."""
    n, mood = len(rows), 0.55 * rows["quality"].to_numpy()
    leaving = ((rows["lost_on"] - rows["answered_at"]).dt.days < 120).to_numpy()  # NaT is never less
    recommend = RECOMMEND + mood + rng.normal(0, NOISE, n) - 2.0 * leaving
    for name in ("low_touchpoint", "low_pair", "nps_drop"):
        recommend += stories[name].size["recommend_points"] * stories[name].touches(rows, rows["answered_at"])
    rows["Q1_recommend"] = _answers(rng, recommend, 0, 10)
    shared = SATISFIED + 0.3 * rows["quality"].to_numpy() + rng.normal(0, 0.45, n) - 0.5 * leaving
    for question, offset in zip(DIMENSIONS, OFFSETS, strict=True):
        score = shared + offset + rng.normal(0, 0.55, n)
        for name, worst in WORST.items():
            depth = stories[name].size["dimension_points"] * (1.15 if question == worst else 1.0)
            score += depth * stories[name].touches(rows, rows["answered_at"])
        rows[question] = _answers(rng, score, 1, 5)
    return rows


def _answers(rng, score, low: int, high: int) -> np.ndarray:
    """Whole scores on the scale as text; some refused (99), some left blank."""
    whole = np.clip(np.round(score), low, high).astype(int).astype(str)
    luck = rng.random(len(whole))
    return np.select([luck < REFUSED, luck < REFUSED + SKIPPED], ["99", ""], whole)


def _worded(rng, rows: pd.DataFrame) -> pd.DataFrame:
    """A comment for some, in the customer's language and mood."""
    rows["language"] = np.where(rows["country"] == "CN", "zh", "en")
    line_zh = {line: zh for line, zh, _, _ in words.LINES}
    told = rng.random(len(rows)) < COMMENTED
    comments = []
    for row, tells in zip(rows.itertuples(), told, strict=True):
        score = int(row.Q1_recommend) if row.Q1_recommend not in ("", "99") else 8
        phrases = words.VERBATIMS[row.language][0 if score >= 9 else 1 if score >= 7 else 2]
        phrase = phrases[int(rng.random() * len(phrases))]
        filled = phrase.format(
            touchpoint=row.touchpoint, line=row.product_line, touchpoint_zh=words.TOUCHPOINTS_ZH[row.touchpoint], line_zh=line_zh[row.product_line]
        )
        comments.append(filled if tells else "")
    return rows.assign(Q7_comment=comments)
