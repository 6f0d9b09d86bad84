"""The page that reruns are measured against: two widgets, one chart as a plain dict, nothing computed. `streamlit run benchmarks/light.py`."""

import streamlit as st

st.title("Two widgets")
region = st.selectbox("Region", ["North", "South", "East", "West"])
grain = st.segmented_control("Grain", ["month", "quarter"], default="month")
heights = [1, 3, 2] if grain == "month" else [2, 2]
st.plotly_chart({"data": [{"type": "bar", "y": heights, "name": region}], "layout": {"height": 240}})
