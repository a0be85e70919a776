"""Which rights an operator needs, and that the rules give those and no others."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nuvop import kind_folder, kind_yaml, kinds, rbac, resources, yamltext
from nuvop.crd import Resource
from nuvop.errors import KindError
from nuvop.kinds import Kind
from nuvop.rbac import EVERYWHERE, Mode, Need, Purpose, Right, Rule, Subject
from tests.unit.based import with_base

SAMPLES = Path(__file__).parents[2] / "kustomize/samples"
RBAC = rbac.RBAC
ALL = Mode()
ACCOUNT = Subject("op", "ops")


def obj(kind: str, api_version: str = "v1", name: str = "web", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


DEPLOYMENT = obj("Deployment", "apps/v1")


def role(kind: str, name: str, *rules: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return obj(kind, f"{RBAC}/v1", name, rules=list(rules), **fields)


def binding(kind: str, to: str, name: str) -> dict[str, Any]:
    return obj(kind, f"{RBAC}/v1", "binding", roleRef={"apiGroup": RBAC, "kind": to, "name": name})


READ_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}


def kind_of(*objects: dict[str, Any], plural: str = "samples", text: str = "", **more: bytes) -> Kind:
    """A kind with this base; ``text`` are lines of its kind.yaml."""
    files = {**kind_folder.read(SAMPLES), **{f"{name}.yaml": content for name, content in more.items()}}
    files["kind.yaml"] = f"apiVersion: nuvop.nuvolaris.org/v1\nkind: Kind\n{text}".encode()
    name = plural.title().removesuffix("s")
    crd = files["crd.yaml"].decode().replace("plural: samples", f"plural: {plural}").replace("Sample", name)
    files["crd.yaml"] = crd.encode()
    return with_base(kind_yaml.parse(SAMPLES, files), objects or [DEPLOYMENT])


def needed(*kinds_: Kind, mode: Mode = ALL) -> list[Need]:
    return rbac.needs(kinds_, resources.known(kinds_), mode)


def rights(found: Sequence[Need], purpose: Purpose) -> set[tuple[str, ...]]:
    """Of one purpose: place, group, resource and verb; the name, too, where there is one."""
    own = [need.right for need in found if need.purpose is purpose]
    return {(r.place, r.group, r.resource, r.verb, *([r.name] if r.name else [])) for r in own}


def allowed(place: str, group: str, resource: str, *verbs: str) -> set[tuple[str, ...]]:
    return {(place, group, resource, verb) for verb in verbs}


# --- what is needed --------------------------------------------------------------------------------------------------


def test_a_kind_needs_its_resources_and_its_children() -> None:
    found = needed(kind_of(text="status: {podNames: Pod/* metadata.name}\n"))
    assert rights(found, Purpose.RESOURCES) == allowed("", "nuvolaris.org", "samples", "get", "list", "watch", "patch")
    assert rights(found, Purpose.STATUS) == allowed("", "nuvolaris.org", "samples/status", "patch")
    verbs = ("get", "list", "watch", "create", "patch", "delete")
    assert rights(found, Purpose.CHILDREN) == allowed("", "apps", "deployments", *verbs)
    assert rights(found, Purpose.SEEN) == allowed("", "", "pods", "list", "watch")
    events = allowed("", "events.k8s.io", "events", "create") | allowed("", "", "events", "list", "watch")
    assert rights(found, Purpose.EVENTS) == events


@pytest.mark.parametrize(
    ("namespaces", "has_names"), [((), False), (("a*", "!b"), False), (("a", "b*"), True), (("a",), True)]
)
def test_namespaces_are_meant_by_their_names_or_by_patterns(namespaces: tuple[str, ...], has_names: bool) -> None:
    assert Mode(namespaces).has_names == has_names


@pytest.mark.parametrize(
    ("mode", "purposes"),
    [
        (Mode(), {Purpose.CRDS}),
        (Mode(("a", "b")), set()),
        (Mode(("a", "b*")), {Purpose.CRDS, Purpose.NAMESPACES}),
        (Mode(("!a",)), {Purpose.CRDS, Purpose.NAMESPACES}),
        (Mode(("a,b",)), {Purpose.CRDS, Purpose.NAMESPACES}),
        (Mode(("a?",)), {Purpose.CRDS, Purpose.NAMESPACES}),
        (Mode(peering="default"), {Purpose.CRDS, Purpose.PEERING}),
        (Mode(("a",), "default"), {Purpose.PEERING}),
    ],
)
def test_kopf_needs_what_its_mode_needs(mode: Mode, purposes: set[Purpose]) -> None:
    kopfs = {Purpose.CRDS, Purpose.NAMESPACES, Purpose.PEERING}
    assert {need.purpose for need in needed(kind_of(), mode=mode)} & kopfs == purposes


def test_a_named_namespace_needs_no_right_outside_of_it() -> None:
    assert {need.right.place for need in needed(kind_of(), mode=Mode(("a", "b")))} == {"a", "b"}
    assert {need.right.place for need in needed(kind_of(), mode=Mode(("a", "b*")))} == {EVERYWHERE}


def test_children_outside_of_namespaces_need_rights_there() -> None:
    storage = obj("StorageClass", "storage.k8s.io/v1")
    found = needed(kind_of(DEPLOYMENT, storage), mode=Mode(("a",)))
    places = {(r[0], r[2]) for r in rights(found, Purpose.CHILDREN)}
    assert places == {("a", "deployments"), (EVERYWHERE, "storageclasses")}


@pytest.mark.parametrize(
    ("mode", "plural", "place"),
    [
        (Mode(peering="p"), "clusterkopfpeerings", EVERYWHERE),
        (Mode(("a",), "p"), "kopfpeerings", "a"),
        (Mode(("a*",), "p"), "kopfpeerings", EVERYWHERE),
    ],
)
def test_only_its_own_peering_is_patched(mode: Mode, plural: str, place: str) -> None:
    found = rights(needed(kind_of(), mode=mode), Purpose.PEERING)
    seen = allowed(place, "kopf.dev", plural, "list", "watch")
    assert found == seen | {(place, "kopf.dev", plural, "patch", "p")}


def test_a_type_is_called_what_its_crd_says_wherever_in_the_folder_that_stands() -> None:
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": {"group": "example.org", "scope": "Namespaced", "names": {"kind": "Mouse", "plural": "mice"}},
    }
    text = f"not: a CRD\n---\n{yamltext.dump(crd)}".encode()
    kind = kind_of(obj("Mouse", "example.org/v1"), mouse=text, broken=b"a: [")
    assert rights(needed(kind), Purpose.CHILDREN) == allowed("", "example.org", "mice", *rbac.CHILD_VERBS)


def test_custom_resources_may_be_children_of_another_kind() -> None:
    inner, outer = kind_of(), kind_of(obj("Sample", "nuvolaris.org/v1"), plural="others")
    found = rights(needed(inner, outer), Purpose.CHILDREN)
    assert found >= allowed("", "nuvolaris.org", "samples", *rbac.CHILD_VERBS)


def test_what_is_not_known_without_a_cluster() -> None:
    certificate = obj("Certificate", "cert-manager.io/v1")
    kind = kind_of(certificate)
    assert ("cert-manager.io/v1", "Certificate") in rbac.types(kind)
    assert ("cert-manager.io", "Certificate") not in resources.known([kind])
    found = {("cert-manager.io", "Certificate"): Resource("certificates", namespaced=True)}
    told = rbac.needs([kind], resources.known([kind]) | found, ALL)
    assert rights(told, Purpose.CHILDREN) == allowed("", "cert-manager.io", "certificates", *rbac.CHILD_VERBS)


def test_kubernetes_own_are_known_with_their_scope() -> None:
    known = resources.of_kubernetes()
    assert known["", "Endpoints"] == Resource("endpoints", namespaced=True)
    assert known["networking.k8s.io", "NetworkPolicy"] == Resource("networkpolicies", namespaced=True)
    assert known["networking.k8s.io", "IngressClass"] == Resource("ingressclasses", namespaced=False)
    outside = {at for at, resource in known.items() if not resource.namespaced}
    assert (
        outside - {("", "Namespace")} - {at for at in outside if at[1] in kinds.NEVER_A_CHILD} <= kinds.CLUSTER_SCOPED
    )
    assert not {at for at in kinds.CLUSTER_SCOPED if at in known and known[at].namespaced}


def test_children_elsewhere_need_rights_there_and_a_look_beside() -> None:
    role_ = role("Role", "reader", READ_PODS)
    text = "children: {Role/reader: {namespace: there}, Mouse/one: {scope: Cluster}}\n"
    mouse = obj("Mouse", "example.org/v1", "one")
    kind, mode = kind_of(DEPLOYMENT, role_, mouse, text=text), Mode(("a",))
    known = {**resources.known([kind]), ("example.org", "Mouse"): Resource("mice", namespaced=False)}
    found = rbac.needs([kind], known, mode)
    own = rights(found, Purpose.CHILDREN)
    verbs = rbac.CHILD_VERBS
    assert own >= allowed("there", RBAC, "roles", *verbs) | allowed(EVERYWHERE, "example.org", "mice", *verbs)
    assert {place for place, _, resource, *_ in own if resource == "roles"} == {"there"}
    assert rights(found, Purpose.ELSEWHERE) >= allowed("a", RBAC, "roles", "list", "watch")
    assert rights(found, Purpose.EVENTS) >= allowed("there", "", "events", "list", "watch")
    assert not rights(found, Purpose.EVENTS) & allowed("there", "events.k8s.io", "events", "create")
    assert rights(found, Purpose.GIVEN) == allowed("there", "", "pods", "get", "list")
    everywhere = rbac.needs([kind], known, ALL)
    assert {need.right.place for need in everywhere} == {EVERYWHERE}


def test_what_retired_keeps_its_rights_until_it_is_gone() -> None:
    found = needed(kind_of(text="retired: [batch/v1 CronJob, storage.k8s.io/v1 StorageClass]\n"), mode=Mode(("a",)))
    verbs = ("list", "watch", "patch", "delete")
    assert rights(found, Purpose.RETIRED) == allowed("a", "batch", "cronjobs", *verbs) | allowed(
        EVERYWHERE, "storage.k8s.io", "storageclasses", *verbs
    )


def test_what_is_installed_is_changed_by_its_name_alone() -> None:
    namespace, crd = (
        obj("Namespace", name="base"),
        obj("CustomResourceDefinition", "apiextensions.k8s.io/v1", "mice.x.org"),
    )
    text = "install: [Namespace/base, CustomResourceDefinition/mice.x.org]\n"
    found = rights(needed(kind_of(DEPLOYMENT, namespace, crd, text=text), mode=Mode(("a",))), Purpose.INSTALLED)
    crds = "apiextensions.k8s.io", "customresourcedefinitions"
    assert found == {
        (EVERYWHERE, "", "namespaces", "create"),
        (EVERYWHERE, "", "namespaces", "patch", "base"),
        (EVERYWHERE, *crds, "create"),
        (EVERYWHERE, *crds, "patch", "mice.x.org"),
    }


def test_a_secret_that_is_made_once_is_never_deleted_beside_its_resource() -> None:
    secret = obj("Secret", name="password")
    found = needed(kind_of(secret, text="generate: {Secret/password: {admin: 24}}\n"))
    assert rights(found, Purpose.GENERATED) == allowed("", "", "secrets", "get", "list", "watch", "create", "patch")
    assert rights(found, Purpose.CHILDREN) == set()
    assert rights(found, Purpose.SEEN) == allowed("", "", "persistentvolumeclaims", "list", "watch")


# --- roles among the children ----------------------------------------------------------------------------------------


def test_who_makes_a_role_has_its_rights() -> None:
    named = {**READ_PODS, "resources": ["secrets"], "resourceNames": ["a", "b"], "verbs": ["get"]}
    found = needed(kind_of(role("Role", "reader", READ_PODS, named), binding("RoleBinding", "Role", "reader")))
    own = allowed("", "", "pods", "get", "list")
    assert rights(found, Purpose.GIVEN) == own | {("", "", "secrets", "get", name) for name in ("a", "b")}
    assert rights(found, Purpose.ESCALATE) == set()
    assert rights(found, Purpose.BIND) == set(), "who has the rights of a role may bind it"


def test_a_role_gives_rights_where_it_is() -> None:
    metrics = {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}
    kind = kind_of(role("Role", "r", READ_PODS), role("ClusterRole", "c", {**READ_PODS, "verbs": ["*"]}, metrics))
    found = needed(kind, mode=Mode(("a", "b")))
    pods = allowed("a", "", "pods", "get", "list") | allowed("b", "", "pods", "get", "list")
    assert rights(found, Purpose.GIVEN) == pods | allowed(EVERYWHERE, "", "pods", "*") | allowed("", "", "", "get")
    assert Right(EVERYWHERE, "", "", "get", path="/metrics") in {need.right for need in found}


@pytest.mark.parametrize(
    ("bind", "to", "place"),
    [
        ("RoleBinding", "ClusterRole", "a"),
        ("ClusterRoleBinding", "ClusterRole", EVERYWHERE),
        ("RoleBinding", "Role", "a"),
    ],
)
def test_a_role_that_is_no_child_may_be_bound_by_its_name_alone(bind: str, to: str, place: str) -> None:
    found = needed(kind_of(DEPLOYMENT, binding(bind, to, "view")), mode=Mode(("a",)))
    assert rights(found, Purpose.BIND) == {(place, RBAC, f"{to.lower()}s", "bind", "view")}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"aggregationRule": {"clusterRoleSelectors": []}}, ""),
        ({}, "set: {spec.image: ClusterRole/reader rules.0.resourceNames.0}\n"),
    ],
)
def test_rights_that_nobody_knows_beforehand_need_escalation(change: dict[str, Any], text: str) -> None:
    reader = role("ClusterRole", "reader", {**READ_PODS, "resourceNames": ["x"]}, **change)
    found = needed(kind_of(reader, binding("RoleBinding", "ClusterRole", "reader"), text=text), mode=Mode(("a",)))
    assert rights(found, Purpose.ESCALATE) == allowed(EVERYWHERE, RBAC, "clusterroles", "escalate")
    assert rights(found, Purpose.BIND) == allowed("a", RBAC, "clusterroles", "bind"), "its name is not known, either"
    assert rights(found, Purpose.GIVEN) == set()


def test_a_role_that_keeps_its_name_is_escalated_by_it() -> None:
    reader = role("Role", "reader", aggregationRule={})
    kind = kind_of(reader, binding("RoleBinding", "Role", "reader"), text="names: keep\n")
    found = needed(kind, mode=Mode(("a",)))
    assert rights(found, Purpose.ESCALATE) == {("a", RBAC, "roles", "escalate", "reader")}
    assert rights(found, Purpose.BIND) == {("a", RBAC, "roles", "bind", "reader")}


@pytest.mark.parametrize(("names", "known"), [("prefix", False), ("keep", True)])
def test_the_name_of_a_child_in_a_role_follows_the_child(names: str, known: bool) -> None:
    """kustomize renames it; so who makes the role needs the right to all names."""
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["login", "others"], "verbs": ["get"]}
    found = needed(kind_of(role("Role", "r", rule), obj("Secret", name="login"), text=f"names: {names}\n"))
    own = ("", "", "secrets", "get")
    assert rights(found, Purpose.GIVEN) == {(*own, "others"), (*own, "login") if known else own}


def test_what_a_custom_resource_binds_nobody_knows_beforehand() -> None:
    kind = kind_of(
        binding("RoleBinding", "ClusterRole", "view"), text="set: {spec.image: RoleBinding/binding roleRef.name}\n"
    )
    assert rights(needed(kind), Purpose.BIND) == allowed("", RBAC, "clusterroles", "bind")


@pytest.mark.parametrize("rules", [[{}], ["x"], [{"verbs": 1}], 1])
def test_a_role_of_no_roles_shape_is_named(rules: Any) -> None:
    with pytest.raises(KindError, match=r"samples: Role/r: rules: is not of the shape"):
        needed(kind_of({**role("Role", "r"), "rules": rules}))


# --- rules -----------------------------------------------------------------------------------------------------------

GROUPS, RESOURCES, NAMES = ("", "apps"), ("pods", "pods/status", "deployments"), ("", "a", "b")
RIGHTS = st.builds(
    Right,
    st.just(EVERYWHERE),
    st.sampled_from(GROUPS),
    st.sampled_from(RESOURCES),
    st.sampled_from(("get", "list", "use", "escalate")),
    st.sampled_from(NAMES),
) | st.builds(
    Right,
    st.just(EVERYWHERE),
    st.just(""),
    st.just(""),
    st.sampled_from(("get", "post")),
    path=st.sampled_from(("/a", "/b")),
)
EVERY = [
    *(
        Right(EVERYWHERE, *each)
        for each in product(GROUPS, RESOURCES, ("get", "list", "use", "escalate"), ("", "a", "b", "c"))
    ),
    *(Right(EVERYWHERE, "", "", verb, path=path) for verb, path in product(("get", "post"), ("/a", "/b", "/c"))),
]


@given(st.sets(RIGHTS))
def test_merged_rules_give_these_rights_and_no_others(wanted: set[Right]) -> None:
    rules = rbac.merged(wanted)
    implied = {r for r in EVERY if r.name and Right(r.place, r.group, r.resource, r.verb) in wanted}
    assert {right for right in EVERY if any(rule.allows(right) for rule in rules)} == wanted | implied
    assert rules == rbac.merged(sorted(wanted, reverse=True))
    assert len({(rule.groups, rule.verbs, rule.names) for rule in rules}) == len(rules), "no two could be one"


def test_verbs_and_resources_are_joined_in_a_certain_order() -> None:
    wanted = [
        Right("", "apps", *each) for each in product(("statefulsets", "deployments"), ("patch", "use", "get", "list"))
    ]
    assert rbac.merged(wanted) == (Rule(("apps",), ("deployments", "statefulsets"), ("get", "list", "patch", "use")),)


def test_no_rule_says_what_an_earlier_one_has_said() -> None:
    pods = kind_of(obj("Pod"), DEPLOYMENT)
    names = kind_of(text="status: {podNames: Pod/* metadata.name}\n", plural="others")
    (found,) = rbac.sections(needed(pods, names)).values()
    assert Purpose.SEEN not in {section.purpose for section in found}
    (children,) = [section for section in found if section.purpose is Purpose.CHILDREN]
    assert children.kinds == ("others", "samples")


def test_what_holds_everywhere_is_not_said_again_in_a_namespace() -> None:
    kind = kind_of(role("ClusterRole", "c", {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}))
    assert set(rbac.sections(needed(kind, mode=Mode(("a",))))) == {EVERYWHERE}


@pytest.mark.parametrize(
    ("rule", "right", "expected"),
    [
        (Rule(("*",), ("*",), ("*",)), Right("", "a", "b/c", "d"), True),
        (Rule(("a",), ("b",), ("get",)), Right("", "a", "b", "get", "x"), True),
        (Rule(("a",), ("b",), ("get",)), Right("", "a", "b/status", "get"), False),
        (Rule(("a",), ("*/status",), ("get",)), Right("", "a", "b/status", "get"), True),
        (Rule(("a",), ("*/status",), ("get",)), Right("", "a", "b", "get"), False),
        (Rule(("a",), ("b",), ("get",), ("x",)), Right("", "a", "b", "get", "x"), True),
        (Rule(("a",), ("b",), ("get",), ("x",)), Right("", "a", "b", "get"), False),
        (Rule(("a",), ("b",), ("get",)), Right("", "a", "b", "*"), False),
        (Rule(("*",), ("*",), ("get",)), Right("", "", "", "get", path="/m"), False),
        (Rule(verbs=("get",), paths=("/m/*",)), Right("", "", "", "get", path="/m/n"), True),
        (Rule(verbs=("get",), paths=("/m/*",)), Right("", "", "", "get", path="/n"), False),
        (Rule(verbs=("get",), paths=("/m",)), Right("", "", "", "get", path="/m/n"), False),
        (Rule(verbs=("get",), paths=("*",)), Right("", "", "", "get", path="/m"), True),
        (Rule(verbs=("*",), paths=("*",)), Right("", "", "pods", "get"), False),
    ],
)
def test_what_a_rule_allows(rule: Rule, right: Right, expected: bool) -> None:
    assert rule.allows(right) is expected


# --- manifests -------------------------------------------------------------------------------------------------------


def manifests(*of: Kind, mode: Mode = ALL, subject: Subject = ACCOUNT) -> tuple[str, list[dict[str, Any]]]:
    text = rbac.manifests(needed(*of, mode=mode), mode, subject, "nuvop")
    return text, yamltext.load_all(text)


def test_the_manifests_say_what_the_rules_are() -> None:
    text, (role_, binding_) = manifests(kind_of(), mode=Mode(peering="mine"))
    assert (role_["kind"], role_["metadata"]["name"]) == ("ClusterRole", "nuvop")
    assert {
        "apiGroups": ["kopf.dev"],
        "resources": ["clusterkopfpeerings"],
        "resourceNames": ["mine"],
        "verbs": ["patch"],
    } in role_["rules"]
    assert binding_["roleRef"] == {"apiGroup": RBAC, "kind": "ClusterRole", "name": "nuvop"}
    assert binding_["subjects"] == [{"kind": "ServiceAccount", "name": "op", "namespace": "ops"}]
    assert "# The children of samples." in text
    assert max(map(len, text.splitlines())) <= 120


def test_the_manifests_give_the_rights_in_each_place() -> None:
    wanted = needed(
        kind_of(role("ClusterRole", "c", {"nonResourceURLs": ["/m"], "verbs": ["get"]}), DEPLOYMENT),
        mode=Mode(("a", "b")),
    )
    documents = yamltext.load_all(rbac.manifests(wanted, Mode(("a", "b")), ACCOUNT, "nuvop"))
    roles = [document for document in documents if "rules" in document]
    said = {
        document["metadata"].get("namespace", EVERYWHERE): rbac.reviewed(_review(document["rules"]))
        for document in roles
    }
    assert {document["kind"] for document in roles} == {"ClusterRole", "Role"}
    assert rbac.missing(wanted, {place: [*said[EVERYWHERE], *rules] for place, rules in said.items()}) == []
    assert {tuple(sorted(rules, key=str)) for place, rules in said.items() if place} == {
        tuple(sorted(said["a"], key=str))
    }


def _review(rules: list[dict[str, Any]]) -> dict[str, Any]:
    """A SelfSubjectRulesReview's status of who has these rules."""
    paths = [rule for rule in rules if "nonResourceURLs" in rule]
    return {"resourceRules": [rule for rule in rules if rule not in paths], "nonResourceRules": paths}


