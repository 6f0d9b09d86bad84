"""Themes of comments: worked cases, planted themes, what is hidden, hostile text, and counts that a second way of counting confirms."""

import math
import random
import re

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from access.scope import Scope
from metrics.lexicon import USUAL, Theme, in_lower_case, mentions, pattern
from metrics.metric import ask
from metrics.phrases import phrases, singular
from metrics.query import Query, QuestionError, collect
from metrics.quotes import quotes
from metrics.survey import METRICS as SURVEY_METRICS
from metrics.themes import METRICS, Read, _change
from metrics.topics import log_odds, telling
from tests.metrics.frames import framed
from tests.metrics.responses import SURVEY, YEAR, answered
from tests.metrics.written import written
from tests.warehouse.test_veils import seen_by

(THEMES,), VERBATIMS = METRICS, SURVEY_METRICS[1]
OWN = {"metrics": {"themes": {"words": {"noise": ["noisy", "loud*", "噪音"], "delivery": []}}}}


def said(*comments) -> list[dict]:
    """Answers to the recommendation question from (score, comment) pairs."""
    return [{"answer_id": f"a:{k:05}", "score": score, "text": text} for k, (score, text) in enumerate(comments)]


def found(tables, where=(), settings=None, **options) -> dict[str, dict]:
    rows = ask(THEMES, tables, Query(YEAR, where=where, options=options, settings=settings or {})).rows
    return {row["theme"]: row for row in rows.to_dict("records")}


def listed(tables, theme=None, where=(), settings=None, **options) -> pd.DataFrame:
    asked = {**THEMES.options, "theme": theme, **options}
    return collect(THEMES.behind(tables, Query(YEAR, where=where, options=asked, settings=settings or {})))


# worked cases

LATE = [(0, "Delivery was late"), (2, "交货太慢"), (4, "deliveries come late"), (2, "又延期，交货慢"), (4, "Late delivery!"), (0, "slow DELIVERY")]
FINE = [(10, "Thank you"), (10, "谢谢"), (9, "All fine"), (9, "很好"), (8, "👍"), (8, "Fine work")]


def test_english_and_chinese_are_one_theme_with_its_mean_beside_the_others():
    """Six of twelve speak of delivery: mean (0 + 2 + 4 + 2 + 4 + 0) ÷ 6 = 2; the others (10 + 10 + 9 + 9 + 8 + 8) ÷ 6 = 9."""
    rows = found(answered(said(*LATE, *FINE)))
    assert set(rows) == {"delivery", "waiting"}
    row = rows["delivery"]
    assert (row["n"], row["value"], row["denominator"], row["share"], row["mean"], row["rest_mean"], row["scored"]) == (6, 6, 12, 0.5, 2.0, 9.0, 6)
    assert (row["kind"], row["verdict"], row["scale_min"], row["scale_max"]) == ("listed", "not_compared", 0, 10)
    assert row["mean_low"] < 2 < row["mean_high"] and row["share_low"] < 0.5 < row["share_high"]


def test_scores_tell_a_theme_apart():
    rows = found(written(said(*LATE * 5, *FINE * 5)))
    assert rows["delivery"]["tells"] == "low"
    praised = found(written(said(*[(10, "great engineer")] * 20, *[(3, "not my thing")] * 20)))
    assert praised["people"]["tells"] == "high"


def test_a_theme_that_scores_do_not_tell_apart_says_so():
    rows = found(written(said(*[(k % 11, "delivery") for k in range(44)], *[(k % 11, "thanks") for k in range(44)])))
    assert pd.isna(rows["delivery"]["tells"])


def test_the_mean_is_of_what_is_asked_about():
    """Comments come with the recommendation; the mean of `food` is on 1 to 5: (1 · 3 + 2 · 3) ÷ 6."""
    nps = [{"response_id": f"r:{k}", "score": 9, "text": "late delivery"} for k in range(6)]
    food = [{"response_id": f"r:{k}", "question_id": "q:food", "score": 1 + k % 2} for k in range(6)]
    row = found(written([*nps, *food]), dimension="food")["delivery"]
    assert (row["mean"], row["scale_max"], row["scored"]) == (1.5, 5, 6)


