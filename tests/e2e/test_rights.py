"""The operator with the rights that ``nuvop rbac`` computes, as its own service account, and with no others.

Every kind in kustomize/, every golden kind and one more go through a life in which each verb has its use: created,
changed, drifted, pruned, deleted. The audit log tells what was asked for. SILENT are the rights that no request shows,
each with the reason why it is given all the same.
"""

import csv
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from lab import controlplane
from nuvop import resources, yamltext
from tests.conftest import FAILED, artifacts_of
from tests.e2e.audited import Right, granted, refused, requests_of, used
from tests.e2e.harness import (
    PROGRAMS,
    ROOT,
    Kubectl,
    Operator,
    always,
    condition,
    configmap,
    deployment,
    environment,
    eventually,
    is_ready,
    make_kind,
    own_cluster,
    sample,
)
from tests.golden.test_golden import EXAMPLES

pytestmark = pytest.mark.e2e

RBAC = "rbac.authorization.k8s.io"
HOME = "ops"
"""The namespace of the operators' service accounts."""

AROUND = "asked within the request that makes a binding to the role of somebody else's"
GIVEN = "a role among the children gives it, and nobody may give a right that he has not"
BIND: Right = (RBAC, "clusterroles", "bind")

SILENT: dict[str, dict[tuple[str, Right], str]] = {
    "all namespaces": {
        ("", BIND): AROUND,
        ("", ("", "nodes", "list")): GIVEN,
        ("", ("", "endpoints", "list")): GIVEN,
    },
    "one namespace": {
        ("", BIND): AROUND,
        ("", ("", "nodes", "list")): GIVEN,
        ("team", ("", "endpoints", "list")): GIVEN,
        ("kube-system", ("", "configmaps", "get")): GIVEN,
    },
}
"""By the operator's mode, and by the namespace that a role is in, empty for a ClusterRole."""

FIXED = {"clusters": "its one field sets the value of a PriorityClass, which the API server never changes"}
"""The kinds whose custom resources are not changed; their folders are."""

SURVIVORS = ("ConfigMap", "ServiceAccount", "Service", "Deployment")
"""Children that get ready by themselves, the simplest first: one of them is left when all others are pruned."""


# --- who and where ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[controlplane.Cluster]:
    """A cluster of its own: an operator of all namespaces would see what other tests have left."""
    with own_cluster(f"{os.environ.get('NUVOP_TEST_CLUSTER', 'e2e')}-rights", nodes=4) as made:
        yield made


@pytest.fixture(scope="module")
def admin(cluster: controlplane.Cluster) -> Kubectl:
    made = Kubectl(cluster.kubeconfig, HOME)
    made("create", "namespace", HOME)
    made("apply", "-f", str(ROOT / "kustomize/samples/crd.yaml"))
    return made


@dataclass
class Account:
    """A service account that an operator runs as, with the kubeconfig that it has."""

    admin: Kubectl
    name: str
    folder: Path
    roles: list[dict[str, Any]] = field(default_factory=list)

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{HOME}:{self.name}"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def create(self) -> None:
        self.admin("create", "serviceaccount", self.name)
        view = json.loads(self.admin("config", "view", "--minify", "--flatten", "--raw", "-o", "json"))
        view["users"][0]["user"] = {"token": self.admin("create", "token", self.name, "--duration=2h").strip()}
        self.kubeconfig.write_text(json.dumps(view))

    def give(self, *arguments: str | Path) -> None:
        """Give it what ``nuvop rbac`` prints with these arguments."""
        manifests = nuvop_rbac(self, *arguments, "--name", self.name)
        self.roles = [document for document in yamltext.load_all(manifests) if "rules" in document]
        kubectl(self.admin, "apply", "-f", "-", stdin=manifests)

    def may(self, there: Kubectl, verb: str, resource: str) -> bool:
        """Whether the API server lets it do something in a namespace: it hears of a changed role a moment later."""
        return there.run("auth", "can-i", verb, resource, f"--as={self.user}").stdout == "yes\n"

    def take(self) -> None:
        """Take all rights away that it was given."""
        for kind in ("clusterrolebinding", "rolebinding"):
            kubectl(self.admin, "delete", kind, "-A", "-l", "app.kubernetes.io/name=nuvop")
        self.roles = []