def test_operators_of_other_namespaces_have_other_names_for_what_they_have_outside() -> None:
    kind = kind_of(obj("StorageClass", "storage.k8s.io/v1"), DEPLOYMENT)
    for subject, name in ((Subject("nuvop", "team-a"), "nuvop:team-a"), (Subject("jane@example.org"), "nuvop:a")):
        _, documents = manifests(kind, mode=Mode(("a", "b")), subject=subject)
        names = [(document["kind"], document["metadata"]["name"]) for document in documents]
        outside, inside = (
            [("ClusterRole", name), ("ClusterRoleBinding", name)],
            [("Role", "nuvop"), ("RoleBinding", "nuvop")],
        )
        assert names == outside + inside + inside
        assert all(
            document["roleRef"]["name"] == document["metadata"]["name"]
            for document in documents
            if "roleRef" in document
        )


@pytest.mark.parametrize(
    ("subject", "name", "outside"),
    [
        (Subject("nuvop", "ops"), "nuvop:ops", "nuvop:ops"),
        (Subject("nuvop", "nuvop-system"), "nuvop", "nuvop:nuvop-system"),
        (Subject("jane"), "nuvop:user:jane", "nuvop:user:jane:jane"),
    ],
)
def test_what_is_called_after_its_namespace_is_so_once(subject: Subject, name: str, outside: str) -> None:
    """A user may run several operators, so what is called after him has the namespace behind it all the same."""
    assert subject.role == name
    kind = kind_of(obj("StorageClass", "storage.k8s.io/v1"), DEPLOYMENT)
    documents = list(
        yamltext.load_all(rbac.manifests(needed(kind, mode=Mode(("jane",))), Mode(("jane",)), subject, name))
    )
    assert [document["metadata"]["name"] for document in documents] == [outside, outside, name, name]


