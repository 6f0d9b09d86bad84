"""Why a ratio changed: published splits, exact sums on random tables, new and hidden segments, what may be claimed, facts for sentences."""

import numpy as np
import pandas as pd
import pytest

from metrics import CATALOGUE
from metrics.decomposition import explain
from metrics.kitagawa import explained, is_simpson, judged, parts
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError
from tests.made import made
from tests.metrics.responses import D, answered

WHY = CATALOGUE["why"]
FEBRUARY = Period(D("2026-02-01"), D("2026-03-01"), D("2026-03-01"))

HEADSHIP = """
12.9 10.1  1.9  2.2
10.9 11.2 25.8 24.3
 9.5 11.6 45.7 45.8
 8.0 10.9 49.6 52.5
 7.8  9.4 51.2 56.1
 8.4  7.7 51.6 55.6
 8.6  6.3 51.8 56.0
 7.8  6.0 54.9 57.4
 7.0  6.3 58.7 57.2
 5.9  5.9 60.4 61.2
 4.7  5.1 62.8 63.9
 3.6  4.0 66.6 68.6
 4.9  5.5 66.8 72.2
"""  # share 1970, share 1985 (of 100), headship rate 1970, 1985, by 13 ages (Das Gupta 1993)


def segments(rows, n=None):
    """Segments from rows of (denominator before, denominator now, rate before, rate now)."""
    frame = pd.DataFrame(rows, columns=["denominator_before", "denominator_now", "rate_before", "rate_now"], dtype=float)
    for side in ("before", "now"):
        frame[f"numerator_{side}"] = frame[f"denominator_{side}"] * frame.pop(f"rate_{side}").fillna(0)
        frame[f"n_{side}"] = frame[f"denominator_{side}"] if n is None else n
        frame[f"se_{side}"] = 0.0
    return frame


def test_the_published_split_of_headship_rates_1970_to_1985():
    """Structure 1.2269, rate 1.7403, total 2.9672 (Das Gupta 1993); crude rates 44.7268 and 47.6940."""
    rows = parts(segments([[float(x) for x in line.split()] for line in HEADSHIP.strip().splitlines()]))
    assert rows["mix"].sum() == pytest.approx(1.2269, abs=5e-5)
    assert rows["rate"].sum() == pytest.approx(1.7403, abs=5e-5)
    assert rows["value"].sum() == pytest.approx(47.6940 - 44.7268, abs=1e-4)


def test_the_two_factor_case_of_das_gupta():
    """Average .6 → .3, proportion .5 → .45 (DasGuptR): effects −.1425 and −.0225, total −.165: a segment beside one of rate 0."""
    rows = parts(segments([[0.5, 0.45, 0.6, 0.3], [0.5, 0.55, 0, 0]]))
    assert rows["rate"].sum() == pytest.approx(-0.1425)
    assert rows["mix"].sum() == pytest.approx(-0.0225)


def test_one_segment_is_all_rate_and_a_new_one_all_mix():
    assert parts(segments([[10, 20, 0.5, 0.6]]))[["mix", "rate"]].values.tolist() == [[0, pytest.approx(0.1)]]
    rows = parts(segments([[100, 100, 0.5, 0.5], [0, 100, np.nan, 0.9], [50, 0, 0.3, np.nan]]))
    assert rows["kind"].tolist() == ["kept", "new", "vanished"]
    assert rows["rate"].tolist() == [0, 0, 0]
    assert rows["mix"].sum() == pytest.approx((50 + 90) / 200 - (50 + 15) / 150)


@pytest.mark.parametrize("seed", range(20))
def test_the_parts_always_add_up(seed):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 9))
    rows = np.column_stack([rng.choice([0, 1, 7, 900], (k, 2)) * rng.random((k, 2)), rng.normal(0, 1, (k, 2))])
    rows[0, :2] = 1, 2  # somebody is there in both periods
    found = parts(segments(rows))
    total = [(rows[:, i] * rows[:, 2 + i]).sum() / rows[:, i].sum() for i in (0, 1)]
    assert found["value"].sum() == pytest.approx(total[1] - total[0], rel=1e-9, abs=1e-12)


