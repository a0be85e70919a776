"""BaseNames of children inside of texts."""

import re

import pytest

from nuvop import addresses, fields
from nuvop.addresses import BaseNames

ALL = frozenset({"cache", "api", "db", "web-api"})
OBJECTS = frozenset({("StatefulSet", "db"), ("Service", "db"), ("Deployment", "api"), ("Middleware", "web-api")})
NAMES = BaseNames(ALL, ALL, frozenset({"db"}), frozenset({"api"}), OBJECTS)


def renamed(text: str, own_namespace: str = "", before: str = "", after: str = "") -> str:
    return addresses.renamed(text, NAMES, lambda name: f"obj-{name}", "demo", own_namespace, before, after)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cache", "obj-cache"),
        ("cache:6379", "obj-cache:6379"),
        ("http://api/", "http://obj-api/"),
        ("http://api", "http://obj-api"),
        ("http://api:8080/v1/api?x=api", "http://obj-api:8080/v1/api?x=api"),
        ("cache:$(CACHE_PORT)", "obj-cache:$(CACHE_PORT)"),
        ("mongodb://db-0.db,db-1.db/x", "mongodb://obj-db-0.obj-db,obj-db-1.obj-db/x"),
        ("amqp://api,cache/x", "amqp://obj-api,obj-cache/x"),
        ("redis://user:secret@cache:6379/0", "redis://user:secret@obj-cache:6379/0"),
        ("--upstream=api", "--upstream=obj-api"),
        ("cache:6379,db:5432", "obj-cache:6379,obj-db:5432"),
        ("wget -qO- http://api/healthz", "wget -qO- http://obj-api/healthz"),
        ("api.{namespace}.svc", "obj-api.demo.svc"),
        ("http://api.{namespace}.svc.cluster.local:80/", "http://obj-api.demo.svc.cluster.local:80/"),
        ("db-0.db", "obj-db-0.obj-db"),
        ("db-12.db.{namespace}.svc", "obj-db-12.obj-db.demo.svc"),
        ("http://$(POD_NAME).db:2181", "http://$(POD_NAME).obj-db:2181"),
        ("--host=$(hostname).db", "--host=$(hostname).obj-db"),
        ("${HOSTNAME}.db.{namespace}.svc.cluster.local", "${HOSTNAME}.obj-db.demo.svc.cluster.local"),
        (
            "db-0=http://db-0.db:2380,db-1=http://db-1.db:2380",
            "obj-db-0=http://obj-db-0.obj-db:2380,obj-db-1=http://obj-db-1.obj-db:2380",
        ),
        ("upstream x { server web-api:80; }", "upstream x { server obj-web-api:80; }"),
        ("proxy_pass http://web-api;", "proxy_pass http://obj-web-api;"),
        ('{"host": "cache"}', '{"host": "obj-cache"}'),
        ("a: 1\nhost: cache\n", "a: 1\nhost: obj-cache\n"),
        # A variable stands for the namespace.
        ("http://cache.$(POD_NAMESPACE).svc:80/", "http://obj-cache.$(POD_NAMESPACE).svc:80/"),
        ("cache.$(POD_NAMESPACE).svc.cluster.local", "obj-cache.$(POD_NAMESPACE).svc.cluster.local"),
        ("db-0.db.$(POD_NAMESPACE).svc:80", "obj-db-0.obj-db.$(POD_NAMESPACE).svc:80"),
        ("cache.${X}.svc", "obj-cache.${X}.svc"),
        ("curl cache.$NS.svc/x", "curl obj-cache.$NS.svc/x"),
        ("cache.$(NS).svc.$(DOMAIN):80", "obj-cache.$(NS).svc.$(DOMAIN):80"),
        (
            "cache.$(cat /run/secrets/kubernetes.io/namespace).svc",
            "obj-cache.$(cat /run/secrets/kubernetes.io/namespace).svc",
        ),
        ("$(POD).db.$(POD_NAMESPACE).svc", "$(POD).obj-db.$(POD_NAMESPACE).svc"),
        ("--host=api,api.$(NS).svc", "--host=obj-api,obj-api.$(NS).svc"),
        ("http://cache.$NAMESPACE/x", "http://obj-cache.$NAMESPACE/x"),
        ("db-0.db.$X", "obj-db-0.obj-db.$X"),
        ("cache.$EXTENSION", "cache.$EXTENSION"),
        ("cache.$(NS).example.com", "cache.$(NS).example.com"),
        ("mycache.$(NS).svc", "mycache.$(NS).svc"),
        # The number of a pod is a variable's, a range, or what somebody else puts there.
        (
            "http://db-{0...3}.db.$(NS).svc.cluster.local/data",
            "http://obj-db-{0...3}.obj-db.$(NS).svc.cluster.local/data",
        ),
        ("http://db-{0...3}.db.{namespace}.svc/data{1...4}", "http://obj-db-{0...3}.obj-db.demo.svc/data{1...4}"),
        ("http://db-$i.db:9000", "http://obj-db-$i.obj-db:9000"),
        ("ping db-${i}.db", "ping obj-db-${i}.obj-db"),
        ("ncat --recv-only db-$(($ordinal-1)).db 3307", "ncat --recv-only obj-db-$(($ordinal-1)).obj-db 3307"),
        ("x db-$((ordinal - 1)).db", "x obj-db-$((ordinal - 1)).obj-db"),
        ("db-%d.db", "obj-db-%d.obj-db"),
        ("db-{0..2}.db", "obj-db-{0..2}.obj-db"),
        ("nslookup db-$i", "nslookup obj-db-$i"),
        ("cache-$i.db", "cache-$i.db"),
        ("db-$V.tar.gz http://api", "db-$V.tar.gz http://obj-api"),
        ("cd db-$V; curl http://api", "cd db-$V; curl http://obj-api"),
        ("db-{0...3}.example.com", "db-{0...3}.example.com"),
        ("db-0,db-1,db-2", "obj-db-0,obj-db-1,obj-db-2"),
        ("nodes: [db-0, db-1]", "nodes: [obj-db-0, obj-db-1]"),
        ('nodes: ["db-0", "db-1"]', 'nodes: ["obj-db-0", "obj-db-1"]'),
        # What all of a domain have behind them, and names of a service's port.
        (".db.{namespace}.svc.cluster.local", ".obj-db.demo.svc.cluster.local"),
        ("*.db.{namespace}.svc", "*.obj-db.demo.svc"),
        ("x=.db.$(NS).svc", "x=.obj-db.$(NS).svc"),
        ("rm *.db .cache ./x http://api", "rm *.db .cache ./x http://obj-api"),
        ("_http._tcp.cache.{namespace}.svc", "_http._tcp.obj-cache.demo.svc"),
        ("dnssrv+_grpc._tcp.db.{namespace}.svc", "dnssrv+_grpc._tcp.obj-db.demo.svc"),
        ("dnssrvnoa+_grpc._tcp.db", "dnssrvnoa+_grpc._tcp.obj-db"),
        ("dns+cache:9090", "dns+obj-cache:9090"),
        ("_grpc.db http://api", "_grpc.db http://obj-api"),
        ("initial_master_nodes:\n  - db-0\n  - db-1\n", "initial_master_nodes:\n  - obj-db-0\n  - obj-db-1\n"),
        # Words, where the text has nothing that is more certain: whoever asks for it to be renamed means them.
        ("wait-for cache", "wait-for obj-cache"),
        ("user  api;", "user  obj-api;"),
        # Otherwise only what is.
        ("user api; proxy_pass http://api/;", "user api; proxy_pass http://obj-api/;"),
        ("role=api host=db", "role=api host=obj-db"),
        ("nslookup db && exec api", "nslookup obj-db && exec api"),
        ("host=db user=api dbname=db", "host=obj-db user=api dbname=db"),
        ("tcp(db:3306)/db", "tcp(obj-db:3306)/db"),
        ("pg_dump -h db -U me db", "pg_dump -h obj-db -U me db"),
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
        ("cache.demo", "cache.demo"),
        ("api.conf", "api.conf"),
        ("-c api.conf", "-c api.conf"),
        ("https://api.io/docs", "https://api.io/docs"),
        ("api:1.25", "api:1.25"),
        ("db:16-alpine", "db:16-alpine"),
        ("image: db:16", "image: db:16"),
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
    assert addresses.renamed("a.B", BaseNames(frozenset({"a.B"})), lambda name: f"obj-{name}", "demo") == "obj-a.B"