def kubectl(admin: Kubectl, *arguments: str, stdin: str = "") -> None:
    """kubectl as the administrator, in whatever namespaces the objects name."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "KUBECONFIG": str(admin.kubeconfig)}
    command: list[str | Path] = [PROGRAMS / "kubectl", *arguments]
    done = subprocess.run(command, env=environment, input=stdin, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def nuvop_rbac(account: Account, *arguments: str | Path) -> str:
    # It needs no cluster, and has none.
    environment = {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "HOME": "/nonexistent", "KUBECONFIG": "/no/such/file"}
    whose = ("--service-account", f"{HOME}/{account.name}")
    command: list[str | Path] = [PROGRAMS / "nuvop", "rbac", *whose, *arguments]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def account(request: pytest.FixtureRequest, admin: Kubectl, tmp_path: Path) -> Iterator[Account]:
    name = f"op{abs(hash(request.node.nodeid)) % 10**8}"
    made = Account(admin, name, tmp_path)
    made.create()
    yield made
    made.take()


Run = Callable[..., Operator]


@pytest.fixture
def run(
    request: pytest.FixtureRequest, cluster: controlplane.Cluster, account: Account, tmp_path: Path
) -> Iterator[Run]:
    """Starts an operator as the account; its log is kept where the test failed."""
    artifacts = artifacts_of(request.node)
    shutil.rmtree(artifacts, ignore_errors=True)
    artifacts.mkdir(parents=True)
    made: list[Operator] = []

    def start(*arguments: str, kinds: Path, **more: Any) -> Operator:
        home = tmp_path / f"operator{len(made)}"
        home.mkdir()
        variables = {"KUBECONFIG": str(account.kubeconfig), "NUVOP_KINDS": str(kinds)}
        operator = Operator(
            [PROGRAMS / "nuvop", "run", *arguments],
            {**environment(cluster, home / "generated"), **variables},
            artifacts / f"operator{len(made)}.log",
            home / "generated",
        )
        made.append(operator)
        return operator.start(**more)

    yield start
    codes = [operator.stop() for operator in made]
    assert not any(codes)
    assert not [process for operator in made for process in operator.processes()]
    assert not [operator.log() for operator in made if "Traceback" in operator.log()]
    if not request.node.stash.get(FAILED, True):
        shutil.rmtree(artifacts)


@pytest.fixture
def team(admin: Kubectl, request: pytest.FixtureRequest) -> Kubectl:
    """A namespace that is served."""
    name = f"team{abs(hash(request.node.nodeid)) % 10**8}"
    admin("create", "namespace", name)
    return Kubectl(admin.kubeconfig, name)


# --- kinds, and the lives of their custom resources ------------------------------------------------------------------


@dataclass
class Folder:
    """A kind's folder that a test may change, and its custom resources by name."""

    path: Path
    resources: dict[str, dict[str, Any]]

    @property
    def crd(self) -> dict[str, Any]:
        found: dict[str, Any] = yamltext.load((self.path / "crd.yaml").read_bytes())
        return found

    @property
    def kind(self) -> dict[str, Any]:
        found: dict[str, Any] = yamltext.load((self.path / "kind.yaml").read_bytes())
        return found

    @property
    def plural(self) -> str:
        return str(self.crd["metadata"]["name"])

    def names(self) -> list[str]:
        """What kubectl calls its custom resources."""
        return [f"{self.plural}/{name}" for name in self.resources]

    def base(self) -> list[dict[str, Any]]:
        command: list[str | Path] = [PROGRAMS / "kubectl", "kustomize", self.path]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return yamltext.load_all(done.stdout)

    def bump(self) -> dict[str, Any] | None:
        """A change of a custom resource's spec that a child follows: a number, or else a text."""
        schema = self.crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        if self.plural.split(".")[0] in FIXED:
            return None
        for type_, value in (("integer", 4), ("string", "changed")):
            for source in self.kind.get("set", {}):
                name = source.removeprefix("spec.")
                if schema.get(name, {}).get("type") == type_:
                    return {"spec": {name: value}}
        raise AssertionError(f"{self.path}: which field can be changed? (FIXED says which kinds have none)")

    def keep_jobs(self) -> None:
        """A Job that is gone by itself once it has finished cannot be pruned."""
        for path in self.path.glob("**/*.yaml"):
            text = re.sub(r"ttlSecondsAfterFinished: \d+", "ttlSecondsAfterFinished: 86400", path.read_text())
            path.write_text(text)

    def relabel(self) -> None:
        """Change all children."""
        for path in self.path.glob("**/kustomization.yaml"):
            document = yamltext.load(path.read_bytes())
            path.write_text(yamltext.dump({**document, "labels": [{"pairs": {"stage": "two"}}]}))

    def cut_down(self) -> None:
        """Leave one child, of another name than all that there were."""
        base = self.base()
        left = next(obj for kind in SURVIVORS for obj in base if obj["kind"] == kind)
        left["metadata"]["name"] = "left"
        (self.path / "left.yaml").write_text(yamltext.dump(left))
        (self.path / "kustomization.yaml").write_text("resources: [left.yaml]\n")
        head = {name: self.kind[name] for name in ("apiVersion", "kind", "names") if name in self.kind}
        (self.path / "kind.yaml").write_text(yamltext.dump(head))
        (self.path / "patches.py").unlink(missing_ok=True)
        shutil.rmtree(self.path / "components", ignore_errors=True)


