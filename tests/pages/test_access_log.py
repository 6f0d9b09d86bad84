"""What readers do is in the access log: arriving, opening the rows behind a number, taking a file."""

from records import database, journal


def actions(data) -> list[tuple[str, str | None]]:
    """Newest first."""
    return [(entry.action, entry.object) for entry in journal.entries(database.opened(data))]


def test_what_a_reader_does_is_noted(run, warehouses):
    before = len(actions(warehouses["full"]))
    app = run("nps", region="North")
    opens = next(button for button in app.button if button.key and button.key.startswith("rows_nps"))
    opens.click().run()
    new = actions(warehouses["full"])[: len(actions(warehouses["full"])) - before]
    assert new == [("opened_rows", "nps"), ("signed_in", None)]
    entry = journal.entries(database.opened(warehouses["full"]), most=1)[0]
    assert entry.who is None and entry.role == "administrator" and entry.snapshot == "made-1"
    assert entry.detail["filters"]["region"] == ["North"] and entry.detail["rows"] > 0