def test_two_parts_of_which_the_second_is_the_namespace() -> None:
    assert renamed("http://api.base", own_namespace="base") == "http://obj-api.demo"
    assert renamed("api.base.", own_namespace="base") == "obj-api.demo."
    assert renamed("api.base.org", own_namespace="base") == "api.base.org"


@pytest.mark.parametrize(
    ("text", "is_certain"),
    [
        # An address by itself.
        ("cache:6379", True),
        ("//cache", True),
        ("see http://cache/", True),
        ("cache.base", True),
        ("cache.{namespace}", True),
        ("cache.other.svc", True),
        ("db-0.db", True),
        ("cache.$(POD_NAMESPACE).svc", True),
        ("db-{0...3}.db", True),
        ("minio server http://db-$i.db/", True),
        ("ping db-$i", True),
        ("host=db-$i", True),
        ("cd db-$VERSION", False),
        ("db-$VERSION", False),
        ("db-0,db-1", True),
        ("x=db-0, db-1", True),
        ("db-0", False),
        ("db-0,cache-1", False),
        ("db-0,db-x", False),
        ("cluster.initial_master_nodes: db-0", True),
        ("cluster:\n  initial_master_nodes:\n  - db-0\n", True),
        ('cluster.initial_master_nodes: # all\n  - x-0\n  - x-1\n  - "db-0"\n', True),
        ("seed_hosts:\n  - x\n\n  # ours\n  - cache # all\n", True),
        ("'hosts':\n- cache", True),
        ("hosts:\n" + 400 * "- another.example.com\n" + "- cache", True),
        ("roles: # of hosts:\n" + 400 * "- another.example.com\n" + "- cache", False),
        ("hosts:\n  - role: db", False),
        ("hosts:\n  - db of all", False),
        ("hosts:\n  - x\nroles:\n  - db-0", False),
        ("hosts: x\n  - db", False),
        ("roles:\n  - db-0", False),
        ("- db-0", False),
        ("nodes: db", False),
        (".db.base.svc", True),
        (".db", False),
        ("*.db", False),
        (".db.base", False),
        ("_grpc._tcp.cache", True),
        ("dns+cache", True),
        ("k8s.service_name = cache", True),
        ("<match>\n  host cache\n  port 1", True),
        ("[OUTPUT]\n    Host   cache\n", True),
        ("the host cache\n", False),
        ("host cache is down", False),
        ("cache.${NS}", True),
        ("cache.$(EXTENSION)", False),
        ("postgres://me:secret@db/x", True),
        ("mycache:6379", False),
        ("cache.example.com", False),
        ("cache.conf", False),
        ("https://cache.io", False),
        ("me:word@tcp(db:3306)/db", True),
        # The value of a key that is about hosts.
        ("db.host=db", True),
        ("host: db # ours", True),
        ('{"hosts": ["cache", "db"]}', True),
        ("host=db user=me", True),
        ("bootstrap_servers = other,db", True),
        ("export API_URL=api", True),
        ("host: db of all", False),
        ('[ "$(hostname)" = db-0 ] || exit', True),
        ('[[ "${HOSTNAME}" == "db-0" ]]', True),
        ('[ "$HOSTNAME" != db-0 ]', True),
        ('[ "$ROLE" = db ]', False),
        ("role: db", False),
        ("user=api dbname=db", False),
        ("CREATE DATABASE db; GRANT ALL TO api", False),
        ("host: x\nrole: db", False),
        ("hosts: [x], role: db", False),
        # The value of a flag.
        ("pg_isready -h db", True),
        ("run --cache-host cache", True),
        ("run --server=cache", True),
        ("run --mode cache", False),
        ("run -c cache", False),
        ("pg_dump -h db -U me db", True),
        ("pg_dump -U me db", False),
        # A program or a setting that is told a host.
        ("until nslookup db; do sleep 1; done", True),
        ("nc -z -w 2 db 5432", True),
        ("getent hosts cache", True),
        ("replicaof cache 6379", True),
        ("curl -sf cache", True),
        ("wget -qO- cache", True),
        ("curl -o cache http://x", False),
        ("curl --output cache http://x", False),
        ("exec cache", False),
        ("sync db", False),
        # A statement.
        ("upstream api {\n  server web-api;\n}", True),
        ("server_name api;", True),
        ("server cache weight=5;", True),
        ("user  api;", False),
        ("the server cache is old", False),
        ("server cache is old", False),
        # A word.
        ("cache", False),
        ("a cache.", False),
        ("the cache, or none.", False),
        ("cache/index.html", False),
    ],
)
def test_whether_a_child_is_named_for_certain(text: str, is_certain: bool) -> None:
    assert addresses.names_one(text, NAMES, "base") is is_certain