@pytest.fixture
def folders(admin: Kubectl, tmp_path: Path) -> list[Folder]:
    """Every kind there is, and one whose children are what the others lack; their CRDs are installed.

    Each has two resources, made of the example that says most: one of them is deleted with all that the folder has.
    """
    found = []
    for source in sorted({example.parents[1] for example in EXAMPLES}):
        each = Folder(shutil.copytree(source, tmp_path / "kinds" / source.name), {})
        each.keep_jobs()
        example = max(source.glob("examples/*.yaml"), key=lambda path: len(path.read_text()))
        cr = yamltext.load(example.read_bytes())
        annotations = {**cr["metadata"].get("annotations", {}), "nuvop.nuvolaris.org/prune": "confirm"}
        # Each kind's names are its own: some have children of the same names. Of those that keep theirs there is one.
        for suffix in ("", "-again") if each.kind.get("names") != "keep" else ("",):
            name = f"{source.name}-{cr['metadata']['name']}{suffix}"
            each.resources[name] = {**cr, "metadata": {"name": name, "annotations": annotations}}
        found.append(each)
    made = [*found, _widgets(tmp_path / "kinds", admin)]
    for each in made:
        # The operator itself is to install it.
        for selector in each.kind.get("install", ()):
            admin("delete", selector, "--ignore-not-found", "--timeout=60s")
    for each in made:
        admin("apply", "-f", str(each.path / "crd.yaml"))
        admin("wait", "--for=condition=Established", f"crd/{each.plural}", "--timeout=60s")
    return made


def _widgets(kinds: Path, admin: Kubectl) -> Folder:
    """Roles and bindings, a custom resource, one of another kind's, and pods that only the status asks for."""
    notes = yamltext.load((ROOT / "tests/golden/tiers/crd.yaml").read_bytes())
    notes["metadata"]["name"] = "notes.rights.example.org"
    notes["spec"] |= {"group": "rights.example.org", "names": {"kind": "Note", "plural": "notes", "singular": "note"}}
    admin("apply", "-f", "-", stdin=json.dumps(notes))
    made = make_kind(
        kinds,
        admin,
        configmap("settings", text="a"),
        deployment("web"),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}},
        _role(
            "Role",
            "reader",
            rules=[
                {"apiGroups": [""], "resources": ["endpoints"], "verbs": ["list"]},
                # kustomize renames it.
                {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["settings"], "verbs": ["get"]},
            ],
        ),
        _binding("own", "Role", "reader"),
        _binding("others", "ClusterRole", "view"),
        {"apiVersion": "rights.example.org/v1", "kind": "Note", "metadata": {"name": "note"}, "spec": {"tier": "a"}},
        sample("inner", 1),
        group="rights.example.org",
        set={"spec.text": "ConfigMap/settings data.text"},
        status={"podNames": "Pod/* metadata.name"},
    )
    (made.folder / "notes.yaml").write_text(json.dumps(notes))
    path = made.folder / "crd.yaml"
    crd = json.loads(path.read_text())
    properties = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    properties["spec"] = {"type": "object", "properties": {"text": {"type": "string"}}}
    path.write_text(json.dumps(crd))
    annotations = {"nuvop.nuvolaris.org/prune": "confirm"}
    return Folder(made.folder, {name: made.cr(name, annotations, text="b") for name in ("w", "w-again")})


