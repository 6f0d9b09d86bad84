"""On paper: no controls, whole charts; and the control that opens the browser's print each time it is pressed."""

from ui import printing


def test_what_cannot_be_used_on_paper_is_not_on_it():
    for name in ("stSidebar", "stToolbar", "stButton", "stDownloadButton", "stSelectbox", "stPopover"):
        assert f'[data-testid="{name}"]' in printing.CONTROLS
    assert "break-inside: avoid" in printing.STYLE and "stPlotlyChart" in printing.WHOLE and "overflow: visible" in printing.STYLE


def test_the_script_is_another_text_each_time():
    first, second = (printing.SCRIPT.format(nonce=nonce, wait=1) for nonce in ("a", "b"))
    assert first != second and "{{" not in first and "print()" in first