@pytest.mark.parametrize(
    ("key", "is_certain"),
    [
        *((key, True) for key in ("CACHE", "DB_HOST", "PGHOST", "REDIS_HOSTNAME", "CACHE_ADDR", "cacheAddress")),
        *((key, True) for key in ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BROKERS", "apiEndpoint", "API_URL", "host")),
        *((key, True) for key in ("DB_HOST_READ", "REDIS_HOST_1", "K8S_SERVICE_NAME", "HEADLESS_SERVICE")),
        *((key, False) for key in ("ROLE", "CACHE_DRIVER", "CELERY_BROKER", "DB_CONNECTION", "SERVER_NAME", "IMAGE")),
        *((key, False) for key in ("HOSTED_BY", "DB_NAME", "SERVER_ROLE", "OTEL_SERVICE_NAME", "nginx.conf", "")),
    ],
)
def test_a_name_as_the_whole_value_of_a_key(key: str, is_certain: bool) -> None:
    assert addresses.names_one("cache", NAMES, before=f"{key}=") is is_certain


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("base", "NAMESPACE=", "demo"),
        ("base", "POD_NAMESPACE=", "demo"),
        ("base", "podNamespace=", "demo"),
        ("base", "WATCH_NAMESPACE=", "demo"),
        ("base", "matchNames=", "demo"),
        ("base", "kubernetes.io/metadata.name=", "demo"),
        ("base", "app --v=2 --namespace ", "demo"),
        ("--namespace=base", "app ", "--namespace=demo"),
        ("--leader-elect-namespace=base", "", "--leader-elect-namespace=demo"),
        ("{namespace}", "NAMESPACE=", "demo"),
        ("[a]\nnamespace = base\nx=y", "a.ini=", "[a]\nnamespace = demo\nx=y"),
        ("a: 1\nnamespace: base\nb: base", "", "a: 1\nnamespace: demo\nb: base"),
        ('{"podNamespace": "base"}', "", '{"podNamespace": "demo"}'),
        ("export NAMESPACE=base; run --namespace base -v", "", "export NAMESPACE=demo; run --namespace demo -v"),
        # It is another's, or no namespace of Kubernetes.
        ("the namespace base", "", "the namespace base"),
        ("namespace: base-2", "", "namespace: base-2"),
        ("namespace: base.x", "", "namespace: base.x"),
        ("metrics_namespace = base", "", "metrics_namespace = base"),
        ("namespace: [base, other]", "", "namespace: [base, other]"),
        ("other", "NAMESPACE=", "other"),
        ("--namespace=other", "", "--namespace=other"),
        ("base", "METRICS_NAMESPACE=", "base"),
        ("base", "example.org/metadata.name=", "base"),
        ("--metrics-namespace=base", "", "--metrics-namespace=base"),
        ("base", "NAME=", "base"),
        ("base", "namespace ", "base"),
        ("base,other", "NAMESPACE=", "base,other"),
        ("", "NAMESPACE=", ""),
        ("{namespace}", "FORMAT=", "{namespace}"),
        # Service accounts: of the folder, and whoever is that of pods that name none.
        ("system:serviceaccount:base:api", "", "system:serviceaccount:demo:obj-api"),
        ("a,system:serviceaccount:base:api b", "", "a,system:serviceaccount:demo:obj-api b"),
        ("system:serviceaccount:{namespace}:api", "", "system:serviceaccount:demo:obj-api"),
        ("--admin=system:serviceaccount:base:default", "", "--admin=system:serviceaccount:demo:default"),
        ("system:serviceaccounts:base", "", "system:serviceaccounts:demo"),
        ("system:serviceaccount:base:cache", "", "system:serviceaccount:base:cache"),
        ("system:serviceaccount:base:api:x", "", "system:serviceaccount:base:api:x"),
        ("system:serviceaccount:other:api", "", "system:serviceaccount:other:api"),
        ("system:serviceaccounts:other", "", "system:serviceaccounts:other"),
        ("system:serviceaccounts", "", "system:serviceaccounts"),
    ],
)
def test_the_namespace_of_the_base(text: str, before: str, expected: str) -> None:
    assert renamed(text, "base", before) == expected
    assert addresses.names_namespace(text, NAMES, "base", before) is (text != expected)