def test_comments_without_a_score_count_and_have_no_mean():
    row = found(written([{"question_id": "q:food", "text": "late delivery", "score": None} for _ in range(7)]))["delivery"]
    assert row["n"] == 7 and row["scored"] == 0 and pd.isna(row["mean"]) and pd.isna(row["mean_low"])


def test_two_comments_of_a_response_are_two_and_score_once():
    rows = [{"answer_id": f"a:{k}:{q}", "response_id": f"r:{k}", "question_id": q, "score": 2 if q == "q:nps" else None, "text": "late delivery"}
            for k in range(6) for q in ("q:nps", "q:food")]  # fmt: skip
    row = found(written(rows))["delivery"]
    assert (row["n"], row["scored"], row["mean"]) == (12, 6, 2)


def test_a_company_has_themes_of_its_own_and_switches_usual_ones_off():
    rows = found(written(said(*[(3, text) for text in ("Too LOUD", "louder than before", "噪音很大", "noisy", "loud", "delivery", "noisyness")])), settings=OWN)
    assert {name: row["n"] for name, row in rows.items()} == {"noise": 5}


@pytest.mark.parametrize("words", ["loud", {"noise": "loud"}, {"noise": [3]}, {"noise": [" * "]}], ids=str)
def test_a_setting_that_cannot_be_meant_says_what_to_write(words):
    with pytest.raises(QuestionError, match=r"metrics\.themes\.words"):
        found(written(said(*LATE)), settings={"metrics": {"themes": {"words": words}}})


@pytest.mark.parametrize(("question", "reason"), [({"by": ("region",)}, "narrow"), ({"grain": "month"}, "one period")])
def test_what_cannot_be_asked(question, reason):
    with pytest.raises(QuestionError, match=reason):
        ask(THEMES, written(said(*LATE)), Query(YEAR, **question))


def test_an_unknown_theme_is_named_with_those_there_are():
    for attempt in (found, listed):
        with pytest.raises(QuestionError, match=r"no theme 'weather'.*delivery"):
            attempt(written(said(*LATE)), theme="weather")


# words

MATCHES = [
    ("deliver*", "delivery", True), ("deliver*", "redeliver", False), ("fee", "coffee", False), ("fee", "a fee.", True), ("follow up", "follow-up", True),
    ("follow up", "follow\nup", True), ("follow up", "followup", False), ("app", "the app's gone", True), ("app", "happy", False), ("贵", "太贵了", True),
    ("c++", "c++ module", True), ("a.c", "abc", False), ("app崩溃", "app崩溃了", True), ("naïve*", "naïvely", True), ("na", "naïve", False),
]  # fmt: skip


@pytest.mark.parametrize(("word", "text", "holds"), MATCHES, ids=str)
def test_where_a_word_is_found(word, text, holds):
    """In Python, as Arrow reads it, and as the engine does."""
    assert bool(re.search(pattern([word]), text)) is holds
    said = pd.DataFrame({"text": [text.upper(), None]})
    engine = collect(framed(said).select(has=mentions(Theme("own", (word,)), in_lower_case())))["has"].tolist()
    arrow = nw.from_native(pa.table({"text": said["text"]}), eager_only=True).select(has=mentions(Theme("own", (word,)), in_lower_case()))["has"].to_list()
    assert engine == arrow == [holds, False]


@pytest.mark.parametrize(
    ("plural", "one"), [("queries", "query"), ("boxes", "boxe"), ("lots", "lot"), ("status", "status"), ("glass", "glass"), ("停车场", "停车场")]
)
def test_plurals(plural, one):
    assert singular(plural) == one


def test_a_comment_is_taken_apart_into_words_that_mean_something():
    assert set(phrases("the parking space wasn't near, 停车场太小。😀 <b>x</b>")) == {
        "parking",
        "space",
        "parking space",
        "near",
        "停车场",
        "太小",
        "停车场太小",
    }
    assert phrases("") == phrases("   ") == phrases("😀 !!! 123") == {}


# beside before


