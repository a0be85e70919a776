"""Names of children inside of texts."""

import pytest

from nuvop import addresses

NAMES = {"cache", "api", "db", "web-api"}


def renamed(text: str, own_namespace: str = "") -> str:
    return addresses.renamed(text, NAMES, {"db"}, lambda name: f"obj-{name}", "demo", own_namespace)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cache", "obj-cache"),
        ("cache:6379", "obj-cache:6379"),
        ("http://api/", "http://obj-api/"),
        ("http://api", "http://obj-api"),
        ("http://api:8080/v1/api?x=api", "http://obj-api:8080/v1/api?x=obj-api"),
        ("redis://user:secret@cache:6379/0", "redis://user:secret@obj-cache:6379/0"),
        ("--upstream=api", "--upstream=obj-api"),
        ("cache:6379,db:5432", "obj-cache:6379,obj-db:5432"),
        ("wget -qO- http://api/healthz", "wget -qO- http://obj-api/healthz"),
        ("api.{namespace}.svc", "obj-api.demo.svc"),
        ("http://api.{namespace}.svc.cluster.local:80/", "http://obj-api.demo.svc.cluster.local:80/"),
        ("db-0.db", "obj-db-0.obj-db"),
        ("db-12.db.{namespace}.svc", "obj-db-12.obj-db.demo.svc"),
        ("upstream x { server web-api:80; }", "upstream x { server obj-web-api:80; }"),
        ("proxy_pass http://web-api;", "proxy_pass http://obj-web-api;"),
        ('{"host": "cache"}', '{"host": "obj-cache"}'),
        ("a: 1\nhost: cache\n", "a: 1\nhost: obj-cache\n"),
        # What is no host name of theirs.
        ("", ""),
        ("mycache", "mycache"),
        ("cache-2", "cache-2"),
        ("cache_dir", "cache_dir"),
        ("x.cache", "x.cache"),
        ("/var/cache", "/var/cache"),
        ("/cache/", "/cache/"),
        ("/cache", "/cache"),
        ("./cache", "./cache"),
        ("cache: yes", "cache: yes"),
        ("cache=1", "cache=1"),
        ("Cache", "Cache"),
        ("api-3", "api-3"),
        ("api.other.svc", "obj-api.other.svc"),
        ("cache.demo.", "obj-cache.demo."),
        ("https://api.example.com/", "https://api.example.com/"),
        ("db-0.db.example.com", "db-0.db.example.com"),
        ("demo/api", "demo/api"),
        ("{namespace}/api", "demo/obj-api"),
    ],
)
def test_renamed(text: str, expected: str) -> None:
    assert renamed(text) == expected


def test_the_namespace_of_the_base_is_the_crs() -> None:
    assert renamed("http://api.base.svc/", own_namespace="base") == "http://obj-api.demo.svc/"
    assert renamed("http://api.else.svc/", own_namespace="base") == "http://obj-api.else.svc/"


def test_a_name_with_a_namespace() -> None:
    """As controllers take it: cert-manager's inject-ca-from, ingress-nginx's auth-secret."""
    assert renamed("base/api", own_namespace="base") == "demo/obj-api"
    assert renamed("else/api", own_namespace="base") == "else/api"
    assert renamed("base/other", own_namespace="base") == "base/other"


def test_a_name_that_is_no_host_name() -> None:
    """Where a child of any kind is named, its name is the whole text."""
    assert addresses.renamed("a.B", {"a.B"}, (), lambda name: f"obj-{name}", "demo") == "obj-a.B"


@pytest.mark.parametrize(
    ("text", "anywhere", "in_prose"),
    [
        ("cache", True, False),
        ("the cache, or none.", True, False),
        ("a cache.", True, False),
        ("cache:6379", True, True),
        ("//cache", True, True),
        ("see http://cache/", True, True),
        ("cache.demo", True, True),
        ("db-0.db", True, True),
        ("cache.example.com", False, False),
        ("mycache:6379", False, False),
    ],
)
def test_whether_a_child_is_named(text: str, anywhere: bool, in_prose: bool) -> None:
    assert addresses.names_one(text, NAMES, {"db"}) is anywhere
    assert addresses.names_one(text, NAMES, {"db"}, in_prose=True) is in_prose