def test_default_may_be_anybodys() -> None:
    for text, before in (("default", "NAMESPACE="), ("system:serviceaccount:default:default", "")):
        assert renamed(text, "default", before) == text
    assert renamed("system:serviceaccount:default:api", "default") == "system:serviceaccount:demo:obj-api"


POD = {
    "containers": [
        {
            "name": "a",
            "command": ["pg_isready", "-h"],
            "args": ["db", "--x"],
            "env": [{"name": "DB_HOST", "value": "db"}],
            "readinessProbe": {"tcpSocket": {"host": "db"}, "exec": {"command": ["nc", "db"]}},
        }
    ],
    "data": {"nginx.conf": "x"},
    "hosts": ["a", "b"],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("containers.0.command.1", "pg_isready "),
        ("containers.0.args.0", "pg_isready -h "),
        ("containers.0.args.1", "pg_isready -h db "),
        ("containers.0.env.*.value", "DB_HOST="),
        ("containers.0.readinessProbe.exec.command.1", "nc "),
        ("containers.0.readinessProbe.tcpSocket.host", "host="),
        ("data.*", "nginx.conf="),
        ("hosts.1", "hosts="),
    ],
)
def test_what_stands_before_a_text(path: str, expected: str) -> None:
    ((at, _),) = fields.places(POD, fields.parse(path))
    assert addresses.before(POD, at) == expected


