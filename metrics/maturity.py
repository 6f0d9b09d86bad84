"""How far is the company with its customer relations? A questionnaire of three levels: understand, implement, optimise."""

from __future__ import annotations

from collections.abc import Mapping

LEVELS = {1: "understand", 2: "implement", 3: "optimise"}
# relations, interactions and value are the three sides of it (客户关系、互动、价值); the others ask whether it is carried
QUESTIONS = ("relations", "interactions", "value", "stage_fit", "support", "standards", "process", "audit", "improvement")


def faults(answers: Mapping) -> list[str]:
    """What is wrong with answers (question → {"level": 1 to 3 or None, "note": text}), in words."""
    unknown = [f"there is no question {name!r}; there are {', '.join(QUESTIONS)}" for name in answers if name not in QUESTIONS]
    wrong = [
        f"{name}: a level is one of {', '.join(map(str, LEVELS))}, not {answer.get('level')!r}"
        for name, answer in answers.items() if answer.get("level") is not None and answer["level"] not in LEVELS
    ]  # fmt: skip
    return unknown + wrong


def reached(answers: Mapping) -> int | None:
    """The level that all questions reach: the lowest of them. None while one has no answer."""
    levels = [answers.get(name, {}).get("level") for name in QUESTIONS]
    return None if None in levels else min(levels)


def answered(answers: Mapping) -> int:
    """How many questions have an answer."""
    return sum(answers.get(name, {}).get("level") is not None for name in QUESTIONS)