def waves(*counts) -> dict:
    """Tables of waves sent one after the other; each of them (comments about delivery, all comments)."""
    surveys = [{**SURVEY, "survey_id": f"s:{k}", "wave": f"Wave {k + 1}", "sent_from": f"2026-0{k + 1}-01"} for k in range(len(counts))]
    rows = [
        {"answer_id": f"a:{k}:{i:03}", "response_id": f"r:{k}:{i}", "survey_id": f"s:{k}", "answered_at": f"2026-0{k + 1}-05", "score": 5,
         "text": "delivery" if i < own else "thanks"}
        for k, (own, total) in enumerate(counts) for i in range(total)
    ]  # fmt: skip
    return written(rows, surveys=surveys)


def test_the_difference_has_newcombes_limits():
    """56 of 70 against 48 of 80: 0.2 with 0.0524 to 0.3339 (Newcombe 1998, table II, method 10)."""
    row = found(waves((48, 80), (56, 70)), wave="Wave 2")["delivery"]
    assert (row["before"], row["share_before"], row["change"]) == (48, 0.6, pytest.approx(0.2))
    assert (row["change_low"], row["change_high"]) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
    assert row["verdict"] == "more"


@pytest.mark.parametrize(("before", "now", "verdict"), [
    ((30, 60), (10, 60), "fewer"), ((30, 60), (31, 60), "no_clear_change"), ((0, 60), (20, 60), "new"), ((20, 29), (6, 60), "too_few"),
    ((20, 60), (20, 29), "too_few"), ((4, 60), (20, 60), "before_suppressed"),
])  # fmt: skip
def test_what_is_said_of_the_wave_before(before, now, verdict):
    row = found(waves(before, now), where=(("wave", ("Wave 2",)),))["delivery"]
    assert row["verdict"] == verdict
    assert pd.isna(row["before"]) == (verdict == "before_suppressed")


def test_a_wave_before_that_is_hidden_is_not_compared_with():
    """Waves of 60, 4, 4 and 60 responses: the two small ones are hidden, and hide no others."""
    row = found(waves((30, 60), (2, 4), (2, 4), (20, 60)), wave="Wave 4")["delivery"]
    assert (row["n"], row["verdict"]) == (20, "before_suppressed") and pd.isna(row["before"]) and pd.isna(row["change"])


def test_the_first_wave_has_none_before_it():
    assert found(waves((30, 60), (10, 60)), wave="Wave 1")["delivery"]["verdict"] == "not_compared"


def test_a_period_is_compared_with_the_one_before():
    rows = [{"score": 5, "text": "delivery" if k < own else "thanks", "response_id": f"r:{year}:{k}", "answered_at": f"{year}-02-03"}
            for year, own in (("2025", 20), ("2026", 50)) for k in range(100)]  # fmt: skip
    row = found(written([{**row, "answer_id": f"a:{k}"} for k, row in enumerate(rows)]))["delivery"]
    assert (row["n"], row["before"], row["verdict"]) == (50, 20, "more")


def test_nothing_of_before_is_read_from_a_theme_of_few_people():
    """Of 50 comments before two speak of it, of two people."""
    before = Read(pd.DataFrame({"response_id": [f"r:{k}" for k in range(50)], "score": 5.0}), np.zeros((50, 0)), (0.0, 10.0))
    assert {name for name, value in _change(before, np.arange(50) < 2, 20, 60).items() if value == value} == {"verdict"}


# found themes


def test_log_odds_by_hand():
    """8 of 10 low and 2 of 10 high: the prior is 10 · 10.5 / 21 = 5 of 10, so 13 to 7 against 7 to 13."""
    expected = 2 * math.log(13 / 7) / math.sqrt(2 / 13 + 2 / 7)
    assert log_odds([8, 2, 5], 10, [2, 8, 5], 10) == pytest.approx([expected, -expected, 0])
    assert log_odds([3], 0, [0], 10).tolist() == [0] and telling([], 5, [], 5).size == 0


SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
NEUTRAL = "早上 会议 天气 城市 地铁 电梯 颜色 桌子 椅子 窗户 楼层 走廊 办公室 仓库 车间 厂房 道路 河流 山脉 森林 花园 广场 商店 书店 电影 音乐".split()  # noqa: SIM905


