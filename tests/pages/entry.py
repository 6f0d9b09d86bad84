"""app.py for AppTest, from a folder without `pages/` beside it: there AppTest would fall back to Streamlit's old router."""

import runpy
from pathlib import Path

import tests

runpy.run_path(str(Path(tests.__file__).parents[1] / "app.py"))
