"""Which fields are proposed for a base, and what they are called."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuvop import autoscaling, proposals, yamltext
from nuvop.kinds import Child


def children(text: str) -> list[Child]:
    return [Child(obj["apiVersion"], obj["kind"], obj["metadata"]["name"], obj) for obj in yamltext.load_all(text)]


def proposed(text: str) -> dict[str, Any]:
    """The proposals' names, and what each sets."""
    return {each.name: [str(target) for target in each.targets] for each in proposals.propose(children(text))}


def workload(name: str, containers: str = "[{name: main, image: a}]", kind: str = "Deployment", more: str = "") -> str:
    template = f"{{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: {containers}}}}}"
    spec = f"{{template: {template}{more}}}"
    return f"---\n{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}\n"


def service(name: str, app: str, port: int = 80, more: str = "") -> str:
    ports = f"[{{port: {port}, targetPort: http}}]"
    spec = f"{{selector: {{app: {app}}}, ports: {ports}{more}}}"
    return f"---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {spec}}}\n"


def test_one_workload() -> None:
    container = "Deployment/web spec.template.spec.containers.[name=main]"
    text = workload("web", "[{name: main, image: a, resources: {limits: {cpu: 1}}}]") + service("web-svc", "web")
    assert proposed(text) == {
        "replicas": ["Deployment/web spec.replicas"],
        "image": [f"{container}.image"],
        "resources": [f"{container}.resources"],
        "port": ["Service/web-svc spec.ports.0.port"],
    }


def test_a_rollout_of_argo() -> None:
    text = workload("web", kind="Rollout").replace("apps/v1", "argoproj.io/v1alpha1")
    assert list(proposed(text)) == ["replicas", "image"]


def test_of_several_workloads_each_has_members_of_its_own() -> None:
    text = (
        workload("shop-db-sts", kind="StatefulSet") + service("shop-database", "shop-db-sts")
        + workload("shop-web") + service("shop-web", "shop-web", 8080)
        + workload("shop-agent", kind="DaemonSet")
    )  # fmt: skip
    assert list(proposed(text)) == [
        *("agent.image",),
        *("db.replicas", "db.image", "db.port"),
        *("web.replicas", "web.image", "web.port"),
    ]


def test_what_is_no_workloads_is_a_member_only_among_others() -> None:
    claim = "---\n{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: %s}, spec: {}}\n"
    assert list(proposed(workload("a") + workload("b") + claim % "data"))[-1] == "storage"
    both = proposed(workload("a") + claim % "data" + claim % "logs-pvc")
    assert list(both) == ["replicas", "image", "data.storage", "logs.storage"]


def test_the_main_container_needs_no_name() -> None:
    two = "[{name: main, image: a}, {name: kube-rbac-proxy, image: b}]"
    assert list(proposed(workload("web", two))) == ["replicas", "main.image", "kubeRbacProxy.image"]
    assert list(proposed(workload("main", two))) == ["replicas", "image", "kubeRbacProxy.image"]
    annotated = workload("web", two).replace("metadata: {labels", (
        "metadata: {annotations: {kubectl.kubernetes.io/default-container: kube-rbac-proxy}, labels"
    ))  # fmt: skip
    assert list(proposed(annotated)) == ["replicas", "main.image", "image"]


def test_containers_of_one_image_are_one_field() -> None:
    beside = "[{name: migrate, image: a}, {name: x, image: y}]"
    containers = f"[{{name: main, image: a}}, {{name: worker, image: a}}], initContainers: {beside}"
    at = "Deployment/web spec.template.spec"
    assert proposed(workload("web", containers)) == {
        "replicas": ["Deployment/web spec.replicas"],
        "main.image": [
            f"{at}.containers.[name=main].image",
            f"{at}.containers.[name=worker].image",
            f"{at}.initContainers.[name=migrate].image",
        ],
    }


def test_a_container_may_be_called_as_the_workload_is_without_its_prefix() -> None:
    found = proposed(workload("shop-web", "[{name: web, image: a}, {name: exporter, image: b}]"))
    assert list(found) == ["replicas", "image", "exporter.image"]
    both = proposed(workload("a-b", "[{name: b, image: a}, {name: a-b, image: b}]"))
    assert set(both) == {"replicas", "image", "b.image"}


def test_side_cars_of_one_name_are_two_fields() -> None:
    two = "[{name: main, image: a}, {name: proxy, image: %s}]"
    found = proposed(workload("a", two % "proxy:1") + workload("b", two % "proxy:2"))
    assert [name for name in found if "proxy" in name] == ["a.proxy.image", "b.proxy.image"]


