"""Rules on the name of a custom resource that are read without CEL."""

import pytest

from nuvop import name_rules

NAME = "self.metadata.name"


@pytest.mark.parametrize(
    ("rule", "longest"),
    [
        (f"{NAME}.size() <= 5", 5),
        (f"{NAME}.size() < 5", 4),
        (f" {NAME}.size()<=5 && {NAME}.matches('^a+$') ", 5),
    ],
)
def test_how_long_a_name_may_be(rule: str, longest: int) -> None:
    schema = {"x-kubernetes-validations": [{"rule": rule, "message": "too long"}]}
    assert list(name_rules.broken(schema, "a" * longest)) == []
    assert list(name_rules.broken(schema, "a" * (longest + 1))) == ["too long"]


@pytest.mark.parametrize("literal", [r"'^[a-z]\\.b$'", r"r'^[a-z]\.b$'", r'"^[a-z]\\.b$"'])
def test_what_a_name_has_to_look_like(literal: str) -> None:
    schema = {"x-kubernetes-validations": [{"rule": f"{NAME}.matches({literal})"}]}
    assert list(name_rules.broken(schema, "a.b")) == []
    assert list(name_rules.broken(schema, "axb")) == [f"does not fit the CRD's rule {NAME}.matches({literal})"]


@pytest.mark.parametrize(
    "rule",
    [
        f"{NAME}.size() <= 0 || self.spec.size > 0",
        f"{NAME}.matches('^z') || self.kind.matches('T')",
        f"!{NAME}.matches('^a')",
        f"{NAME}.matches('\\\\pL')",
        "self.spec.a == 1",
    ],
)
def test_what_nobody_knows_holds(rule: str) -> None:
    assert list(name_rules.broken({"x-kubernetes-validations": [{"rule": rule, "message": "no"}]}, "a1")) == []
