"""What is made once: whoever asks, and whenever several do at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from metrics.shelf import Shelf, shelved


def test_a_value_is_made_at_the_first_question_and_is_the_same_for_all():
    shelf, made = Shelf(10), []
    first, second = (shelf.get("a", lambda: made.append(1) or object()) for _ in range(2))
    assert first is second and made == [1]
    assert shelf.get("b", lambda: None) is None and shelf.get("b", lambda: "made again") is None  # nothing is a value, too


def test_the_one_asked_for_longest_ago_goes_first():
    shelf, made = Shelf(2), []
    for key in ("a", "b", "a", "c", "a", "b"):
        shelf.get(key, lambda key=key: made.append(key))
    assert made == ["a", "b", "c", "b"]


def test_who_asks_for_what_is_being_made_waits_and_others_do_not():
    shelf, made, begun, may_go_on = Shelf(10), [], threading.Event(), threading.Event()

    def slowly():
        begun.set()
        assert may_go_on.wait(10)
        made.append("slow")
        return "slow"

    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(shelf.get, "a", slowly)
        assert begun.wait(10)
        second = threads.submit(shelf.get, "a", slowly)
        assert threads.submit(shelf.get, "b", lambda: "quick").result(10) == "quick"
        assert not second.done()
        may_go_on.set()
        assert first.result(10) == second.result(10) == "slow" and made == ["slow"]


def test_what_could_not_be_made_is_tried_anew():
    shelf = Shelf(10)
    with pytest.raises(ValueError, match="not now"):
        shelf.get("a", lambda: (_ for _ in ()).throw(ValueError("not now")))
    assert shelf.get("a", lambda: "now") == "now"


def test_a_shelved_function_is_known_by_its_key_alone():
    made = []

    @shelved(10)
    def double(key: str, number: int) -> int:
        """Twice the number."""
        made.append(key)
        return 2 * number

    assert [double("a", 1), double("a", 5), double("b", 5)] == [2, 2, 10] and made == ["a", "b"]
    assert double.__doc__ == "Twice the number."