def test_an_autoscaler_has_the_replicas() -> None:
    autoscaler = """---
      apiVersion: autoscaling/v2
      kind: HorizontalPodAutoscaler
      metadata: {name: scaler}
      spec: {scaleTargetRef: {kind: Deployment, name: web}, maxReplicas: 3}
    """
    assert list(proposed(workload("web") + autoscaler)) == ["minReplicas", "maxReplicas", "image"]
    both = proposed(workload("web") + workload("db") + autoscaler)
    assert list(both) == ["db.replicas", "db.image", "web.minReplicas", "web.maxReplicas", "web.image"]
    assert list(proposed(autoscaler)) == ["minReplicas", "maxReplicas"]


def test_kedas_autoscaler() -> None:
    scaler = """---
      apiVersion: keda.sh/v1alpha1
      kind: ScaledObject
      metadata: {name: scaler}
      spec: {scaleTargetRef: {name: web}, maxReplicaCount: 3}
    """
    found = proposed(workload("web") + scaler)
    assert list(found) == ["minReplicas", "maxReplicas", "image"]
    assert found["minReplicas"] == ["ScaledObject/scaler spec.minReplicaCount"]


@pytest.mark.parametrize(
    ("kind", "annotations", "names"),
    [
        ("batch/v1 Job", "", []),
        ("batch/v1 Job", "nuvop.nuvolaris.org/recreate: 'true'", ["image", "resources"]),
        ("apps/v1 DaemonSet", "", ["image", "resources"]),
        ("apps/v1 ReplicaSet", "", ["replicas", "image", "resources"]),
    ],
)
def test_what_cannot_be_changed_later_is_not_proposed(kind: str, annotations: str, names: list[str]) -> None:
    api_version, name = kind.split()
    spec = "{template: {spec: {containers: [{name: a, image: a, resources: {limits: {cpu: 1}}}]}}}"
    metadata = f"{{name: x, annotations: {{{annotations}}}}}"
    assert list(proposed(f"{{apiVersion: {api_version}, kind: {name}, metadata: {metadata}, spec: {spec}}}")) == names


def test_a_pod() -> None:
    pod = (
        "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: a, image: a, resources: {b: 1}}]}}"
    )
    assert proposed(pod) == {"image": ["Pod/x spec.containers.[name=a].image"]}


def test_a_cron_job() -> None:
    job = "{template: {spec: {containers: [{name: a, image: a}]}}}"
    spec = f"{{schedule: '* * * * *', jobTemplate: {{spec: {job}}}}}"
    text = f"{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: x}}, spec: {spec}}}"
    assert proposed(text) == {
        "image": ["CronJob/x spec.jobTemplate.spec.template.spec.containers.[name=a].image"],
        "schedule": ["CronJob/x spec.schedule"],
    }


def test_volumes() -> None:
    one = ", volumeClaimTemplates: [{metadata: {name: data}}"
    storage = "StatefulSet/db spec.volumeClaimTemplates.%s.spec.resources.requests.storage"
    assert proposed(workload("db", kind="StatefulSet", more=f"{one}]"))["storage"] == [storage % 0]
    two = proposed(workload("db", kind="StatefulSet", more=f"{one}, {{metadata: {{name: port}}}}]"))
    assert (two["data.storage"], two["portPart.storage"]) == ([storage % 0], [storage % 1])


INGRESS = """---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  tls: [{hosts: [b.example.com, a.example.com]}]
  defaultBackend: {service: {name: other, port: {number: 80}}}
  rules:
  - {host: a.example.com, http: {paths: [{backend: {service: {name: web, port: {number: 80}}}}]}}
  - {host: b.example.com, http: {paths: [{backend: {service: {name: web, port: {name: http}}}}]}}
  - {}
"""


def test_hosts_and_the_port_behind_them() -> None:
    found = proposed(workload("web") + service("web", "web") + INGRESS)
    assert found["port"] == [
        "Service/web spec.ports.0.port",
        "Ingress/web spec.rules.0.http.paths.0.backend.service.port.number",
    ]
    assert found["host"] == ["Ingress/web spec.rules.0.host", "Ingress/web spec.tls.0.hosts.1"]
    assert found["host2"] == ["Ingress/web spec.rules.1.host", "Ingress/web spec.tls.0.hosts.0"]
    one = INGRESS.replace("b.example.com", "a.example.com")
    assert len(proposed(workload("web") + one)["host"]) == 4
    names = "commonName: a.example.com, dnsNames: [c.example.com, a.example.com]"
    certificate = f"{{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {{name: c}}, spec: {{{names}}}}}"
    assert proposed(f"{workload('web')}{INGRESS}---\n{certificate}")["host"] == [
        *found["host"],
        "Certificate/c spec.dnsNames.1",
        "Certificate/c spec.commonName",
    ]