def _role(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": {"name": name}, **fields}


def _binding(name: str, kind: str, role: str) -> dict[str, Any]:
    subjects = [{"kind": "ServiceAccount", "name": "web"}]
    return _role("RoleBinding", name, roleRef={"apiGroup": RBAC, "kind": kind, "name": role}, subjects=subjects)


Child = tuple[str, str]
"""A namespace, empty for none, and what kubectl calls an object."""


class Life:
    """All custom resources of all kinds go through one life, step by step; each step waits until it is done."""

    def __init__(self, kubectl: Kubectl, folders: list[Folder]) -> None:
        self.kubectl = kubectl
        self.folders = folders
        kinds = [each.kind for each in folders]
        made_once = [name for kind in kinds for name in kind.get("generate", ())]
        kept = [name for kind in kinds for name in kind.get("delete", {}).get("keep", ())]
        self._made_once, self._kept = _matching(made_once), _matching([*made_once, *kept])

    def live(self) -> None:
        for step in (self.create, self.change, self.drift, self.keep, self.delete_half, self.prune, self.delete):
            step()

    def create(self) -> None:
        self.kubectl.apply(*(cr for each in self.folders for cr in each.resources.values()))
        for name in self._names():
            self._until(f"{name} is applied", self._is_settled, name)

    def change(self) -> None:
        """Change each resource, and then each folder."""
        for each in self.folders:
            if patch := each.bump():
                for name in each.names():
                    self.kubectl("patch", name, "--type=merge", "-p", json.dumps(patch))
        for name in self._names():
            self._until(f"{name} is applied again", self._is_settled, name)
        for each in self.folders:
            each.relabel()
        for name in self._names():
            self._until(f"{name}: all children are changed", self._have_all, name, "stage", "two")

    def drift(self) -> None:
        """Somebody changes every child, and deletes one of each resource."""
        label, deleted = "app.kubernetes.io/managed-by", []
        for name in self._names():
            self._at(self._live(name), "label", f"{label}=somebody", "--overwrite")
        for name in self._names():
            self._until(f"{name}: all children are put back", self._have_all, name, label, "nuvop")
            live = self._live(name)
            deleted.append(next(child for kind in SURVIVORS for child in live if child[1].startswith(f"{kind}.")))
        self._at(deleted, "delete")
        for child in deleted:
            self._until(f"{child} is there again", self._found, [child])

    def keep(self) -> None:
        """The children are to outlive their resources, and then are not."""
        annotation = "nuvop.nuvolaris.org/deletion-policy"
        for name in self._names():
            self.kubectl("annotate", name, f"{annotation}=Orphan", "--overwrite")
        for name in self._names():
            self._until(f"{name} has the finalizer", self._has_finalizer, name)
            self.kubectl("annotate", name, f"{annotation}-")
        for name in self._names():
            self._until(f"{name}: all children are owned", self._are_owned, name)

    def delete_half(self) -> None:
        """Delete half of the resources, with all the children that their folders have."""
        half = [name for name in self._names() if name.endswith("-again")]
        self._delete(half)
        for each in self.folders:
            each.resources = {name: cr for name, cr in each.resources.items() if f"{each.plural}/{name}" not in half}

    def prune(self) -> None:
        """All that the folders have goes, and something else is there."""
        before = {name: list(self._live(name)) for name in self._names()}
        for each in self.folders:
            each.cut_down()
        for name, children in before.items():
            self._until(f"{name} has one child", self._has_one, name)
            self._until(f"{name}: all others are gone", self._are_gone, children)

    def delete(self) -> None:
        self._delete(self._names())

    def _names(self) -> list[str]:
        return [name for each in self.folders for name in each.names()]

    def _until(self, what: str, check: Callable[..., Any], *arguments: Any) -> None:
        eventually(what, lambda: check(*arguments), within=120)

    def _delete(self, names: list[str]) -> None:
        """Delete resources; but for what their kinds keep, their children go with them."""
        children = {name: [child for child in self._live(name) if not self._kept(child)] for name in names}
        self.kubectl("delete", *names, "--timeout=60s")
        for name in names:
            self._until(f"{name}: all children are gone", self._are_gone, children[name])

    def _is_settled(self, name: str) -> bool:
        """Applied at its own generation. Whether all children get ready is not asked: in a lab some never do."""
        cr = self.kubectl.get(name)
        ready = condition(cr, "Ready")
        is_applied = ready.get("reason") in ("Succeeded", "Progressing") and cr["status"].get("lastAppliedRevision")
        return bool(is_applied and ready["observedGeneration"] == cr["metadata"]["generation"])

    def _has_finalizer(self, name: str) -> bool:
        return bool(self.kubectl.get(name)["metadata"].get("finalizers"))

    def _has_one(self, name: str) -> bool:
        return len(self._live(name)) == 1

    def _at(self, children: Iterable[Child], verb: str, *arguments: str) -> None:
        """Have kubectl do something to children, in each namespace that they are in."""
        for namespace, of in groupby(sorted(children), key=itemgetter(0)):
            self._in(namespace)(verb, *(name for _, name in of), *arguments)

    def _live(self, name: str) -> dict[Child, dict[str, Any]]:
        """The children of a resource that are there, but for what is made once and then left alone."""
        children = []
        for entry in self.kubectl.get(name)["status"]["inventory"]:
            children.append((entry["namespace"], _named(entry["apiVersion"], entry["kind"], entry)))
        return self._found([child for child in children if not self._made_once(child)])

    def _found(self, children: list[Child]) -> dict[Child, dict[str, Any]]:
        bodies = {child: self._in(child[0]).get(child[1]) for child in children}
        return {child: body for child, body in bodies.items() if body}

    def _in(self, namespace: str) -> Kubectl:
        return Kubectl(self.kubectl.kubeconfig, namespace or self.kubectl.namespace)

    def _have_all(self, name: str, label: str, value: str) -> bool:
        return all(body["metadata"]["labels"].get(label) == value for body in self._live(name).values())

    def _are_owned(self, name: str) -> bool:
        """Whether all have an owner that the garbage collector is to delete."""
        return all(
            body["metadata"].get("ownerReferences")
            for child, body in self._live(name).items()
            if child[0] == self.kubectl.namespace and not self._kept(child)
        )

    def _are_gone(self, children: list[Child]) -> bool:
        return not self._found(children)


def _matching(selectors: list[str]) -> Callable[[Child], bool]:
    """Whether a child is one of these, each a kind and a name in the base."""
    parts = [selector.partition("/") for selector in selectors]
    return lambda child: any(
        child[1].startswith(f"{kind}.") and child[1].endswith(f"-{name}") for kind, _, name in parts
    )


def _named(api_version: str, kind: str, of: Mapping[str, str]) -> str:
    """What kubectl calls an object."""
    group, _, version = api_version.rpartition("/")
    return f"{kind}.{version}.{group}/{of['name']}"


# --- what is shown ---------------------------------------------------------------------------------------------------


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", ["all namespaces", "one namespace"])
def test_the_computed_rights_suffice_for_a_whole_life_and_none_is_too_much(
    cluster: controlplane.Cluster, account: Account, run: Run, team: Kubectl, folders: list[Folder], mode: str
) -> None:
    is_one = mode == "one namespace"
    kinds = folders[0].path.parent
    account.give("--kinds", kinds, *(["--namespace", team.namespace] if is_one else []))
    since = cluster.audit_log.stat().st_size
    operator = run(*(["-n", team.namespace] if is_one else ["-A"]), kinds=kinds)
    Life(team, folders).live()
    operator.stop()

    entries = requests_of(cluster, account.user, since)
    assert refused(entries) == []
    assert {role["kind"] for role in account.roles} == ({"ClusterRole", "Role"} if is_one else {"ClusterRole"})
    unused = set()
    for role in account.roles:
        # A Role has to be of use in its own namespace.
        place = role["metadata"].get("namespace", "")
        own = [entry for entry in entries if not place or entry.get("objectRef", {}).get("namespace") == place]
        unused |= {(place.replace(team.namespace, "team"), right) for right in granted([role]) - used(own)}
    assert unused == SILENT[mode].keys()
    assert "rights are missing" not in operator.log()


def peering_crd(kind: str, scope: str) -> dict[str, Any]:
    """As in https://docs.kopf.dev/en/stable/install/."""
    names = {"kind": kind, "plural": f"{kind.lower()}s", "singular": kind.lower()}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.kopf.dev"},
        "spec": {"group": "kopf.dev", "scope": scope, "names": names, "versions": [version]},
    }


