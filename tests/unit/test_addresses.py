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
        ("http://api:8080/v1/api?x=api", "http://obj-api:8080/v1/api?x=api"),
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
    ("before", "text", "is_named"),
    [
        ("", "cache:6379", True),
        ("", "//cache", True),
        ("", "see http://cache/", True),
        ("", "cache.demo", True),
        ("", "db-0.db", True),
        ("", "me:word@tcp(db:3306)/db", True),
        ("", "postgres://me@db/data", True),
        ("", "cache.example.com", False),
        ("", "mycache:6379", False),
        # A word may be anything, unless what stands before it asks for a host.
        ("", "cache", False),
        ("", "the cache, or none.", False),
        ("", "a cache.", False),
        ("DB_HOST=", "db", True),
        ("REDIS_SERVERS=", "x.example.com,cache", True),
        ("ROLE=", "api", False),
        ("POSTGRES_DB=", "db", False),
        ("", "host=db user=api dbname=db", True),
        ("", "user=api dbname=db", False),
        ("", "[db]\nhost = db", True),
        ("", '{"hosts": ["cache"]}', True),
        ("", "upstream x { server web-api; }", True),
        ("", "user  api;", False),
        ("", "CREATE DATABASE db; GRANT ALL TO api", False),
        ("", "pg_dump -h db -U me db", True),
        ("-h ", "db", True),
        ("--redis-host ", "cache", True),
        ("-A ", "api", False),
        ("run ", "api", False),
        ("nc ", "db", True),
        ("", "until nslookup db; do sleep 1; done", True),
        ("", "exec api", False),
        ("", "--role=api", False),
    ],
)
def test_whether_a_child_is_certainly_named(before: str, text: str, is_named: bool) -> None:
    assert addresses.names_one(text, NAMES, {"db"}, before) is is_named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host=db user=api dbname=db", "host=obj-db user=api dbname=db"),
        ("tcp(db:3306)/db", "tcp(obj-db:3306)/db"),
        ("pg_dump -h db -U me db", "pg_dump -h obj-db -U me db"),
        # Whoever has it followed means what there is.
        ("--redis=cache", "--redis=obj-cache"),
        ("cache, api", "obj-cache, obj-api"),
    ],
)
def test_where_one_is_certain_other_words_stay(text: str, expected: str) -> None:
    assert renamed(text) == expected