WEBHOOK = """---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: w}
webhooks: [{clientConfig: {service: {name: web}}}]
"""


@pytest.mark.parametrize(
    ("more", "base"),
    [
        (", clusterIP: None", ""),
        (", type: ExternalName", ""),
        ("", workload("b", "[{name: b, image: b, args: ['http://web:80/']}]")),
        ("", workload("b", "[{name: b, image: b, args: ['http://web.{namespace}.svc:80/']}]")),
        # Who names no port knows it all the same.
        ("", workload("b", "[{name: b, image: b, args: ['http://web/']}]")),
        ("", workload("b", "[{name: b, image: b, env: [{name: WEB_HOST, value: web}]}]")),
        ("", WEBHOOK),
    ],
)
def test_a_port_that_is_named_elsewhere_is_not_proposed(more: str, base: str) -> None:
    assert not [name for name in proposed(workload("web") + service("web", "web", more=more) + base) if "port" in name]


@pytest.mark.parametrize(("ports", "names"), [("", []), (", targetPort: 80", ["port"]), (", targetPort: a", ["port"])])
def test_a_port_that_is_the_pods_too_is_not_proposed(ports: str, names: list[str]) -> None:
    """Without a targetPort the pods would have to listen at it."""
    text = workload("web") + service("web", "web").replace(", targetPort: http", ports)
    assert [name for name in proposed(text) if "port" in name] == names


def test_several_services_of_one_workload() -> None:
    for prefix in ("", "my-"):
        manager = f"{prefix}manager"
        names = (f"{manager}-metrics-service", f"{prefix}webhook-service")
        text = workload(manager) + "".join(service(name, manager) for name in names)
        assert list(proposed(text)) == ["replicas", "image", "metrics.port", "webhook.port"]


NAME = st.one_of(
    st.sampled_from(["port", "image", "replicas", "host", "web", "web-deployment", "3scale", "a-image", "a-port"]),
    st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=6).filter(
        lambda name: name[0] != "-" and name[-1] != "-"
    ),
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Deployment", "StatefulSet", "PersistentVolumeClaim", "Service", "Ingress"]),
            NAME,
            st.lists(st.tuples(NAME, st.sampled_from("ab")), min_size=1, max_size=3, unique_by=lambda pair: pair[0]),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda each: each[:2],
    )
)
def test_names_are_fields_whatever_the_children_are_called(
    given_: list[tuple[str, str, list[tuple[str, str]]]],
) -> None:
    base = []
    for kind, name, containers in given_:
        spec = {
            "selector": {"app": name},
            "ports": [{"port": 80, "targetPort": 8080}],
            "rules": [{"host": f"{container}.example.com"} for container, _ in containers],
            "volumeClaimTemplates": [{"metadata": {"name": container}} for container, _ in containers],
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": container, "image": image} for container, image in containers]},
            },
        }
        api_version = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "Ingress": "networking.k8s.io/v1"}.get(
            kind, "v1"
        )
        base.append(
            Child(
                api_version,
                kind,
                name,
                {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec},
            )
        )
    found = proposals.propose(base)
    names = [each.name for each in found]
    assert len(set(names)) == len(names)
    for name in names:
        assert all(part[0].isalpha() and part[0].islower() and part.isalnum() for part in name.split(".")), name
        assert not any(other.startswith(f"{name}.") for other in names), names
    targets = [target for each in found for target in each.targets]
    assert len(set(map(str, targets))) == len(targets), "one field of a child, one field of the resource"


def test_keda_has_the_replicas() -> None:
    """Its object says nothing of a kind where it means a Deployment."""
    target = "scaleTargetRef: {name: web}"
    scaled = f"{{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {{name: s}}, spec: {{{target}}}}}"
    both = f"{workload('web')}---\n{scaled}"
    found = children(both)
    assert autoscaling.autoscaler_of(found[0], found) == found[1]
    assert list(proposed(both)) == ["minReplicas", "maxReplicas", "image"]