def test_a_long_line_is_no_trouble() -> None:
    text = 'server=a,"b",' * 100_000 + " cache http://cache"
    assert renamed(text).endswith(" cache http://obj-cache")


@pytest.mark.parametrize(
    "part",
    [
        "cache.",
        "cache.$(",
        "cache.$(NS).",
        "cache.${",
        "db-$((",
        "cache.$NS-",
        "db-$i",
        "db-0,",
        "db-{0...3}",
        "(",
        "$(a",
    ],
)
def test_long_nonsense_is_no_trouble(part: str) -> None:
    assert renamed(part * 50_000 + " http://cache").endswith(" http://obj-cache")


def test_long_arguments_cost_little() -> None:
    """A search in all that stands before would take seconds, in which nothing else goes on."""
    body = {"spec": {"containers": [{"args": ["A" * 20_000, "cache"]}]}}
    before = addresses.before(body, fields.path_to("spec", "containers", 0, "args", 1))
    found = re.search("(?P<before>(?P<prefix>x)?)(?P<host>cache)", "cache")
    assert found
    assert addresses._line(found, before) == f"{'A' * 299} "


def test_a_command_that_is_none() -> None:
    body = {"spec": {"command": True, "args": ["cache"]}}
    assert addresses.before(body, fields.path_to("spec", "args", 0)) == ""


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("cache,api", "--peers ", "obj-cache,obj-api"),
        ("cache, api", "--addr ", "obj-cache, obj-api"),
        ("db-0", "statefulset.kubernetes.io/pod-name=", "obj-db-0"),
        ("cache,api", "--modes ", None),
        ("/data/$(POD).db", "FILE=", None),
        ("$(POD).db", "FILE=", None),
    ],
)
def test_what_stands_before_tells_all_of_a_list(text: str, before: str, expected: str | None) -> None:
    assert addresses.names_one(text, NAMES, before=before) is (expected is not None)
    if expected:
        assert renamed(text, before=before) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("base-web-api@kubernetescrd", "demo-obj-web-api@kubernetescrd"),
        ("base_web-api@kubernetescrd", "demo_obj-web-api@kubernetescrd"),
        ("{namespace}-web-api@kubernetescrd", "demo-obj-web-api@kubernetescrd"),
        (
            "auth@file, other-x@kubernetescrd,base-web-api@kubernetescrd",
            "auth@file, other-x@kubernetescrd,demo-obj-web-api@kubernetescrd",
        ),
        ("--middlewares=base-web-api@kubernetescrd", "--middlewares=demo-obj-web-api@kubernetescrd"),
        # Another namespace's, another object's, a child that Traefik does not know as such, another provider's.
        ("other-web-api@kubernetescrd", None),
        ("base-web-api-2@kubernetescrd", None),
        ("x.base-web-api@kubernetescrd", None),
        ("base-api@kubernetescrd", None),
        ("base-web-api@docker", None),
    ],
)
def test_objects_of_traefik(text: str, expected: str | None) -> None:
    assert renamed(text, "base") == (expected or text)
    assert addresses.names_one(text, NAMES, "base") is (expected is not None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kubectl rollout restart deploy/api", "kubectl rollout restart deploy/obj-api"),
        ("kubectl rollout restart deployment api", "kubectl rollout restart deployment obj-api"),
        (
            "kubectl rollout restart -n base deployments.apps/api",
            "kubectl rollout restart -n demo deployments.apps/obj-api",
        ),
        ("kubectl -n {namespace} delete deploy api", "kubectl -n demo delete deploy obj-api"),
        ("kubectl --namespace=base get svc db -o yaml", "kubectl --namespace=demo get svc obj-db -o yaml"),
        ("kubectl get pods --namespace base", "kubectl get pods --namespace demo"),
        ("kubectl -n $NS get svc db", "kubectl -n $NS get svc obj-db"),
        ('kubectl -n "$(NS)" get "svc/db"', 'kubectl -n "$(NS)" get "svc/obj-db"'),
        ("kubectl scale --replicas=0 statefulset/db", "kubectl scale --replicas=0 statefulset/obj-db"),
        ("kubectl scale --replicas 0 sts db other", "kubectl scale --replicas 0 sts obj-db other"),
        ("kubectl get deploy/api svc/db", "kubectl get deploy/obj-api svc/obj-db"),
        ("kubectl get deploy,svc api db", "kubectl get deploy,svc obj-api obj-db"),
        ("kubectl get -l app=x svc db", "kubectl get -l app=x svc obj-db"),
        (
            "x=$(kubectl get svc db -o jsonpath={.spec}) && svc db",
            "x=$(kubectl get svc obj-db -o jsonpath={.spec}) && svc db",
        ),
        (
            "/usr/bin/kubectl wait deploy/api \\\n  --timeout=9s svc/db",
            "/usr/bin/kubectl wait deploy/obj-api \\\n  --timeout=9s svc/obj-db",
        ),
        ("sh -c 'kubectl get svc/db'", "sh -c 'kubectl get svc/obj-db'"),
        ("kubectl delete pod db-0", "kubectl delete pod obj-db-0"),
        ("kubectl exec db-0 -- cat db-0 svc/db", "kubectl exec obj-db-0 -- cat db-0 svc/db"),
        ("kubectl logs -f db-0", "kubectl logs -f obj-db-0"),
        ("kubectl logs -p -c x deploy/api", "kubectl logs -p -c x deploy/obj-api"),
        ("kubectl exec -c api deploy/api -- api", "kubectl exec -c api deploy/obj-api -- api"),
        # What is another's, of another kind, or no object.
        ("kubectl -n other rollout restart deploy/api", None),
        ("kubectl rollout restart deploy/api --namespace=other", None),
        ("kubectl rollout restart deploy/db", None),
        ("kubectl get svc api", None),
        ("kubectl get crd/db.example.org", None),
        ("kubectl apply -f deploy/api.yaml", None),
        ("kubectl apply -f deploy/api", None),
        ("kubectl delete pod db", None),
        ("kubectl get pods -l statefulset=db", None),
        ("my-kubectl get svc/db", None),
        ("kubectl version; cat svc/db", None),
        ("deploy/api", None),
        ("kubectl get pods\nls svc/db", None),
    ],
)
def test_what_kubectl_is_told(text: str, expected: str | None) -> None:
    assert addresses.names_one(text, NAMES, "base") is (expected is not None)
    if expected:
        assert renamed(text, "base") == expected


