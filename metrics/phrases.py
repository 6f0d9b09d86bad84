"""What comments are made of: the words and two-word phrases of English and Chinese that can carry a meaning by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import rjieba

SHORTEST_CHINESE, SHORTEST_WORD, LONGEST = 2, 3, 30  # characters
RUNS = re.compile(r"[a-z0-9à-öø-ɏ]+(?:['’][a-z]+)?|[\u3400-\u9fff]+|[^\sa-z0-9à-öø-ɏ\u3400-\u9fff]+")
SPEAKING = set("nvailjs")  # parts of speech of Chinese words that name or judge something
NAMES = ("nr", "ns", "nt")  # of people, places and organisations

# Words that stand in every kind of comment and tell nothing of what it is about: grammar, praise and blame, and the survey itself.
ENGLISH = """
a able about above again against all almost also although always am among an and another any anybody anyone anything are aren as ask asked at away
awful back bad be because become been before being below best better between both but by call came can cannot cant come comes company could couldn
customer customers day days did didn different do does doesn doing don done down due during each either else enough even ever every everybody
everyone everything excellent far fast faster few fine first for found from full further gave general generally get gets getting give given gives go
goes going gone good got great had hadn happen happened happy hard hardly has hasn have haven having he hello help helpful her here him his how
however if important improve improved improvement in instead into is isn issue issues it its itself just keep keeps kept know last least less let
like little ll long look looks lot lots made mainly make makes making many may maybe me mean might mine month months more most much must my need
needed needs neither never new next nice no nobody none nor not nothing now of off often ok okay old on once one ones only onto or other others our
ours out over overall own part people perfect perhaps please point poor possible pretty problem problems put quick quickly quite rather re really
right said same satisfied say says see seem seems sent several she should shouldn since so solid some somebody someone something sometimes soon still
such sure take taken takes terrible than thank thanks that the their them then there these they thing things think this those though through time
times to today together told too took towards tried try two under unhappy until up us use used uses using usually ve very want wanted wants was wasn
way we week weeks well went were weren what when where whether which while who whole whom whose why will wish with within without won would wouldn
year years yes yesterday yet you your yours
"""
CHINESE = """
不错 满意 希望 觉得 感觉 公司 客户 问题 时间 没有 需要 非常 可以 一直 已经 比较 整体 总体 基本 进行 应该 能够 可能 还是 就是 不是 这个 那个 什么 怎么
很多 一些 一点 有点 更加 更好 最好 很好 太好 方面 情况 建议 改进 提高 提升 加强 继续 保持 感谢 谢谢 不够 不能 不会 不好 不要 有时 有时候 经常 目前
现在 以后 之前 之后 贵公司 你们 我们 他们 大家 使用 得到 出现 存在 认为 比如 例如 以及 因为 所以 但是 不过 虽然 如果 还有 其他 其它 所有 每次 多次
几次 一次 一般 还好 还行 还可以 可是 满足 合作 工作 表示 做到 有所 进一步 帮助 解决 处理
"""
SILENT = frozenset(f"{ENGLISH} {CHINESE}".split())


def phrases(said: str) -> dict[str, str]:
    """The words and phrases of a comment in lower case: what they are counted under → how they are written here.

    A phrase is two such words side by side; "spare parts" and "spare part" are counted as one.
    """
    found, before, gap = {}, None, ""
    for word, space in _words(said):
        if word is not None:
            found.setdefault(singular(word), word)
            if before is not None and gap == space and before != word:
                together = space.join((before, word))
                found.setdefault(singular(together), together)
        before, gap = word, space
    return found


def _words(said: str) -> Iterator[tuple[str | None, str]]:
    """The words in their order, and what stands between two of their script; None for what carries no meaning by itself."""
    for run in RUNS.findall(said):
        if "\u3400" <= run[0] <= "\u9fff":
            yield from ((word if _speaks(word, kind) else None, "") for word, kind in rjieba.tag(run))
        else:
            yield _latin(run), " "


@lru_cache(100_000)
def _latin(run: str) -> str | None:
    word = re.split("['’]", run)[0]
    return word if SHORTEST_WORD <= len(word) <= LONGEST and word[0].isalpha() and word not in SILENT else None


def _speaks(word: str, kind: str) -> bool:
    return len(word) >= SHORTEST_CHINESE and kind[:1] in SPEAKING and kind[:2] not in NAMES and word not in SILENT


@lru_cache(100_000)
def singular(word: str) -> str:
    """An English word without the s of its plural. Source: Harman 1991, JASIS 42, 7-15 (the S stemmer)."""
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    return word[:-1] if word.endswith("s") and not word.endswith(("us", "ss")) else word
