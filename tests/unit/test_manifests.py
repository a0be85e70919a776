"""What the API server does not take as an object of one of Kubernetes' own kinds."""

import pytest

from nuvop import manifests, openapi, yamltext
from nuvop.manifests import Nature

VERSION = openapi.version()


def told(text: str, name: str = "x-web") -> list[str]:
    (document,) = yamltext.load_all(text)
    flaws = [flaw for flaw in manifests.flaws(document, name) if flaw.nature is not Nature.LACK]
    return [f"{'.'.join(map(str, flaw.at))}: {flaw.message}" for flaw in flaws]


def deployment(spec: str = "{}", pod: str = "{containers: [{name: web, image: web}]}") -> str:
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, creationTimestamp: null, annotations: {{any.thing: x}}}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  strategy: {spec}
  template:
    metadata: {{creationTimestamp: null, labels: {{app: web}}}}
    spec: {pod}
status: {{}}
"""


STATEFUL = """apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: data}
      spec: {resources: {requests: {storage: 1Gi}}}
      status: {}
"""
REVISION = "{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: a}, data: {any: {thing: 1}}}"
RULE = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: 'A:b'}, rules: []}"


@pytest.mark.parametrize(
    "text",
    [
        deployment("{rollingUpdate: {maxSurge: 25%, maxUnavailable: 1}}"),
        deployment("{rollingUpdate: null}"),
        deployment(pod="{containers: [{name: web, resources: {limits: {cpu: 0.5, memory: 1Gi}}}], volumes: null}"),
        STATEFUL,
        REVISION,
        RULE,
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a.b}, data: {any: 'yes', empty: null}}",
        "{apiVersion: example.org/v1, kind: Deployment, metadata: {name: Web}, spec: {replica: 2}}",
        "{apiVersion: resource.k8s.io/v1beta1, kind: ResourceClaim, metadata: {name: a}}",
        "{apiVersion: storage.k8s.io/v1beta1, kind: Novel, metadata: {name: a}}",
        "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: a}}",
    ],
)
def test_what_it_takes(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            deployment("{rollingUpdat: {maxSurge: 1}}"),
            f"spec.strategy.rollingUpdat: a Deployment has no such field (Kubernetes {VERSION}): write `rollingUpdate`",
        ),
        (deployment("{type: 1}"), 'spec.strategy.type: 1 must be a text, so write it in quotes: "1"'),
        (deployment("[a]"), "spec.strategy: the value must be a mapping"),
        (
            deployment(pod="{containers: [{name: web, env: [{name: PORT, value: 80}]}]}"),
            'spec.template.spec.containers.0.env.0.value: 80 must be a text, so write it in quotes: "80"',
        ),
        (
            deployment(pod="{containers: [{name: web, env: [{name: ON, value: true}]}]}"),
            'spec.template.spec.containers.0.env.0.value: True must be a text, so write it in quotes: "true"',
        ),
        (
            deployment(pod="{containers: [{name: Web}]}"),
            "spec.template.spec.containers.0.name: 'Web' must be lower-case letters, digits and hyphens, 63 at most",
        ),
        (
            deployment(pod="{volumes: [{name: a_b}]}"),
            "spec.template.spec.volumes.0.name: 'a_b' must be lower-case letters, digits and hyphens, 63 at most",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {port: 80}}",
            'data.port: 80 must be a text, so write it in quotes: "80"',
        ),
        (
            "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {pin: 4711}}",
            "stringData.pin: the value must be a text",
        ),
        ("{apiVersion: v1, kind: Deployment}", "apiVersion: 'v1' must be 'apps/v1' for a Deployment"),
        (
            "{apiVersion: extensions/v1beta1, kind: Ingress}",
            "apiVersion: 'extensions/v1beta1' must be 'networking.k8s.io/v1' for an Ingress",
        ),
        ("{apiVersion: batch/v1beta1, kind: CronJob}", "apiVersion: 'batch/v1beta1' must be 'batch/v1' for a CronJob"),
        (
            "{apiVersion: policy/v1beta1, kind: PodDisruptionBudget}",
            "apiVersion: 'policy/v1beta1' must be 'policy/v1' for a PodDisruptionBudget",
        ),
        (
            "{apiVersion: autoscaling/v2beta2, kind: HorizontalPodAutoscaler}",
            "apiVersion: 'autoscaling/v2beta2' must be 'autoscaling/v2' for a HorizontalPodAutoscaler",
        ),
        (
            "{apiVersion: apps/v1, kind: Deploymnet}",
            f"kind: apps/v1 has no Deploymnet (Kubernetes {VERSION}): write `Deployment`",
        ),
    ],
)
def test_what_it_does_not_take(text: str, said: str) -> None:
    (found,) = told(text)
    assert found.startswith(said)


@pytest.mark.parametrize(
    ("kind", "name", "is_wrong"),
    [
        ("v1 ConfigMap", "a.b-c", False),
        ("v1 ConfigMap", "x-Web", True),
        ("v1 ConfigMap", "x_web", True),
        ("apps/v1 Deployment", "x-", True),
        ("v1 Service", "x-1", False),
        ("v1 Service", "1", True),
        ("v1 Service", "a.b", True),
        ("v1 Namespace", "1", False),
        ("v1 Namespace", "a.b", True),
        ("rbac.authorization.k8s.io/v1 Role", "system:A", False),
    ],
)
def test_names(kind: str, name: str, is_wrong: bool) -> None:
    api_version, _, word = kind.partition(" ")
    found = told(f"{{apiVersion: {api_version}, kind: {word}}}", name)
    assert [line.startswith(f"metadata.name: {name!r} must be lower-case letters") for line in found] == [
        True
    ] * is_wrong


def test_a_workload_selects_its_own_pods() -> None:
    said = "spec.selector.matchLabels.app: 'web' has to stand in spec.template.metadata.labels, too"
    assert told(deployment().replace("labels: {app: web}}", "labels: {app: wrong}}")) == [said]
    assert told(deployment().replace(", labels: {app: web}}", "}")) == [said]
    assert told(deployment().replace("matchLabels: {app: web}", "matchExpressions: []")) == []


def test_what_is_mounted_is_a_volume() -> None:
    mounts = "volumeMounts: [{name: data, mountPath: /data}, {name: more, mountPath: /more}]"
    pod = f"{{initContainers: [{{name: a, {mounts}}}], volumes: [{{name: more, emptyDir: {{}}}}], containers: []}}"
    at = "spec.template.spec.initContainers.0.volumeMounts.0.name"
    assert told(deployment(pod=pod)) == [f"{at}: 'data' is none of the pod's volumes"]
    claimed = f"{STATEFUL}  template: {{spec: {pod}}}\n"
    assert told(claimed) == []