def test_the_default_namespace_of_kubectl_is_the_bases_where_a_child_is_named() -> None:
    assert renamed("kubectl -n default get svc/db", "default") == "kubectl -n demo get svc/obj-db"
    assert renamed("kubectl -n default get svc/other", "default") == "kubectl -n default get svc/other"


@pytest.mark.parametrize(
    ("text", "before", "after", "expected"),
    [
        ("deploy/api", "kubectl rollout restart ", "", "deploy/obj-api"),
        ("api", "kubectl rollout restart deployment ", "", "obj-api"),
        ("deploy/api", "kubectl rollout restart ", " -n base", "deploy/obj-api"),
        ("base", "kubectl rollout restart deploy/api -n ", "", "demo"),
        ("deploy/api", "kubectl rollout restart ", " -n other", None),
        ("other", "kubectl rollout restart deploy/api -n ", "", None),
        ("deploy/api", "helm rollout restart ", "", None),
        ("base", "app -n ", "", None),
    ],
)
def test_what_kubectl_is_told_word_by_word(text: str, before: str, after: str, expected: str | None) -> None:
    assert addresses.names_one(text, NAMES, "base", before, after) is (expected is not None)
    if expected:
        assert renamed(text, "base", before, after) == expected


def test_what_stands_after_a_text() -> None:
    body = {"containers": [{"command": ["kubectl", "get", "svc/db"], "args": ["-n", "x"], "env": [{"value": "a"}]}]}
    assert addresses.after(body, fields.parse("containers.0.command.1")) == " svc/db -n x"
    assert addresses.after(body, fields.parse("containers.0.args.0")) == " x"
    assert addresses.after(body, fields.parse("containers.0.args.1")) == ""
    assert addresses.after(body, fields.parse("containers.0.env.0.value")) == ""


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("bitnami/kubectl:1.30", "kubectl get "),
        ("registry.k8s.io/kubectl@sha256:0", "kubectl get "),
        ("host:5000/kubectl", "kubectl get "),
        ("example.org/kubectl-tools", "get "),
        ("kubectl/other", "get "),
    ],
)
def test_an_image_of_kubectl_runs_it(image: str, expected: str) -> None:
    body = {"containers": [{"image": image, "args": ["get", "svc/db"]}]}
    assert addresses.before(body, fields.parse("containers.0.args.1")) == expected


