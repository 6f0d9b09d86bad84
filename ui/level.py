"""How far down the reader has gone into a survey, as a value: to and from the URL, and as filters. No Streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

SEPARATOR = ":"  # between a column and its value in the URL
MEASURES = ("nps", "mean", "low_share")
PERIOD, ALL = "period", "all"  # which waves: those of the sidebar's period, or all there have ever been
DEEPEST = 6  # conditions of a segment
Segment = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Level:
    """dimension, question: what was asked. segment: column → value, None for "without a value". account: a customer's id.

    wave: PERIOD, ALL or a wave's name. measure: how areas are searched; None for the usual one. is_open: whether the reader looks at
    one place (a dimension, a question, a segment, an account) rather than at the search for weak ones.
    """

    dimension: str | None = None
    question: str | None = None
    segment: Segment = ()
    account: str | None = None
    wave: str = PERIOD
    measure: str | None = None
    is_open: bool = False

    @property
    def where(self) -> dict[str, str | None]:
        """The segment as filters, the wave among them where one is chosen."""
        wave = {} if self.wave in (PERIOD, ALL) else {"wave": self.wave}
        return {**dict(self.segment), **wave}

    @property
    def as_option(self) -> str | None:
        """The segment as the metric `against_rest` takes it."""
        return urlencode([(column, value or "") for column, value in self.segment]) or None

    def into(self, **changes) -> Level:
        """One level further down, or at another place: open, with these parts replaced."""
        return replace(self, is_open=True, **changes)

    def within(self, segment: Mapping[str, str | None]) -> Level:
        """Into a segment of the one that is open; a column that is there already takes the new value."""
        return self.into(segment=tuple({**dict(self.segment), **segment}.items())[-DEEPEST:], account=None)

    def closed(self) -> Level:
        """Back at the search for weak areas, about the same dimension and waves."""
        return Level(self.dimension, wave=self.wave, measure=self.measure)

    def path(self) -> tuple[tuple[str, Level], ...]:
        """The way down to here: kind of each step ("areas", "dimension", "question", "segment", "account") and the level it leads to."""
        steps = [("areas", self.closed()), ("dimension", self.closed().into())]
        if self.question:
            steps.append(("question", steps[-1][1].into(question=self.question)))
        for place in range(len(self.segment)):
            steps.append(("segment", steps[-1][1].into(segment=self.segment[: place + 1])))
        if self.account:
            steps.append(("account", steps[-1][1].into(account=self.account)))
        return tuple(steps)


def parse(
    params: Mapping[str, Sequence[str]], dimensions: Sequence[str], columns: Sequence[str], waves: Sequence[str], usual: str | None
) -> tuple[Level, bool]:
    """The level a URL asks for, and whether something in it had to be ignored. usual: the dimension where none is named."""
    one = {name: next((value for value in params.get(name, ()) if value), None) for name in NAMES}
    opened, about = one["dimension"], one["about"]
    named = opened or about
    dimension = next((known for known in dimensions if named and known.lower() == named.lower()), None)
    pairs = [text.partition(SEPARATOR) for text in params.get("in", ())]
    segment = {column: value or None for column, mark, value in pairs if mark and column in columns}
    wave = one["wave"] if one["wave"] in (PERIOD, ALL, *waves) else None
    measure = one["measure"] if one["measure"] in MEASURES else None
    odd = (named and not dimension) or len(segment) < len(pairs) or (one["wave"] and not wave) or (one["measure"] and not measure)
    is_open = bool(opened and dimension) or bool(segment)
    level = Level(dimension or usual, wave=wave or PERIOD, measure=measure, is_open=is_open)
    if not is_open:
        return level, bool(odd)
    return replace(level, question=one["question"], segment=tuple(segment.items())[:DEEPEST], account=one["account"]), bool(odd)


NAMES = ("about", "dimension", "question", "in", "account", "wave", "measure")


def as_params(level: Level, usual: str | None) -> dict[str, str | list[str]]:
    """The level as URL parameters; what is usual is left out."""
    named = {"dimension": level.dimension} if level.is_open else {"about": level.dimension if level.dimension != usual else None}
    segment = [f"{column}{SEPARATOR}{value or ''}" for column, value in level.segment]
    wave = level.wave if level.wave != PERIOD else None
    params = {**named, "question": level.question, "in": segment, "account": level.account, "wave": wave, "measure": level.measure}
    return {name: value for name, value in params.items() if value}