def test_a_change_in_one_place_is_located_there_and_one_everywhere_nowhere():
    one_place = judged(parts(segments([[100, 100, 0.8, 0.8], [100, 100, 0.8, 0.8], [100, 100, 0.8, 0.5], [100, 100, 0.8, 0.8]], n=1e18)))
    everywhere = judged(parts(segments([[100, 100, 0.8, 0.7], [300, 300, 0.8, 0.7]], n=1e18)))
    mix = judged(parts(segments([[300, 100, 0.8, 0.8], [100, 300, 0.2, 0.2]], n=1e18)))
    assert explained(one_place) == pytest.approx(0.75)  # all of it, beyond the quarter its size accounts for
    assert one_place["stands_out"].tolist() == [True] * 4  # the others did *less* than their size
    assert explained(mix) == pytest.approx(1)
    assert explained(everywhere) == pytest.approx(0) and not everywhere["stands_out"].any()


def test_simpsons_paradox_is_noticed():
    """Both rise by .1, and the whole falls: from .9·.8 + .1·.2 = .74 to .3·.9 + .7·.3 = .48."""
    rows = parts(segments([[90, 30, 0.8, 0.9], [10, 70, 0.2, 0.3]]))
    assert rows["value"].sum() == pytest.approx(0.48 - 0.74) and is_simpson(rows)
    assert not is_simpson(parts(segments([[90, 30, 0.8, 0.9], [10, 70, 0.2, 0.1]])))


# the metric


def month(m, region, n, promoters, **more):
    """n answers of a month and region, the first of which are promoters and the rest detractors."""
    return [{"score": 10 if k < promoters else 0, "region": region, "answered_at": f"2026-0{m}-05", **more} for k in range(n)]


DROP = answered([*month(1, "North", 200, 150), *month(1, "South", 200, 150), *month(2, "North", 200, 150), *month(2, "South", 200, 60)])


def asked(tables, period=FEBRUARY, by=("region",), **options):
    return ask(WHY, tables, Query(period, by=by, options=options))


def test_a_drop_of_nps_in_one_region():
    """North stays at 50, South falls from 50 to −40: half of the answers each, so South's part is −45 of −45."""
    found = asked(DROP)
    rows = found.rows.set_index("segment")
    assert found.ok and found.notes["delta"] == pytest.approx(-45) and found.notes["verdict"] == "changed"
    assert rows["value"].to_dict() == pytest.approx({"North": 0, "South": -45})
    assert rows["rate"]["South"] == pytest.approx(-45) and rows["verdict"].to_dict() == {"North": "no_clear_change", "South": "changed"}


def test_nps_parts_are_of_promoters_minus_detractors():
    """South: promoters 75 % → 30 %, detractors 25 % → 70 %, of half of all answers."""
    south = asked(DROP).rows.set_index("segment").loc["South"]
    assert (south["promoter_part"], south["detractor_part"]) == (pytest.approx(-22.5), pytest.approx(22.5))


def test_the_rest_of_hidden_segments_keeps_the_sum_exact():
    """East and West have three answers each in February: hidden, and one row "rest" in both periods."""
    more = [row for m in (1, 2) for region in ("East", "West") for row in month(m, region, 20 if m == 1 else 3, 2)]
    found = asked(answered([*month(1, "North", 60, 40), *month(2, "North", 60, 20), *month(1, "South", 60, 40), *month(2, "South", 50, 20), *more]))
    assert found.ok and set(found.rows["kind"]) == {"kept", "rest"}
    rest = found.rows[found.rows["kind"] == "rest"].iloc[0]
    assert rest["segment"] is None and (rest["n"], rest["verdict"]) == (6, "rest")
    assert found.rows["value"].sum() == pytest.approx(found.notes["delta"])
    assert (found.rows["promoter_part"] - found.rows["detractor_part"]).sum() == pytest.approx(found.notes["delta"])


@pytest.mark.parametrize("metric", ["nps", "win_rate", "arpa", "nrr", "arppu", "response_rate"])
def test_every_ratio_of_the_catalogue_adds_up(metric):
    tables = company()
    for against in ("previous", "year"):
        found = ask(WHY, tables, Query(Period(D("2026-02-01"), D("2026-03-01"), D("2026-03-01")), options={"metric": metric, "against": against}))
        assert found.ok, [c for c in found.checks if not c.ok]
        for _, rows in found.rows.groupby("column"):
            assert rows["value"].sum() == pytest.approx(found.notes["delta"], rel=1e-9)
    assert set(ask(WHY, tables, Query(FEBRUARY, options={"metric": metric})).rows["column"]) == {"region", "grade"}