def planted(seed: int, n: int = 600) -> list[dict]:
    """Comments of meaningless words, and in them: parking (low, both languages listed below), the cafeteria (low), the shuttle van (high)."""
    rng, comments = random.Random(seed), []
    for k in range(n):
        filler = ["".join(rng.choices(SYLLABLES, k=3)) for _ in range(6)] if k % 2 else rng.sample(NEUTRAL, 1)
        low = k % 3 == 0
        topic = rng.random()
        if low and topic < 0.3:
            filler.insert(rng.randrange(len(filler) + 1), "cafeteria" if k % 2 else "食堂")
        elif low and topic < 0.55:
            filler.insert(rng.randrange(len(filler) + 1), rng.choice(("parking", "car park")) if k % 2 else "停车场")
        elif not low and topic < 0.3:
            filler.insert(0, rng.choice(("shuttle van", "shuttle vans")) if k % 2 else "班车")
        score = rng.choice((0, 1, 2, 3, 4, 5) if low else (8, 9, 10))
        comments.append((score, (" " if k % 2 else "，").join(filler)))
    return said(*comments)


PARKING = {"metrics": {"themes": {"words": {"parking": ["parking", "car park", "停车"]}}}}


def test_planted_themes_come_out_and_nothing_else():
    """Ten companies: everything that was planted in each, and at most one thing in all of them that was not."""
    strange = []
    for seed in range(10):
        rows = found(written(planted(seed)), settings=PARKING)
        names = {name: row["tells"] for name, row in rows.items() if row["kind"] == "found" or name == "parking"}
        expected = {"parking": "low", "cafeteria": "low", "食堂": "low", "shuttle van": "high", "班车": "high"}
        assert {name: names.get(name) for name in expected} == expected, seed
        strange += sorted(set(names) - set(expected))
    assert len(strange) <= 1, strange


def test_a_found_theme_opens_and_holds_its_other_forms():
    tables = written(planted(3))
    row = found(tables)["shuttle van"]
    rows = listed(tables, "shuttle van")
    assert len(rows) == row["n"] and {"shuttle vans", "shuttle van"} <= set(row["words"].split(" · "))
    assert rows["text"].str.contains("shuttle van").all()


def test_what_one_person_or_one_form_repeats_is_no_theme():
    """One customer with fifty comments; a choice that fifty people ticked; a word that everybody's form begins with."""
    from_one = [{"customer_id": "k:1", "score": k % 11, "text": f"grumble {k}"} for k in range(50)]
    ticked = [{"score": k % 11, "text": "webshop"} for k in range(50)]
    formed = [{"score": k % 11, "text": f"remark {'x' * (k + 1)}"} for k in range(101)]
    rows = [{**row, "answer_id": f"a:{k:03}"} for k, row in enumerate([*from_one, *ticked, *formed])]
    assert found(written(rows)) == {}


# hiding


@pytest.mark.parametrize("is_anonymous", [False, True])
@pytest.mark.parametrize(("n", "is_shown"), [(4, False), (5, True)])
def test_a_theme_of_fewer_than_five_is_hidden_with_its_list(n, is_shown, is_anonymous):
    tables = answered(said(*LATE[:1] * n, *FINE), surveys=[{**SURVEY, "is_anonymous": is_anonymous}])
    row = found(tables)["delivery"]
    assert row["state"] == ("value" if is_shown else "suppressed")
    assert len(listed(tables, "delivery")) == (n if is_shown else 0)
    if not is_shown:
        assert all(pd.isna(row[name]) for name in row if name not in ("theme", "state", "complete"))


def test_a_rare_theme_takes_no_other_one_with_it():
    """Themes overlap: no total is known from which one could be computed."""
    rows = found(written(said(*[(5, "late")] * 3, *[(5, "price")] * 5, *[(5, "invoice")] * 9)))
    assert {name: row["state"] for name, row in rows.items()} == {"billing": "value", "price": "value", "waiting": "suppressed"}


def test_one_response_with_many_comments_is_one():
    rows = [
        {"answer_id": f"a:{k}", "response_id": "r:1", "score": 2 if not k else None, "question_id": "q:nps" if not k else "q:food", "text": "late"}
        for k in range(9)
    ]
    assert found(written([*rows, *said(*FINE)]))["waiting"]["state"] == "suppressed"


