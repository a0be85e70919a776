"""What a rule for values is, and what rules are made of. Pure."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from nuvop import fields
from nuvop.fields import Json, Pointer


@dataclass(frozen=True)
class Misvalue:
    """A value that is not taken: the way to it, and why.

    ``about`` is the way to all that has a part in it: whoever sets something there may mend it. With ``is_missing`` it
    is a field that is not there.
    """

    at: Pointer
    message: str
    about: Pointer
    is_missing: bool = False


Found = Iterator[Misvalue]
Rule = Callable[[Json], Found]
Part = Callable[[Mapping[str, Json]], Found]
"""A rule for an object, whose members have to fit together."""

Fields = Mapping[str, Mapping[str, Rule]]
"""What the fields of a type take, beside what OpenAPI says of them; by the names that Kubernetes gives types."""
Together = Mapping[str, Sequence[Part]]
"""What fields of a type mean for each other."""


def below(at: Pointer, found: Found) -> Found:
    """What is wrong with a value, as it is told of what the value is in."""
    for each in found:
        yield Misvalue((*at, *each.at), each.message, (*at, *each.about), each.is_missing)


def wrong(message: str, *at: str | int) -> Misvalue:
    """A value that is not taken, and nothing else has a part in it."""
    return Misvalue(at, message, at)


def one_of_words(*words: str) -> Rule:
    """A field that takes a few words."""

    def rule(value: Json) -> Found:
        if isinstance(value, str) and value not in words:
            meant = difflib.get_close_matches(value.lower(), [word.lower() for word in words], 1, 0.7)
            instead = [word for word in words if word and word.lower() in meant]
            told = f"{value!r} must be one of {', '.join(filter(None, words))}"
            yield wrong(f"{told}: write `{instead[0]}`" if instead else told)

    return rule


def is_number(value: Json) -> TypeGuard[int]:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def number(least: int, most: int | None = None) -> Rule:
    """A field that takes numbers from one on, or to another."""
    allowed = f"{least} or more" if most is None else f"{least} to {most}"

    def rule(value: Json) -> Found:
        if is_number(value) and (value < least or (most is not None and value > most)):
            yield wrong(f"{value} must be {allowed}")

    return rule


def text(pattern: str, told: str, longest: int | None = None) -> Rule:
    """A field that takes texts of a pattern, which ``told`` says in words, of ``longest`` characters at most."""
    is_right = re.compile(pattern)

    def rule(value: Json) -> Found:
        if isinstance(value, str) and not is_right.fullmatch(value):
            yield wrong(f"{value!r} must be {told}")
        elif isinstance(value, str) and longest is not None and len(value) > longest:
            yield wrong(f"{value!r} is too long: {longest} characters are allowed")

    return rule


def either(of_numbers: Rule, of_texts: Rule) -> Rule:
    """A field that takes a number or a text."""
    return lambda value: of_texts(value) if isinstance(value, str) else of_numbers(value)


def if_said(rule: Rule) -> Rule:
    """A field of which 0 and an empty text count as left out."""
    return lambda value: iter(()) if value in (0, "") else rule(value)


def for_each(rule: Rule) -> Rule:
    """For each item of a list."""

    def rule_for_all(value: Json) -> Found:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from below((index,), rule(item))

    return rule_for_all


def needs(name: str, why: str = "") -> Part:
    """A field that must have something in it."""

    def rule(value: Mapping[str, Json]) -> Found:
        if not value.get(name):
            at = (name,) if name in value else ()
            yield Misvalue(at, f"{name} is missing{why}", (name,), is_missing=True)

    return rule


def exactly_one(*names: str) -> Part:
    """Of fields of which each says all: one, and no more."""
    told = f"{', '.join(names[:-1])} or {names[-1]} is missing"

    def rule(value: Mapping[str, Json]) -> Found:
        if all(value.get(name) in _LEFT_OUT for name in names):
            yield Misvalue((), told, (), is_missing=True)
        yield from only_one(value, names)

    return rule


def only_one(value: Mapping[str, Json], names: Iterable[str]) -> Found:
    """Of fields of which each says all: no more than one."""
    first, *others = [name for name in names if value.get(name) not in _LEFT_OUT] or [""]
    for other in others:
        yield Misvalue((other,), f"may not stand beside {first}: take one of them out", ())


_LEFT_OUT = (None, "", 0)


def not_both(first: str, second: str) -> Part:
    """Fields that may not stand beside each other."""

    def rule(value: Mapping[str, Json]) -> Found:
        if value.get(first) not in (None, "") and value.get(second) is not None:
            yield Misvalue((second,), f"may not stand beside {first}: take one of them out", ())

    return rule


def names_in(value: Mapping[str, Json], name: str) -> list[str]:
    """What the items of a list are called; empty for those that are called nothing."""
    names = (item.get("name") if isinstance(item, dict) else None for item in fields.listed(value.get(name)))
    return [called if isinstance(called, str) else "" for called in names]


def ports_named_twice(value: Mapping[str, Json]) -> Found:
    """Names that stand there twice, beside what makes ports the same."""
    names = names_in(value, "ports")
    for index, name in enumerate(names):
        if name and name in names[:index]:
            yield Misvalue(
                ("ports", index, "name"), f"{name!r} stands there twice: each needs another name", ("ports",)
            )