@pytest.fixture(scope="module")
def peerings(admin: Kubectl) -> Iterator[None]:
    crds = [peering_crd("ClusterKopfPeering", "Cluster"), peering_crd("KopfPeering", "Namespaced")]
    admin.apply(*crds)
    for crd in crds:
        admin("wait", "--for=condition=Established", f"crd/{crd['metadata']['name']}", "--timeout=60s")
    yield
    for crd in crds:
        admin("delete", "crd", crd["metadata"]["name"])


@pytest.mark.usefixtures("peerings")
@pytest.mark.parametrize("mode", ["all namespaces", "one namespace"])
def test_a_peering_is_taken_part_in_with_the_computed_rights(
    cluster: controlplane.Cluster, account: Account, run: Run, team: Kubectl, mode: str
) -> None:
    kind, arguments = ("KopfPeering", ["-n", team.namespace]) if mode == "one namespace" else ("ClusterKopfPeering", [])
    team.apply({"apiVersion": "kopf.dev/v1", "kind": kind, "metadata": {"name": "mine"}})
    account.give("--kinds", ROOT / "kustomize", "--peering", "mine", *arguments)
    since = cluster.audit_log.stat().st_size
    operator = run(*(arguments or ["-A"]), "--peering", "mine", kinds=ROOT / "kustomize")
    eventually("it tells that it is there", lambda: team.get(f"{kind}/mine").get("status"))
    team.apply(sample("obj"))
    eventually("ready", lambda: is_ready(team.get("sam/obj")))
    team("delete", "sam/obj")
    operator.stop()

    entries = requests_of(cluster, account.user, since)
    assert refused(entries) == []
    peering = {right for right in granted(account.roles) if right[0] == "kopf.dev"}
    assert len(peering) == 3
    assert peering <= used(entries)
    (rule,) = [rule for role in account.roles for rule in role["rules"] if rule.get("resourceNames")]
    assert rule["resourceNames"] == ["mine"]