@pytest.mark.parametrize("is_anonymous", [False, True])
def test_fewer_than_five_responses_show_nothing(is_anonymous):
    tables = answered(said(*LATE[:4]), surveys=[{**SURVEY, "is_anonymous": is_anonymous}])
    ((name, row),) = found(tables).items()
    assert pd.isna(name) and row["state"] == "suppressed"
    assert listed(tables).empty and listed(tables, "delivery").empty


def test_where_a_table_hides_the_comments_the_themes_are_hidden_too():
    """Of 20, 9 and 3 responses at a, b and c a table hides b and c."""
    rows = [{"score": 2, "text": "late delivery", "touchpoint": name} for name, n in (("a", 20), ("b", 9), ("c", 3)) for _ in range(n)]
    tables = answered(rows)
    for touchpoint, is_shown in (("a", True), ("b", False), ("c", False)):
        where = (("touchpoint", (touchpoint,)),)
        assert ("delivery" in found(tables, where)) is is_shown
        assert (len(listed(tables, "delivery", where)) > 0) is is_shown


def test_an_anonymous_survey_names_nobody():
    customers = [{"customer_id": f"k:{k}", "name": f"Client {k}", "region": "North"} for k in range(6)]
    rows = [{**row, "customer_id": f"k:{k % 6}"} for k, row in enumerate(said(*LATE))]
    open_, anonymous = (listed(answered(rows, customers=customers, surveys=[{**SURVEY, "is_anonymous": flag}]), "delivery") for flag in (False, True))
    assert sorted(open_["name"]) == [f"Client {k}" for k in range(6)]
    known = {name for name in anonymous if anonymous[name].notna().any()}
    assert not known & {"name", "customer_id", "contact_id", "response_id", "answer_id", "region"} and {"text", "score", "answered_on"} <= known


def test_personal_data_in_a_comment_are_masked_before_anything_is_read():
    texts = ["call me at 13800138000 about delivery", "late delivery, mail ann@example.com"] * 5
    tables = answered(said(*[(2, text) for text in texts]))
    veiled = seen_by(tables, Scope(is_full=True, veils=("personal",)))
    told = listed(veiled, "delivery")["text"].str.cat(sep=" ") + str(found(veiled))
    assert "13800138000" not in told and "example.com" not in told and "•••" in told


# hostile and random text

HOSTILE = [
    "", "   ", "\n", "😀", "<script>alert('late')</script> delivery", "=cmd|' /C calc'!A0 delivery", "**delivery** [x](javascript:1)", "delivery\u202elate",
    "(((((delivery", "\\\\delivery\\", "%s {0} {delivery} $1", "ok", "好", "delivery " * 3000, "'; drop table scores; -- delivery",
]  # fmt: skip


def test_hostile_text_is_counted_like_any_other():
    tables = answered(said(*[(2, text) for text in HOSTILE]))
    rows, held = found(tables), sum("delivery" in text for text in HOSTILE)
    assert rows["delivery"]["n"] == held == len(listed(tables, "delivery")) == 9
    assert rows["delivery"]["denominator"] == sum(bool(text.strip()) for text in HOSTILE)
    assert 0 < len(quotes(listed(tables, "delivery"), rows["delivery"]["words"].split(" · "))) <= 5


WORDS = ["delivery", "Late", "slow", "price", "贵", "交货", "很好", "invoice", "thanks", "😀", "Engineer", "app", "happy", "维修", "and", "-", "fee"]


def plainly(text: str, words: tuple[str, ...]) -> bool:
    """Whether a text holds one of the words, as one would write it without an engine."""
    found = re.findall(r"[a-zà-öø-ɏ0-9]+", text.lower())
    for word in words:
        if re.search(r"[\u3400-\u9fff]", word):
            holds = word in text
        elif word.endswith("*"):
            holds = any(one.startswith(word[:-1]) for one in found)
        else:
            holds = f" {word} " in f" {' '.join(found)} "
        if holds:
            return True
    return False


