"""Print and PDF: what stays on the paper, and the control that opens the browser's print."""

from __future__ import annotations

import secrets

import streamlit as st

from ui.words import t

# On paper there are no controls, charts and cards are whole, and the page is as long as it needs to be. `.printing` lays the
# page out at the paper's width first: charts are drawn by script and would otherwise keep the width of the screen.
HIDDEN = (
    "stSidebar", "stHeader", "stToolbar", "stElementToolbar", "stDecoration", "stStatusWidget", "stButton", "stDownloadButton", "stPopover", "stPageLink",
    "stTextInput", "stSelectbox", "stToggle", "stCheckbox", "stTooltipIcon", "stExpandSidebarButton",
)  # fmt: skip
CONTROLS = ", ".join(f'[data-testid="{name}"]' for name in HIDDEN)
CHOICES = '[data-testid="stButtonGroup"] button:not([aria-checked="true"], [aria-pressed="true"])'
WHOLE = '[data-testid="stPlotlyChart"], [data-testid="stMetric"], [data-testid="stDataFrame"], [data-testid="stAlert"]'
LONG = 'html, body, #root, .stApp, [data-testid="stApp"], [data-testid="stAppViewContainer"], [data-testid="stMain"]'
PAPER, ZOOM = 1040, 0.69  # px that are laid out, and how small they are on A4 between its margins (718 px)
STYLE = f"""<style>
@page {{ size: A4; margin: 10mm; }}
@media print {{
  html {{ zoom: {ZOOM}; }}
  {CONTROLS}, {CHOICES}, .modebar-container, details:not([open]) {{ display: none !important; }}
  {LONG} {{ position: static !important; display: block !important; height: auto !important; overflow: visible !important; }}
  [data-testid="stMainBlockContainer"] {{ padding: 0 !important; max-width: none !important; }}
  [data-testid="stHorizontalBlock"]:has(> [data-testid="stColumn"]) {{ display: flex !important; flex-wrap: nowrap !important; }}
  [data-testid="stColumn"] {{ min-width: 0 !important; }}
  {WHOLE} {{ break-inside: avoid; }}
  h1, h2, h3 {{ break-after: avoid; }}
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
}}
.printing [data-testid="stSidebar"] {{ display: none !important; }}
.printing [data-testid="stMainBlockContainer"] {{ width: {PAPER}px !important; max-width: {PAPER}px !important; padding: 0 !important; }}
</style>"""
SCRIPT = """<script>/* {nonce} */
(() => {{
  const page = document.documentElement;
  page.classList.add("printing");
  addEventListener("afterprint", () => page.classList.remove("printing"), {{ once: true }});
  setTimeout(() => print(), {wait});
}})();
</script>"""
WAIT = 900  # ms for charts to be drawn at the paper's width


def control() -> None:
    """A button that opens the browser's print, where a PDF can be saved as well. Not a part by itself: that would cost every rerun more than this one saves."""
    if st.button(t("page.print"), type="tertiary", icon=":material/print:", help=t("page.print_help"), key="print", wrap=False):
        st.html(SCRIPT.format(nonce=secrets.token_hex(4), wait=WAIT), unsafe_allow_javascript=True)  # a new text each time, or it runs once