def test_namespaces_by_a_pattern(
    cluster: controlplane.Cluster, account: Account, run: Run, admin: Kubectl, team: Kubectl
) -> None:
    account.give("--kinds", ROOT / "kustomize", "--namespace", "team*")
    since = cluster.audit_log.stat().st_size
    operator = run("-n", "team*", kinds=ROOT / "kustomize")
    admin("create", "namespace", "teamlate")
    for served in (team, Kubectl(team.kubeconfig, "teamlate")):
        served.apply(sample("obj"))
        eventually("ready", lambda served=served: is_ready(served.get("sam/obj")))  # type: ignore[misc]
        served("delete", "sam/obj")
    admin.apply(sample("outside"))
    always("others are not served", lambda: not condition(admin.get("sam/outside"), "Ready"), during=2)
    admin("delete", "sam/outside")
    operator.stop()

    entries = requests_of(cluster, account.user, since)
    assert refused(entries) == []
    seen = {("", "namespaces", "list"), ("", "namespaces", "watch")}
    assert seen <= granted(account.roles) & used(entries)


def test_roles_whose_rights_nobody_knows_beforehand(
    cluster: controlplane.Cluster, account: Account, run: Run, admin: Kubectl, team: Kubectl, tmp_path: Path
) -> None:
    """Made with `escalate`; without it, though with all else, the API server makes none of them."""
    selectors = [{"matchLabels": {"rights": "gathered"}}]
    made = make_kind(
        tmp_path / "open",
        admin,
        _role("ClusterRole", "all", aggregationRule={"clusterRoleSelectors": selectors}, rules=[]),
        _role("Role", "some", rules=[{"apiGroups": [""], "resources": ["endpoints"], "verbs": ["list"]}]),
        _binding("to-some", "Role", "some"),
        _binding("to-all", "ClusterRole", "all"),
        group="open.example.org",
        set={"spec.verb": "Role/some rules.0.verbs.0"},
    )
    account.give("--kinds", made.folder, "--namespace", team.namespace)
    rules = [rule for role in account.roles for rule in role["rules"]]
    assert {verb for rule in rules for verb in rule["verbs"]} >= {"escalate", "bind"}
    since = cluster.audit_log.stat().st_size
    run("-n", team.namespace, kinds=made.folder)
    team.apply(made.cr("one", verb="get"))
    eventually("ready", lambda: is_ready(team.get(f"{made.plural}/one")))
    assert refused(requests_of(cluster, account.user, since)) == []

    for role in account.roles:
        role["rules"] = [rule for rule in role["rules"] if rule["verbs"] not in (["escalate"], ["bind"])]
        kubectl(team, "apply", "-f", "-", stdin=json.dumps(role))
    for kind in ("roles", "clusterroles"):
        eventually("it may no longer", lambda kind=kind: not account.may(team, "escalate", kind))  # type: ignore[misc]
    team.apply(made.cr("two", verb="get"))
    eventually(
        "told why",
        lambda: "attempting to grant RBAC" in condition(team.get(f"{made.plural}/two"), "Ready").get("message", ""),
    )
    for name in ("one", "two"):
        team("delete", f"{made.plural}/{name}", "--wait=false")


