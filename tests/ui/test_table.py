"""Tables and figures say whether a missing value is hidden or was never there."""

import copy

import pandas as pd

from charts import theme
from ui import figure, table

COLUMNS = {"region": table.Column("filters.region"), "value": table.Column("nps.n", "count")}


def test_a_table_of_an_answer_says_why_there_is_no_value():
    rows = pd.DataFrame({"region": list("abc"), "value": [1.0, None, None], "state": ["value", "suppressed", "no_data"]})
    told, columns = table._with_state(rows, COLUMNS)
    assert told["state"].tolist() == ["", "Too few answers", "No data"] and columns["state"].label == "chart.state"


def test_where_every_row_has_a_value_there_is_nothing_to_say():
    whole = pd.DataFrame({"region": ["a"], "value": [1.0], "state": ["value"]})
    assert table._with_state(whole, COLUMNS)[1] is COLUMNS
    theirs = pd.DataFrame({"region": ["a"], "state": ["Ohio"]})  # a source's own column of that name
    assert table._with_state(theirs, COLUMNS)[1] is COLUMNS


def test_a_figure_speaks_the_readers_language():
    spec = {"data": [{"text": ["1", theme.SUPPRESSED], "x": [1.5, None]}], "layout": {"title": f"May: {theme.SUPPRESSED}"}}
    assert figure.worded(spec) == {"data": [{"text": ["1", "Too few answers"], "x": [1.5, None]}], "layout": {"title": "May: Too few answers"}}


def test_what_streamlit_sets_in_its_copy_of_a_column_is_not_kept():
    kept = table.Fixed(label="n", type_config={"type": "number"})
    copied = copy.deepcopy(kept)
    copied.update(hidden=True)
    assert kept == {"label": "n", "type_config": {"type": "number"}} and type(copied) is dict