def test_each_role_names_the_kinds_that_are_served_and_no_others() -> None:
    """A child may be the role of another operator, so that nuvop has the same rights to that one's kinds."""
    others = [{"apiGroups": ["crew"], "resources": ["captains", "captains/status"], "verbs": ["get", "patch"]}]
    kind = kind_of(role("ClusterRole", "manager", *others), DEPLOYMENT)
    for mode, count in ((ALL, 1), (Mode(("a", "b")), 3)):
        roles = [each for each in manifests(kind, mode=mode)[1] if "rules" in each]
        assert [each["metadata"]["annotations"] for each in roles] == [
            {"nuvop.nuvolaris.org/kinds": "samples.nuvolaris.org"}
        ] * count


def test_a_user_is_bound_as_one() -> None:
    _, (_, binding_) = manifests(kind_of(), subject=Subject('jane: "x"'))
    assert binding_["subjects"] == [{"kind": "User", "apiGroup": RBAC, "name": 'jane: "x"'}]


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        (Subject("nuvop", "nuvop-system"), "nuvop"),
        (Subject("nuvop-team-a", "nuvop-system"), "nuvop-team-a"),
        (Subject("nuvop", "ops"), "nuvop:ops"),
        (Subject("jane@example.org"), "nuvop:user:jane@example.org"),
        (Subject("Jane Doe <jane@example.org>"), "nuvop:user:jane-doe-jane-example-org:9d52a40c"),
        (Subject("https://login.example.org#4711"), "nuvop:user:https-login-example-org-4711:06b650ec"),
    ],
)
def test_roles_are_called_after_whom_they_are_for(subject: Subject, name: str) -> None:
    assert subject.role == name


