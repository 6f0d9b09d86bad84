"""Who belongs together: pairs joined one after the other, the surest first, unless something forbids it.

One pass over the pairs with a disjoint-set forest: time grows like the pairs, memory like the records (about 100 bytes each).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence

MOST_MEMBERS = 8  # of one customer that were joined by a machine; more are looked at by a person
DECLARED, DECIDED, CERTAIN, PROBABLE = -1, 0, 1, 2  # how a pair came about: by its source, a person, a rule, or likeness

Pair = tuple[int, int, int]  # two members and how it came about
APART, BRANCHES, TAX_NUMBERS, OVERSIZED = "held apart", "branch and head", "tax numbers differ", "more than 8 records"


class Forest:
    """Sets of members 0 … n-1 that grow. sites: member → branch, of branches only; taxes: member → tax number; apart: pairs that never come together."""

    def __init__(self, n: int, sites: Mapping[int, Hashable], taxes: Mapping[int, str], apart: Iterable[tuple[int, int]]):
        self.parent = list(range(n))
        self.sites, self.taxes = dict(sites), dict(taxes)
        self.enemies: dict[int, set[int]] = {}
        for a, b in apart:
            self.enemies.setdefault(a, set()).add(b)
            self.enemies.setdefault(b, set()).add(a)

    def root(self, member: int) -> int:
        parent = self.parent
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    def joined(self, a: int, b: int, how: int) -> str | None:
        """Join the sets of a and b. Returns why it may not be; None if it is done, or they were together before."""
        a, b = self.root(a), self.root(b)
        if a == b:
            return None
        if how != DECLARED and (reason := self._forbidden(a, b, how)):
            return reason
        a, b = min(a, b), max(a, b)
        self.parent[b] = a
        if b in self.taxes:
            self.taxes.setdefault(a, self.taxes[b])
        if b in self.enemies:
            self._inherit(a, b)
        return None

    def _forbidden(self, a: int, b: int, how: int) -> str | None:
        if b in self.enemies.get(a, ()):
            return APART
        if self.sites.get(a) != self.sites.get(b):
            return BRANCHES
        if how != DECIDED and a in self.taxes and b in self.taxes and self.taxes[a] != self.taxes[b]:
            return TAX_NUMBERS
        return None

    def _inherit(self, a: int, b: int) -> None:
        """The enemies of b are those of a now, by the name of a."""
        for enemy in self.enemies.pop(b):
            self.enemies[enemy].discard(b)
            self.enemies[enemy].add(a)
            self.enemies.setdefault(a, set()).add(enemy)


def clusters(n: int, pairs: Sequence[Pair], sites: Mapping[int, Hashable], taxes: Mapping[int, str], apart: Sequence[tuple[int, int]]):
    """The first member of each member's set, and why a pair was refused (place in `pairs` → reason). pairs: the surest first.

    A set of more than MOST_MEMBERS loses its probable pairs, and if that is not enough its certain ones; what people decided stays. What a source declares to
    be one counts as one member, and nothing forbids it.
    """
    refused: dict[int, str] = {}
    alone = _undeclared(n, pairs)
    for weakest in (PROBABLE, CERTAIN, None):
        forest, now = Forest(n, sites, taxes, apart), dict(refused)
        for place, (a, b, how) in enumerate(pairs):
            if place not in refused and (reason := forest.joined(a, b, how)):
                now[place] = reason
        roots = [forest.root(member) for member in range(n)]
        large = {root for root, members in Counter(roots[member] for member in alone).items() if members > MOST_MEMBERS}
        if weakest is None or not large:
            return roots, now
        refused |= {place: OVERSIZED for place, (a, b, how) in enumerate(pairs) if how == weakest and roots[a] in large and roots[a] == roots[b]}
    raise AssertionError("the last round returns")


def _undeclared(n: int, pairs: Sequence[Pair]) -> list[int]:
    """The members without those that their source declares to be another one."""
    forest = Forest(n, {}, {}, ())
    for a, b, how in pairs:
        if how == DECLARED:
            forest.joined(a, b, how)
    return [member for member in range(n) if forest.root(member) == member]