@pytest.mark.timeout(600)
def test_missing_rights_are_told_with_what_mends_them_and_hold_up_no_other_kind(
    cluster: controlplane.Cluster, account: Account, run: Run, admin: Kubectl, team: Kubectl, tmp_path: Path
) -> None:
    kinds = tmp_path / "two kinds"
    made = make_kind(kinds, admin, configmap("settings"), group="missing.example.org")
    shutil.copytree(ROOT / "kustomize/samples", kinds / "samples")
    account.give("--kinds", made.folder, "--namespace", team.namespace)
    since = cluster.audit_log.stat().st_size
    operator = run("-n", team.namespace, kinds=kinds)
    team.apply(sample("obj"), made.cr("one"))
    eventually("the other kind goes on", lambda: is_ready(team.get(f"{made.plural}/one")))
    eventually("it is told", lambda: "rights are missing" in operator.log())
    always(
        "the kind waits", lambda: "status" not in team.get("sam/obj") or not is_ready(team.get("sam/obj")), during=10
    )
    (told,) = [line for line in operator.log().splitlines() if "rights are missing" in line]
    assert "ERROR" in told
    assert f"kind samples ({os.path.relpath(kinds / 'samples', ROOT)}): rights are missing: " in told
    where = f"in {team.namespace}"
    assert f"get, list, watch, create, patch, delete deployments.apps {where}; list, watch pods {where}; " in told
    assert f"patch samples.nuvolaris.org/status {where}" in told
    # A list of Samples that is refused is tried again after 0.2, 0.5, 1, 2, 3 and 5 seconds, give or take a fifth.
    assert 1 <= len(refused(requests_of(cluster, account.user, since))) <= 8
    assert len([line for line in operator.log().splitlines() if "orbidden" in line]) <= 2, "said once"

    mend(admin, told)
    eventually("it goes on by itself", lambda: is_ready(team.get("sam/obj")), within=90)
    eventually("that is told, too", lambda: "the rights that were missing are there" in operator.log())

    # A right that goes later is told in the status of what needs it.
    for role in admin_roles(admin, team.namespace):
        rules = [rule for rule in role["rules"] if rule["resources"] != ["deployments"]]
        kubectl(admin, "apply", "-f", "-", stdin=json.dumps({**role, "rules": rules}))
    eventually("it may no longer", lambda: not account.may(team, "patch", "deployments"))
    team.apply(sample("late"))
    eventually("told why", lambda: "is forbidden" in condition(team.get("sam/late"), "Ready").get("message", ""))
    assert not is_ready(team.get("sam/late"))
    mend(admin, told)
    eventually("it goes on by itself", lambda: is_ready(team.get("sam/late")), within=90)
    team("delete", "sam,widgets", "--all")


def admin_roles(admin: Kubectl, namespace: str) -> list[dict[str, Any]]:
    found = Kubectl(admin.kubeconfig, namespace).list("roles")
    return [{name: role[name] for name in ("apiVersion", "kind", "metadata", "rules")} for role in found]