def company():
    """Forty customers over fourteen months with subscriptions that grow or end, deals, invoices, invitations and answers."""
    rng = np.random.default_rng(3)
    names = [f"k:{k}" for k in range(40)]
    customers = [{"customer_id": c, "region": "NS"[k % 2], "grade": "abc"[k % 3]} for k, c in enumerate(names)]
    runs = [
        {"subscription_id": f"s:{c}:{m}", "customer_id": c, "starts_on": f"20{24 + m // 12}-{1 + m % 12:02}-01", "ends_on": end, "status": "active",
         "amount_per_month": int(rng.integers(1, 9)) * 100}
        for c in names for m, end in ((0, None if rng.random() < 0.7 else "2026-02-10"), (int(rng.integers(1, 25)), None))
    ]  # fmt: skip
    deals = [
        {
            "deal_id": f"d:{k}",
            "customer_id": c,
            "created_at": f"2026-0{1 + k % 2}-03",
            "closed_at": "2026-02-20",
            "is_won": bool(rng.random() < 0.5),
            "stage": "x",
        }
        for k, c in enumerate(names * 3)
    ]
    bills = [{"customer_id": c, "issued_on": f"2026-0{1 + k % 2}-09", "amount": int(rng.integers(1, 99))} for k, c in enumerate(names * 3)]
    answers = [
        {"customer_id": c, "contact_id": f"{c}{k}", "score": int(rng.integers(3, 11)), "answered_at": f"2026-0{1 + k % 2}-09"} for k, c in enumerate(names * 3)
    ]
    sent = [{"survey_id": "s:1", "customer_id": c, "contact_id": f"{c}{k}", "sent_at": f"2026-0{1 + k % 2}-01"} for k, c in enumerate(names * 4)]
    return answered(answers, customers=customers, subscriptions=runs, deals=deals, invoices=bills, invitations=sent)


def test_a_number_that_is_no_ratio_is_refused():
    with pytest.raises(QuestionError, match="mrr is not numerator ÷ denominator"):
        asked(company(), metric="mrr")
    with pytest.raises(QuestionError, match="no metric 'happiness' to explain"):
        asked(DROP, metric="happiness")


def test_without_a_comparison_there_are_no_parts():
    for tables in (made({}), answered(month(2, "North", 50, 20))):
        found = asked(tables)
        assert found.rows.empty and found.notes["delta"] is None


# what to say


def test_the_facts_of_a_change_name_the_segment_that_did_it():
    (fact,) = explain(DROP, Query(FEBRUARY), "nps", ("region",))
    assert (fact["column"], fact["segment"], fact["verdict"], fact["change"]) == ("region", "South", "rate", "changed")
    assert (fact["part"], fact["delta"], fact["value_before"], fact["value_now"]) == tuple(map(pytest.approx, (-45, -45, 50, -40)))


def test_inside_noise_there_is_nothing_to_explain():
    tables = answered([*month(1, "North", 40, 22), *month(1, "South", 40, 20), *month(2, "North", 40, 20), *month(2, "South", 40, 21)])
    (fact,) = explain(tables, Query(FEBRUARY), "nps", ("region",))
    assert fact["verdict"] == "no_change" and "segment" not in fact


def test_a_fall_that_is_everywhere_alike_is_located_nowhere():
    tables = answered([*month(1, "North", 300, 200), *month(1, "South", 300, 200), *month(2, "North", 300, 120), *month(2, "South", 300, 121)])
    (fact,) = explain(tables, Query(FEBRUARY), "nps", ("region",))
    assert fact["verdict"] == "everywhere"


def test_a_change_by_mix_alone_is_called_mix():
    tables = answered([*month(1, "North", 300, 270), *month(1, "South", 100, 30), *month(2, "North", 100, 90), *month(2, "South", 300, 90)])
    facts = explain(tables, Query(FEBRUARY), "nps", ("region",))
    assert {f["verdict"] for f in facts} == {"mix"} and {f["segment"] for f in facts} == {"North", "South"}
    assert sum(f["part"] for f in facts) == pytest.approx(facts[0]["delta"])


def test_the_column_that_locates_the_change_is_found_among_others():
    rows = [
        {**row, "team": f"t{k % 3}"}
        for k, row in enumerate([*month(1, "North", 200, 150), *month(1, "South", 200, 150), *month(2, "North", 200, 150), *month(2, "South", 200, 60)])
    ]
    rng = np.random.default_rng(0)
    mixed = [rows[k] | {"team": f"t{rng.integers(3)}"} for k in rng.permutation(len(rows))]
    found = asked(answered(mixed), by=("team", "region"))
    assert list(found.notes["columns"]) == ["region", "team"] and found.notes["columns"]["team"] < 0.2 < found.notes["columns"]["region"]
