"""The words of a message: what has changed, for whom there is something to do, and where to look. Nothing that a person wrote, but names. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from babel import dates, numbers

import locales
from metrics.plays import Action

MOST = 20  # customers told one by one
LIMITS = {"wecom": 2000}  # bytes that a service takes; 2048 with what it adds
LIMIT = 15_000
LANGUAGES = {"en": "en", "zh": "zh-CN"}
TAME = str.maketrans({"<": "‹", ">": "›", "[": "［", "]": "］", "@": "＠", "`": "’", "*": "∗", "|": "｜", "\n": " ", "\r": " ", "\t": " "})


@dataclass(frozen=True)
class Told:
    """One customer of a message. flags: the new ones; revenue: of the year before, None where it is not to be known."""

    customer_id: str
    name: str
    flags: Sequence[Mapping]
    revenue: float | None
    action: Action | None


@dataclass(frozen=True)
class Message:
    title: str
    body: str


def message(
    new: Sequence[Told], over: Sequence[str], *, language: str, currency: str, on: dt.date, base_url: str = "", kind: str = "email", n_new: int | None = None
) -> Message:  # fmt: skip
    """A message about customers newly at risk and names of those who are not any more, short enough for its service.

    language: en or zh. on: the last day that is loaded. n_new: how many are new where `new` holds only the first of them.
    """
    say = _sayer(language)
    n = n_new or len(new)
    title = say("title", n=n, over=len(over)) if over else say("title_new", n=n)
    for shown in range(min(len(new), MOST), -1, -1):  # leave out whom there is no room for
        body = "\n".join(_lines(say, new[:shown], n - shown, over[: max(shown, 5)], len(over), currency, on, base_url.rstrip("/")))
        if len(body.encode()) <= LIMITS.get(kind, LIMIT) or shown == 0:
            return Message(title, body)
    raise AssertionError("a range that ends at 0 has returned")


def _sayer(language: str) -> Callable[..., str]:
    def say(key: str, **values) -> str:
        return locales.word(key if "." in key else f"notify.{key}", LANGUAGES[language], **values)

    say.language = LANGUAGES[language]
    return say


def _lines(say, new: Sequence[Told], further: int, over: Sequence[str], n_over: int, currency: str, on: dt.date, base: str) -> list[str]:
    lines = [say("as_of", day=_day(say, on))]
    if new or further:
        lines += ["", say("newly")]
        lines += [line for told in new for line in _customer(say, told, currency, base)]
        lines += [say("further", n=further)] if further else []
    if over:
        lines += ["", say("over"), *(f"• {tame(name)}" for name in over)]
        lines += [say("further", n=n_over - len(over))] if n_over > len(over) else []
    return [*lines, "", say("all", link=f"{base}/at_risk")] if base else lines


def _customer(say, told: Told, currency: str, base: str) -> list[str]:
    revenue = [] if told.revenue is None or told.revenue != told.revenue else [say("revenue", amount=_money(say, told.revenue, currency))]
    head = say("and").join([tame(told.name), *revenue])
    lines = [f"• {head}", "  " + say("at_risk.and").join(_flag(say, flag) for flag in told.flags)]
    if told.action is not None:
        lines.append("  " + say("next", play=_play(say, told.action), n=told.action.within_days))
    return [*lines, f"  {base}/customer?id={quote(told.customer_id, safe='')}"] if base else lines


def _flag(say, flag: Mapping) -> str:
    name = say(f"at_risk.flags.{flag['kind']}")
    return say("since", flag=name, day=_day(say, dt.date.fromisoformat(flag["on"]))) if flag["on"] else name


def _play(say, action: Action) -> str:
    """What a play is called: in the company's own words, else in ours."""
    known = action.play
    if known.says:
        return tame(known.says.en if say.language == "en" else known.says.zh)
    return say(f"at_risk.plays.{known.name}") if locales.has(f"at_risk.plays.{known.name}") else known.name


def tame(name: str) -> str:
    """A name as text that no service takes for a link, a mention or a command of its own."""
    return " ".join(name.translate(TAME).split())


def _day(say, day: dt.date) -> str:
    return dates.format_date(day, "d MMM y" if say.language == "en" else "y年M月d日", locale=locales.FORMATS[say.language])


def _money(say, amount: float, currency: str) -> str:
    return numbers.format_currency(round(amount), currency, "¤#,##0", locale=locales.FORMATS[say.language], currency_digits=False)