SUBJECTS = st.one_of(
    st.builds(Subject, st.text("a-.", min_size=1), st.sampled_from((rbac.HOME, "a", "user", "a-a", "a-nuvop-system"))),
    st.builds(Subject, st.text("aA-.:/ @", min_size=1)),
)


@given(SUBJECTS, SUBJECTS)
@example(Subject("nuvop-ops", rbac.HOME), Subject("nuvop", "ops"))
@example(Subject("nuvop-user-jane", rbac.HOME), Subject("jane"))
@example(Subject("jane-doe"), Subject("jane doe"))
def test_no_subjects_binding_takes_the_place_of_anothers(one: Subject, other: Subject) -> None:
    assert (one.role == other.role) == (one == other)


def test_a_name_is_never_more_than_a_name() -> None:
    """A CRD that no API server would take must not write rules."""
    evil = needed(kind_of())
    evil = [Need(need.right, need.purpose, "x\n  - apiGroups: ['*']") for need in evil]
    (role_, _) = yamltext.load_all(rbac.manifests(evil, ALL, ACCOUNT, "nuvop"))
    assert ["*"] not in [rule["apiGroups"] for rule in role_["rules"]]


# --- what is missing -------------------------------------------------------------------------------------------------


def test_what_no_rule_gives_is_missing() -> None:
    wanted = needed(kind_of(), mode=Mode(("a",)))
    rules = rbac.merged([need.right for need in wanted if need.purpose is not Purpose.STATUS])
    assert rbac.missing(wanted, {"a": rules}) == [need for need in wanted if need.purpose is Purpose.STATUS]
    assert rbac.missing(wanted, {"a": [Rule(("*",), ("*",), ("*",))]}) == []
    assert rbac.missing(wanted, {"a": []}) == wanted


