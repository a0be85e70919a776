import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuvop.shallow import DEEPEST, shallow

TEXTS = st.text(st.sampled_from('{}[]"\\,: aé\n'))
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20
)


def nested(levels: int, inmost: Any) -> Any:
    for level in range(levels):
        inmost = [1, inmost, "]"] if level % 2 else {"a": "{", "b": inmost, "c": "\\"}
    return inmost


def depth(value: Any) -> int:
    return (
        1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)
        if value and isinstance(value, dict | list)
        else int(isinstance(value, dict | list))
    )


@given(VALUES, st.booleans())
def test_what_is_not_too_deep_is_as_it_was(value: Any, is_ascii: bool) -> None:
    whole = nested(DEEPEST - 40, value) if depth(value) <= 40 else value
    text = json.dumps(whole, ensure_ascii=is_ascii).encode()
    assert shallow(text) is text


@pytest.mark.parametrize("more", [1, 2, 9])
def test_what_is_too_deep_is_null(more: int) -> None:
    value = nested(DEEPEST, "at the end")
    deeper = json.dumps(value).replace('"at the end"', json.dumps([nested(more - 1, "x"), "gone"])).encode()
    assert json.loads(shallow(deeper)) == nested(DEEPEST, None)


@pytest.mark.parametrize(
    "text", [b'{"a": "' + b"{" * 300, b'"' + b"[" * 300 + b'"', b"[" * 300, b"]" * 300 + b"{" * 241]
)
def test_what_is_no_json_stays_none(text: bytes) -> None:
    assert shallow(text).startswith(text[:1])


def test_as_deep_as_an_api_server_has_it() -> None:
    text = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    assert depth(json.loads(shallow(text))) == DEEPEST
