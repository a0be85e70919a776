"""Which regular expressions Go takes. What is expected here is what Go's own compiler says."""

import pytest

from nuvop import go_regexp


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z]+$", r"(a)\12", r"a\*+", "[*+]+", "^*", "$*", r"\pL+", "[^]]+", r"\Q(\E", "(|a)*", "x{,2000}", "(?i)^a",
        "a{,5}*", r"[\w-a]", r"\[?\+", "(?<n>a)", r"\x{10FFFF}", "[]a]", r"\Qa", "a{1000", "}}+", r"[\d-z]", "(?U)a",
        r"\d\D\w\b\B\A\z", r"^(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|)$",
    ],
)  # fmt: skip
def test_it_takes(pattern: str) -> None:
    assert go_regexp.refusal(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?=a)b", "lookahead"),
        ("^(?!x)", "lookahead"),
        ("(?<!a)b", "lookbehind"),
        (r"a\1", "references"),
        ("(?P=n)", "references"),
        ("a*+", "possessive"),
        ("(?>a)", "atomic"),
        ("(?(1)a)", "conditions"),
        (r"a\Z", r"no \Z"),
        ("a{2000}", "more than 1000 times"),
        ("x{1001,}", "more than 1000 times"),
        ("(", "missing )"),
        ("*a", "nothing to repeat"),
        ("a|*b", "nothing to repeat"),
        ("{1000}", "nothing to repeat"),
        ("[a", "unterminated character set"),
        ("[z-a]", "bad character range"),
        ("a{3,2}", "min repeat greater"),
        ("a)b", "unbalanced"),
        ("a**", "multiple repeat"),
        ("a{2}{3}", "multiple repeat"),
    ],
)
def test_it_refuses(pattern: str, why: str) -> None:
    assert why in go_regexp.refusal(pattern)