def test_who_may_escalate_needs_no_rights_to_give() -> None:
    wanted = [need for need in needed(kind_of(role("Role", "r", READ_PODS))) if need.purpose is Purpose.GIVEN]
    assert len(rbac.missing(wanted, {EVERYWHERE: []})) == 2
    assert rbac.missing(wanted, {EVERYWHERE: [Rule((RBAC,), ("roles",), ("escalate",))]}) == []
    assert rbac.missing(wanted, {EVERYWHERE: [Rule((RBAC,), ("clusterroles",), ("escalate",))]}) == wanted


def test_rights_in_words() -> None:
    found = [
        *(Right(place, "apps", "deployments", verb) for place in ("b", "a") for verb in ("patch", "create")),
        Right("a", "apps", "deployments", "get"),
        Right(EVERYWHERE, "x.org", "xs/status", "patch"),
        Right(EVERYWHERE, "", "pods", "list"),
        Right(EVERYWHERE, "kopf.dev", "kopfpeerings", "patch", "mine"),
        Right(EVERYWHERE, "", "", "get", path="/metrics"),
    ]
    assert rbac.told(found) == (
        "get /metrics cluster-wide; get deployments.apps in a; create, patch deployments.apps in a and b; "
        "patch kopfpeerings.kopf.dev mine cluster-wide; list pods cluster-wide; patch xs.x.org/status cluster-wide"
    )