def mend(admin: Kubectl, told: str) -> None:
    """Give the command that a line of the log ends in, as its reader would."""
    command = told.partition("This gives them: ")[2]
    environment = {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "KUBECONFIG": str(admin.kubeconfig),
    }
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_who_has_no_rights_at_all_is_told_all_and_goes_on_once_there_are(
    account: Account, run: Run, admin: Kubectl, team: Kubectl
) -> None:
    operator = run("-A", kinds=ROOT / "kustomize", until="rights are missing")
    told_of = len(list((ROOT / "kustomize").glob("*/kind.yaml"))) + 1  # the kinds, and nuvop itself
    eventually("all are told", lambda: operator.log().count("rights are missing") == told_of)
    told = [line for line in operator.log().splitlines() if "rights are missing" in line]
    assert "nuvop itself: rights are missing: list, watch customresourcedefinitions.apiextensions.k8s.io" in told[0]
    mend(admin, told[0])
    team.apply(sample("obj"))
    eventually("ready", lambda: is_ready(team.get("sam/obj")), within=90)
    # It may not have kopf watch CRDs when it starts, and so kopf does not; nuvop looks for them.
    kind = ROOT / "kustomize/nginxservers"
    team("apply", "-f", str(kind / "crd.yaml"))
    team("wait", "--for=condition=Established", "crd/nginxservers.web.example.com")
    (example,) = yamltext.load_all((kind / "examples/plain.yaml").read_text())
    team.apply({**example, "metadata": {"name": "late"}})
    eventually("that kind, too", lambda: all(map(is_ready, team.list("nginxservers"))), within=90)
    team("delete", "sam,nginxservers", "--all")


def test_namespaces_by_a_pattern_are_served_once_the_rights_are_there(
    account: Account, run: Run, admin: Kubectl, team: Kubectl
) -> None:
    operator = run("-n", f"{team.namespace}*", kinds=ROOT / "kustomize/samples", until="rights are missing")
    team.apply(sample("obj"))
    told = [line for line in operator.log().splitlines() if "nuvop itself: rights are missing" in line]
    assert "list, watch namespaces cluster-wide" in told[0]
    mend(admin, told[0])
    eventually("ready", lambda: is_ready(team.get("sam/obj")), within=90)
    late = Kubectl(team.kubeconfig, f"{team.namespace}-late")
    admin("create", "namespace", late.namespace)
    late.apply(sample("obj"))
    eventually("one that comes is served, too", lambda: is_ready(late.get("sam/obj")))
    assert operator.log().count("listing and watching /api/v1/namespaces: Forbidden") == 1, "said once"
    for served in (team, late):
        served("delete", "sam/obj")


# --- what the resources are called -----------------------------------------------------------------------------------


def test_the_table_of_kubernetes_own_is_what_an_api_server_tells(admin: Kubectl) -> None:
    """``NUVOP_GOLDEN=write`` writes it anew."""
    wanted = {"get", "list", "watch", "create", "patch", "delete"}
    rows = set()
    for api_version in admin("api-versions").split():
        group = api_version.rpartition("/")[0]
        if "." in group and not group.endswith(".k8s.io"):
            continue  # a kind's
        path = f"/apis/{api_version}" if group else f"/api/{api_version}"
        for entry in json.loads(admin("get", "--raw", path))["resources"]:
            if "/" not in entry["name"] and wanted <= set(entry["verbs"]):
                scope = resources.NAMESPACED if entry["namespaced"] else resources.CLUSTER
                rows.add((group, entry["kind"], entry["name"], scope))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([resources.COLUMNS, *sorted(rows)])
    table = ROOT / "nuvop" / resources.TABLE
    if os.environ.get("NUVOP_GOLDEN") == "write":
        table.write_text(text.getvalue())
    assert table.read_text() == text.getvalue()


def test_a_cluster_tells_what_no_crd_in_the_folder_does(
    account: Account, folders: list[Folder], admin: Kubectl
) -> None:
    widgets = next(each for each in folders if each.path.name == "widgets")
    (widgets.path / "notes.yaml").unlink()
    environment = {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "KUBECONFIG": str(admin.kubeconfig),
    }
    command: list[str | Path] = [PROGRAMS / "nuvop", "rbac", "--kinds", widgets.path]
    # The kind that a Sample is of is not among these kinds, either.
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=True)
    rules = [rule for document in yamltext.load_all(done.stdout) for rule in document.get("rules", ())]
    known = {(rule["apiGroups"][0], each) for rule in rules for each in rule["resources"]}
    assert {("rights.example.org", "notes"), ("nuvolaris.org", "samples")} <= known