@pytest.mark.parametrize("seed", range(3))
def test_counts_of_random_comments(seed):
    """Every theme is counted as by hand, its list is as long, means agree, and comments with and without a theme add up to all."""
    rng = random.Random(seed)
    comments = [(rng.choice([None, *range(11)]), " ".join(rng.choices(WORDS, k=rng.randint(0, 4)))) for _ in range(150)]
    tables = written(said(*comments))
    whole = [(score, text) for score, text in comments if text.strip()]
    answer = ask(THEMES, tables, Query(YEAR))
    usual = {name: [score for score, text in whole if plainly(text, words)] for name, words in USUAL.items()}
    rows = {row["theme"]: row for row in answer.rows.to_dict("records") if row["state"] == "value" and row["kind"] == "listed"}
    assert {name: row["n"] for name, row in rows.items()} == {name: len(scores) for name, scores in usual.items() if len(scores) >= 5}
    for name, row in rows.items():
        scores = [score for score in usual[name] if score is not None]
        assert row["mean"] == pytest.approx(sum(scores) / len(scores))
    for name in ("delivery", "price", "digital"):
        assert len(listed(tables, name)) == rows[name]["n"]
    held = {text for name, words in USUAL.items() for _, text in whole if plainly(text, words)}
    others = answer.rows.loc[answer.rows["kind"] == "found", "words"].tolist()
    held |= {text for words in others for _, text in whole if re.search(pattern(words.split(" · ")), text.lower())}
    assert answer.notes["without"] == sum(text not in held for _, text in whole)
    assert answer.notes["comments"] == len(whole) == len(listed(tables))


def test_the_same_comments_in_another_order_are_the_same_themes():
    rows = planted(5, 200)
    ours, theirs = (ask(THEMES, written(some), Query(YEAR)).rows for some in (rows, rows[::-1]))
    pd.testing.assert_frame_equal(ours, theirs)


def test_only_the_newest_are_read_and_it_is_said(monkeypatch):
    monkeypatch.setattr("metrics.themes.MOST_COMMENTS", 20)
    rows = [{"answer_id": f"a:{k:02}", "score": 5, "text": "delivery" if k < 15 else "invoice", "answered_at": f"2026-01-{k + 1:02}"} for k in range(30)]
    tables = written(rows)
    answer = ask(THEMES, tables, Query(YEAR))
    assert answer.rows.set_index("theme")["n"].to_dict() == {"billing": 15, "delivery": 5}
    assert (answer.notes["comments"], answer.notes["left_out"], len(listed(tables, "delivery"))) == (20, 10, 5)


# quotes and search


def test_quotes_are_chosen_by_their_rule():
    """Readable ones first, those with more of the words, then scores near the middle one (4), the newest; nobody and nothing twice."""
    rows = pd.DataFrame(
        [
            (1, "late", 4, "2026-01-09", None), (2, "Delivery came late again", 4, "2026-01-01", "k:1"),
            (3, "delivery came late AGAIN ", 4, "2026-01-08", "k:2"), (4, "A late answer to my mail", 4, "2026-01-02", "k:3"),
            (5, "The delivery was broken", 0, "2026-01-07", "k:4"),
            (6, "Late delivery, the third time", 9, "2026-01-06", "k:2"), (7, "Late again, like last year", 4, "2026-01-05", "k:5"),
            (8, "我们的交货又晚了两周", 4, "2026-01-03", None),
        ],
        columns=["id", "text", "score", "answered_on", "customer_id"],
    )  # fmt: skip
    chosen = quotes(rows, ("deliver*", "late", "交货"))
    assert chosen["id"].tolist() == [3, 7, 8, 4, 5]
    assert quotes(rows.head(0), ("late",)).empty


def test_comments_can_be_searched():
    tables = answered(said(*LATE, *FINE, (3, "100% _late_ (sic)")))
    for text, n in (("LATE", 4), ("交货", 2), ("% _", 1), ("nowhere", 0), ("  ", 13)):
        query = Query(YEAR, options={"said": text})
        rows = ask(VERBATIMS, tables, query).rows
        assert rows["n"].tolist() == [n] == [len(collect(VERBATIMS.behind(tables, query)))], text
    few = answered(said(*LATE[:4]))
    assert collect(VERBATIMS.behind(few, Query(YEAR, options={"said": "late"}))).empty


def test_the_usual_themes_are_well_formed():
    for name, words in USUAL.items():
        assert len(set(words)) == len(words) and all(word == word.lower().strip() for word in words), name
        assert any(re.search(r"[\u3400-\u9fff]", word) for word in words) and any(re.search("[a-z]", word) for word in words), name
        assert not re.search(pattern(words), "") and Theme(name, words).is_found is False
