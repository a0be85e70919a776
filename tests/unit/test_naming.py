"""Names of resources, as kubectl understands them."""

from typing import Any

import pytest

from nuvop import naming
from nuvop.cluster import ApiResource
from nuvop.errors import NotResolved
from nuvop.naming import Served


def entry(plural: str, kind: str, *short: str, scope: str = "Namespaced", **more: Any) -> dict[str, Any]:
    """A resource as aggregated discovery tells it."""
    return {
        "resource": plural,
        "responseKind": {"group": "", "version": "", "kind": kind},
        "scope": scope,
        "singularResource": kind.lower(),
        "shortNames": list(short),
        **more,
    }


def group(name: str, **versions: list[dict[str, Any]]) -> dict[str, Any]:
    listed = [{"version": version, "resources": found} for version, found in versions.items()]
    return {"metadata": {"name": name} if name else {}, "versions": listed}


GROUPS = [
    group("", v1=[entry("pods", "Pod", "po"), entry("nodes", "Node", "no", scope="Cluster")]),
    group("apps", v1=[entry("deployments", "Deployment", "deploy", subresources=[{"subresource": "status"}])]),
    group(
        "nuvolaris.org",
        v2=[entry("samples", "Sample", "sam", subresources=[{"subresource": "scale"}], categories=["nuvop"])],
        v1=[entry("samples", "Sample", "sam")],
    ),
    group("test.com", v1=[entry("psqls", "psql", "pg")]),
    group("other.io", v1=[entry("psqls", "psql"), entry("tests", "Test", "samples"), entry("ms", "Sample")]),
]
KNOWN = list(naming.served(GROUPS))


def test_what_the_api_server_tells() -> None:
    deployments = next(each for each in KNOWN if each.resource.plural == "deployments")
    assert deployments == Served(
        ApiResource("apps", "v1", "deployments", "Deployment", has_status=True), "deployment", ("deploy",)
    )
    nodes = next(each for each in KNOWN if each.resource.plural == "nodes")
    assert (nodes.resource.namespaced, nodes.resource.has_status, nodes.full_name) == (False, False, "nodes")
    assert next(each for each in KNOWN if each.resource.plural == "samples").categories == ("nuvop",)
    unnamed: list[dict[str, Any]] = [
        {"metadata": {"name": "a"}, "versions": [{"version": "v1", "resources": [{"resource": "x"}]}]},
        {"metadata": {}},
    ]
    assert [each.resource.plural for each in naming.served(unnamed)] == ["x"]


@pytest.mark.parametrize(
    ("name", "plural", "version"),
    [
        ("sam", "samples.nuvolaris.org", "v2"),
        ("samples", "samples.nuvolaris.org", "v2"),  # which is another's short name
        ("SAMPLES", "samples.nuvolaris.org", "v2"),
        ("sample.nuvolaris.org", "samples.nuvolaris.org", "v2"),
        ("Sample.nuvolaris.org", "samples.nuvolaris.org", "v2"),
        ("samples.v1.nuvolaris.org", "samples.nuvolaris.org", "v1"),
        ("samples.nuvo", "samples.nuvolaris.org", "v2"),
        ("po", "pods", "v1"),
        ("deploy.apps", "deployments.apps", "v1"),
        ("pg", "psqls.test.com", "v1"),
        ("psql.other.io", "psqls.other.io", "v1"),
    ],
)
def test_a_name_is_resolved(name: str, plural: str, version: str) -> None:
    found = naming.resolve(name, KNOWN)
    assert (f"{found.plural}.{found.group}".rstrip("."), found.version) == (plural, version)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("psql", "'psql' may be psqls.test.com or psqls.other.io: say which"),
        ("sample", "'sample' may be samples.nuvolaris.org or ms.other.io: say which"),
        ("nothing", "'nothing': the API server has no kind of that name; kubectl api-resources lists them"),
        ("sam.apps", "'sam.apps': the API server has no kind of that name; kubectl api-resources lists them"),
    ],
)
def test_what_cannot_be_told(name: str, error: str) -> None:
    with pytest.raises(NotResolved) as raised:
        naming.resolve(name, KNOWN)
    assert str(raised.value) == error


@pytest.mark.parametrize("words", [("sam/obj",), ("sam", "obj")])
def test_one_word_or_two(words: tuple[str, ...]) -> None:
    assert naming.parse(words) == ("sam", "obj")


@pytest.mark.parametrize("words", [(), ("sam",), ("sam/",), ("/obj",), ("sam/a/b",), ("sam", "a", "b"), ("sam/a", "b")])
def test_no_object_is_named(words: tuple[str, ...]) -> None:
    with pytest.raises(NotResolved, match="must be KIND/NAME"):
        naming.parse(words)


def test_what_is_enough_to_name_each() -> None:
    names = {name: (found.group, found.version) for name, found in naming.plain(KNOWN).items()}
    assert names["samples"] == ("nuvolaris.org", "v2")
    assert "psqls" not in names
    assert (names["psqls.test.com"], names["psqls.other.io"]) == (("test.com", "v1"), ("other.io", "v1"))
