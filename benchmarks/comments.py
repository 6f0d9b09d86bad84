"""How long the themes of many comments take: comments joined from a few sentences in both languages, with rare words between them.

python -m benchmarks.comments [N …]     asks for each N four times, and prints the fastest but the first, and the peak memory
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import resource
import sys
from collections.abc import Sequence
from functools import partial

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd

from benchmarks import measure
from metrics import CATALOGUE
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query

SIZES = (10_000, 50_000)
GOAL = 3.0  # seconds for the 50,000 comments that are looked at, beside as many of the year before
YEAR = Period(dt.date(2026, 1, 1), dt.date(2027, 1, 1), dt.date(2027, 1, 1))
SENTENCES = (  # and the score that whoever says so tends to give
    ("交货太慢，催了好几次。", 3), ("工程师非常专业，解决得很快。", 9), ("产品不错，交付再快一点更好。", 7), ("问题反复出现，没有人跟进。", 2),
    ("热线总是占线，等了半个小时。", 2), ("价格偏高，但质量稳定。", 7), ("培训很有帮助，希望多安排几次。", 8), ("发票开错了两次。", 4),
    ("Delivery is late again and nobody told us.", 2), ("The engineer knew the machine inside out.", 10), ("Prices went up twice this year.", 5),
    ("The portal keeps logging me out.", 4), ("Spare parts arrive quickly.", 9), ("We had to call the hotline four times.", 1),
    ("Good product, poor documentation.", 6), ("Installation was quick and clean.", 9),
)  # fmt: skip
JOINED = (1, 2, 3)  # sentences of a comment
RARE = 20_000  # rare words, the k-th drawn in proportion to 1/k


def written(n: int, seed: int) -> pd.DataFrame:
    """n comments with the score of their response: text, score."""
    rng = np.random.default_rng(seed)
    many, which = rng.choice(JOINED, n), rng.integers(len(SENTENCES), size=(n, max(JOINED)))
    letters = ["".join(word) for word in itertools.islice(itertools.product("bdfgklmnprst", "aeiou", "bdfgklmnprst", "aeiou", "bdfgklmnprst"), RARE)]
    chances = 1 / np.arange(1, RARE + 1)
    rare = rng.choice(letters, n, p=chances / chances.sum())
    told = [" ".join([*(SENTENCES[k][0] for k in own[:size]), word]) for own, size, word in zip(which, many, rare, strict=True)]
    mean = np.array([SENTENCES[k][1] for k in which[:, 0]])
    return pd.DataFrame({"text": told, "score": np.clip(np.round(mean + rng.normal(size=n)), 0, 10)})


def tables(n: int, seed: int = 1) -> dict[str, nw.LazyFrame]:
    """The mart `scores` with n responses of a year and n of the year before, each a score and a comment; and no accounts."""
    said = pd.concat([written(n, seed).assign(year=2026), written(n, seed + 1).assign(year=2025)], ignore_index=True)
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    connection.register("said", said.assign(k=said.index))
    connection.execute(MART)
    scores = connection.sql("SELECT * FROM scores")
    return {"scores": nw.from_native(scores), "accounts": nw.from_native(connection.sql("SELECT 'c' AS customer_id, 'C' AS name"))}


MART = """
CREATE TABLE scores AS
SELECT part || k AS answer_id, 'r' || k AS response_id, 'c' || k % 20000 AS customer_id, CAST(NULL AS VARCHAR) AS contact_id, part AS dimension,
    part AS question, part AS question_id,
    CASE WHEN part = 'nps' THEN score END AS score, CASE WHEN part = 'comment' THEN text END AS text, CAST(NULL AS DOUBLE) AS weight,
    CASE WHEN part = 'nps' THEN 0.0 END::DOUBLE AS scale_min, CASE WHEN part = 'nps' THEN 10.0 END::DOUBLE AS scale_max, 'all' AS wave,
    make_date(year, 1, 1) AS sent_from, make_date(year, 1, 1) + (k % 360)::INTEGER AS answered_on, false AS is_anonymous, part = 'comment' AS is_blank,
    false AS is_refused, part = 'nps' AS is_last
FROM said, (VALUES ('nps'), ('comment')) AS parts(part)
"""


def main(sizes: Sequence[int]) -> None:
    for n in sizes:
        asked = partial(ask, CATALOGUE["themes"], tables(n), Query(YEAR))
        found, taken = len(asked().rows), measure.seconds(asked, runs=3)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10
        print(json.dumps({"comments": n, "themes": found, "seconds": round(taken, 2), "goal": GOAL, "peak MiB": peak}))


if __name__ == "__main__":
    main([int(n) for n in sys.argv[1:]] or SIZES)
