"""What a plan must not tell: the values of Secrets, wherever in a CR, in other children or in an error they stand.

A CR's field is secret where `set` leads it into a Secret, and where its CRD says ``format: password``. It is then
secret in every child that it is set in, too. Of what a ``patches.py`` puts into a Secret nobody knows where it comes
from; so whatever looks like it is hidden.
"""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from nuvop import fields, patches_py
from nuvop.differences import MISSING, Difference, Hidden, Way
from nuvop.errors import NuvopError
from nuvop.fields import Json
from nuvop.kinds import ChildSelector, Kind
from nuvop.objects import HIDDEN, Body
from nuvop.plan import Plan, Planned

SHORTEST = 4
"""Characters of what is looked for within other texts: shorter ones are in many by chance."""

_QUOTED = re.compile(
    r'(?<= value: )(?:(?:"(?:[^"\\]|\\.)*"|-?[0-9][0-9.e+-]*|true|false|null)(?=: |, |\]|$)|.*)', re.DOTALL
)
"""A value that the API server quotes. Where a mapping or a list ends nobody can tell, so all that follows counts."""


def ways_in(kind: Kind, child: ChildSelector) -> frozenset[Way]:
    """The fields of a child that take values of a CR which must not be told."""
    return frozenset(
        setting.target.segments
        for setting in kind.settings
        if setting.child == child and any(fields.meet(setting.source.segments, way) for way in kind.secrets)
    )


async def kept(kind: Kind, plan: Plan, crs: Iterable[Body], live: Iterable[Body]) -> Plan:
    """A plan in which nothing is told that must not be.

    ``crs`` is the CR as it is and as it would be, as far as there is such a one; ``live`` are the objects there are.
    """
    has_python = patches_py.FILE in kind.files and any(child.kind == "Secret" for child in kind.everything)
    if not (has_python or kind.secrets):
        return plan
    try:
        words = await _words(kind, crs, live) if has_python else frozenset[str]()
    except NuvopError:
        # Nobody knows what it would have put into a Secret.
        plan = replace(plan, itself=plan.itself and _without_spec(plan.itself))
        words = frozenset(_in_secrets(kind, live))

    def told(text: str) -> str:
        text = _QUOTED.sub(HIDDEN, text)
        for word in sorted(words, key=len, reverse=True):
            text = text.replace(word, HIDDEN) if len(word) >= SHORTEST else text
        return text

    return replace(
        plan,
        message=told(plan.message),
        itself=plan.itself and _hidden(plan.itself, words, told),
        objects=tuple(_hidden(each, words, told) for each in plan.objects),
    )


def _without_spec(itself: Planned) -> Planned:
    found = (
        replace(each, before=_shut(each.before), after=_shut(each.after)) if each.path.startswith("spec") else each
        for each in itself.differences
    )
    return replace(itself, differences=tuple(found))


def _shut(value: Json) -> Json:
    return value if value is MISSING else Hidden(value)


def _hidden(planned: Planned, words: Collection[str], told: Callable[[str], str]) -> Planned:
    found = (
        Difference(told(each.path), _without(each.before, words), _without(each.after, words))
        for each in planned.differences
    )
    return replace(planned, message=told(planned.message), differences=tuple(found))


def _without(value: Json, words: Collection[str]) -> Json:
    """A value of which all that has anything to do with the words is hidden."""
    match value:
        case dict():
            return {name: _without(below, words) for name, below in value.items()}
        case list():
            return [_without(item, words) for item in value]
        case str() | int() | float() if not isinstance(value, bool) and _tells(str(value), words):
            return Hidden(value)
    return value


def _tells(text: str, words: Collection[str]) -> bool:
    """Whether a text is one of the words, has one in it or is a part of one, as a password is of an address."""
    return text in words or any(
        min(len(text), len(word)) >= SHORTEST and (word in text or text in word) for word in words
    )


# --- what a Secret has -----------------------------------------------------------------------------------------------


async def _words(kind: Kind, crs: Iterable[Body], live: Iterable[Body]) -> frozenset[str]:
    """The texts that are in a CR's Secrets or come into them, and those of the CR that they are made of.

    Raises OverlayError, KindError.
    """
    return await patches_py.within_time(kind.folder, kind.files, lambda: frozenset(_found(kind, crs, live)))


def _found(kind: Kind, crs: Iterable[Body], live: Iterable[Body]) -> Iterator[str]:
    yield from _in_secrets(kind, live)
    for cr in crs:
        whole = kind.crd.defaulted(cr)
        for way in kind.secrets:
            for value in fields.values(whole, fields.FieldPath("", way)):
                yield from _texts(value)
        patches = patches_py.run(kind.folder, kind.files[patches_py.FILE], whole)
        given = {text for patch in patches if patch["kind"] == "Secret" for text in _data(patch)}
        yield from given
        yield from (text for text in _texts(whole.get("spec")) if _tells(text, given))


def _in_secrets(kind: Kind, live: Iterable[Body]) -> Iterator[str]:
    """The texts of Secrets that are not the folder's own."""
    own = {text for child in kind.everything if child.kind == "Secret" for text in _data(child.body)}
    yield from (text for body in live if body["kind"] == "Secret" for text in _data(body) if text not in own)


def _data(secret: Mapping[str, Any]) -> Iterator[str]:
    """The values of a Secret, as they are and in base64."""
    for text in _texts(secret.get("stringData")):
        yield text
        yield base64.b64encode(text.encode()).decode()
    for text in _texts(secret.get("data")):
        yield text
        try:
            yield base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue  # no text


def _texts(value: Json) -> Iterator[str]:
    match value:
        case dict():
            for below in value.values():
                yield from _texts(below)
        case list():
            for item in value:
                yield from _texts(item)
        case str() | int() | float() if not isinstance(value, bool) and value != "":
            yield str(value)