def test_a_long_command_line_is_no_trouble() -> None:
    assert renamed("kubectl get svc " + "x " * 50_000 + "db", "base").endswith(" obj-db")
    assert renamed("kubectl " * 50_000 + "get svc db", "base").endswith(" obj-db")


OF_NGINX = BaseNames(
    frozenset({"nginx", "tls", "me"}),
    frozenset({"nginx"}),
    accounts=frozenset({"me"}),
    objects=frozenset({
        ("ValidatingWebhookConfiguration", "nginx"), ("IngressClass", "nginx"), ("ConfigMap", "nginx"),
        ("Service", "nginx"), ("Secret", "tls"), ("ServiceAccount", "me"), ("PersistentVolumeClaim", "me"),
    }),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        # A namespace that a variable stands for, and a name.
        ("--publish-service=$(POD_NAMESPACE)/nginx", "", "--publish-service=$(POD_NAMESPACE)/obj-nginx"),
        ("$(POD_NAMESPACE)/tls", "--certificate ", "$(POD_NAMESPACE)/obj-tls"),
        ("--certificate={namespace}/tls", "", "--certificate=demo/obj-tls"),
        ("$NAMESPACE/nginx", "PEER=", "$NAMESPACE/obj-nginx"),
        ("--certificate=$(POD_NAMESPACE)/other", "", None),
        ("--dir=$(DATA)/nginx", "", None),
        ("cp x $NAMESPACE/nginx", "", None),
        # A key, a variable or a flag that says of which kind it names an object.
        ("--configmap=base/nginx", "", "--configmap=demo/obj-nginx"),
        ("--publish-service=base/nginx", "", "--publish-service=demo/obj-nginx"),
        ("--configmap=other/nginx", "", None),
        ("--image=base/nginx", "", None),
        ("--configmap=nginx", "", "--configmap=obj-nginx"),
        ("--webhook-name=nginx", "", "--webhook-name=obj-nginx"),
        ("nginx", "run --webhook-name ", "obj-nginx"),
        ("--ingress-class=nginx", "", "--ingress-class=obj-nginx"),
        ("--secret-name=tls", "", "--secret-name=obj-tls"),
        ("--secret-name=nginx", "", None),
        ("tls", "TLS_SECRET_NAME=", "obj-tls"),
        ("me", "SERVICE_ACCOUNT=", "obj-me"),
        ("me", "OWNER=", None),
        ("patch --secret-name tls --x", "", "patch --secret-name obj-tls --x"),
        ("the secret-name tls", "", None),
        # In a manifest inside of a text.
        ("spec:\n  serviceAccountName: me\n", "", "spec:\n  serviceAccountName: obj-me\n"),
        ("- persistentVolumeClaim: {claimName: 'me'}", "", "- persistentVolumeClaim: {claimName: 'obj-me'}"),
        ("envFrom:\n- configMapRef:\n    name: nginx\n", "", "envFrom:\n- configMapRef:\n    name: obj-nginx\n"),
        ('{"secretKeyRef": {"key": "a", "name": "tls"}}', "", '{"secretKeyRef": {"key": "a", "name": "obj-tls"}}'),
        ("secretKeyRef:\n  key: a\n  name: tls\n", "", "secretKeyRef:\n  key: a\n  name: obj-tls\n"),
        ("- configMap: {defaultMode: 420, name: nginx}", "", "- configMap: {defaultMode: 420, name: obj-nginx}"),
        ("configMapRef:\n  name: tls\n", "", None),
        ("configMapRef:\n  x: y\nname: nginx\n", "", None),
        ("name: nginx", "", None),
        ("--service-name=nginx", "", None),
    ],
)
def test_an_object_whose_kind_is_said(text: str, before: str, expected: str | None) -> None:
    assert addresses.names_one(text, OF_NGINX, "base", before) is (expected is not None)
    if expected:
        assert addresses.renamed(text, OF_NGINX, lambda name: f"obj-{name}", "demo", "base", before) == expected
