"""Where a base names its own children in texts."""

from collections.abc import Iterator
from typing import Any

import pytest

from nuvop import fields, follow, yamltext
from nuvop.kinds import OUTSIDE, Child

BASE = """
apiVersion: v1
kind: Service
metadata: {name: api, namespace: home}
spec: {selector: {app: api}, ports: [{name: api, port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: home, labels: {app: db}}
spec: {serviceName: db}
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: home}
stringData: {url: "http://api/"}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: ca, namespace: home}
---
"""

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: home}
spec: {template: {spec: {containers: [{name: api, %s}]}}}
"""
CONTAINER = "Deployment/web spec.template.spec.containers.[name=api]"


def mentions(text: str) -> list[str]:
    return [f"{child} {fields.readable(child.body, at)}" for child, at in follow.mentions(list(children(text)))]


def children(text: str) -> Iterator[Child]:
    for obj in yamltext.load_all(BASE + text):
        namespace = OUTSIDE if "namespace" not in obj["metadata"] else None
        yield Child(obj["apiVersion"], obj["kind"], obj["metadata"]["name"], obj, namespace)


def test_a_base_alone_names_nobody() -> None:
    """Neither a port's name, a selector nor serviceName, which kustomize renames, nor what a Secret holds."""
    assert mentions("") == []


@pytest.mark.parametrize(
    ("container", "at"),
    [
        ("env: [{name: API_HOST, value: api}]", "env.[name=API_HOST].value"),
        ("env: [{name: API, value: api}]", "env.[name=API].value"),
        ("env: [{name: PEER, value: 'api:80'}]", "env.[name=PEER].value"),
        ("command: [api, run, api], args: [api, --role=api]", None),
        ("command: [api, --upstream, api]", "command.2"),
        ("args: [--upstream, api]", "args.1"),
        ("env: [{name: ROLE, value: api}, {name: DB_CONNECTION, value: db}]", None),
        ("command: [api, -c, api.conf]", None),
        ("command: ['api:80']", None),
        ("command: [sh, -c, exec api]", None),
        ("command: [app], args: [api, --mode, db]", None),
        ("args: [--db-host, db]", "args.1"),
        ("command: [nc, -z], args: [db, '5432']", "args.0"),
        ("args: ['--image=db:16']", None),
        ("args: [--verbose, '--api=http://api']", "args.1"),
        ("command: [sh, -c, 'until nslookup db-0.db; do sleep 1; done']", "command.2"),
        ("readinessProbe: {exec: {command: [pg_isready, -h, db]}}", "readinessProbe.exec.command.2"),
        ("livenessProbe: {httpGet: {host: api}}", "livenessProbe.httpGet.host"),
        ("startupProbe: {tcpSocket: {host: api}}", "startupProbe.tcpSocket.host"),
        (
            "livenessProbe: {httpGet: {httpHeaders: [{name: Host, value: api.home.svc}]}}",
            "livenessProbe.httpGet.httpHeaders.[name=Host].value",
        ),
        ("lifecycle: {preStop: {exec: {command: [curl, 'http://api/bye']}}}", "lifecycle.preStop.exec.command.1"),
        ("image: api, args: [serve], env: [{name: PUBLIC, value: 'https://api.example.com'}]", None),
        ("volumeMounts: [{name: db, mountPath: /api}]", None),
    ],
)
def test_texts_of_a_container(container: str, at: str | None) -> None:
    assert mentions(DEPLOYMENT % container) == ([f"{CONTAINER}.{at}"] if at else [])


POD = "{metadata: {annotations: {peer: 'db:5432'}}, spec: {initContainers: [{name: x, args: [-h, db]}]}}"


@pytest.mark.parametrize(
    ("kind", "spec", "at"),
    [
        ("batch/v1 Job", f"{{template: {POD}}}", "spec.template"),
        ("apps/v1 DaemonSet", f"{{template: {POD}}}", "spec.template"),
        ("apps/v1 ReplicaSet", f"{{template: {POD}}}", "spec.template"),
        ("batch/v1 CronJob", f"{{jobTemplate: {{spec: {{template: {POD}}}}}}}", "spec.jobTemplate.spec.template"),
    ],
)
def test_whatever_makes_pods(kind: str, spec: str, at: str) -> None:
    api_version, name = kind.split()
    obj = f"{{apiVersion: {api_version}, kind: {name}, metadata: {{name: x, namespace: home}}, spec: {spec}}}"
    assert mentions(obj) == [
        f"{name}/x {at}.spec.initContainers.[name=x].args.1",
        f"{name}/x {at}.metadata.annotations.peer",
    ]


def test_a_base_without_a_namespace_is_in_the_default_one() -> None:
    service: dict[str, Any] = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api"}}
    annotations = {"a": "default/api", "b": "other/api"}
    ingress: dict[str, Any] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"annotations": annotations},
    }
    base = [Child(obj["apiVersion"], obj["kind"], "api", obj) for obj in (service, ingress)]
    assert [str(at) for _, at in follow.mentions(base)] == ["metadata.annotations.a"]


def test_a_pod() -> None:
    metadata, container = "{name: x, namespace: home}", "{name: x, args: ['--host=db']}"
    pod = f"{{apiVersion: v1, kind: Pod, metadata: {metadata}, spec: {{containers: [{container}]}}}}"
    assert mentions(pod) == ["Pod/x spec.containers.[name=x].args.0"]


@pytest.mark.parametrize(
    ("annotation", "is_one"),
    [
        ("http://api.home.svc.cluster.local/auth", True),
        ("api:80", True),
        ("home/login", True),  # as ingress-nginx's auth-secret
        ("away/login", False),
        ("login", False),
        ("api", False),  # rather a word than a name
        ("the api, and a db.", False),
        ("https://api.example.com", False),
    ],
)
def test_annotations(annotation: str, is_one: bool) -> None:
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "home", "annotations": {"example.org/a": annotation}},
        "spec": {"rules": [{"host": "api.example.com"}]},
    }
    assert mentions(yamltext.dump(ingress)) == (["Ingress/web metadata.annotations.[example.org/a]"] if is_one else [])


def test_outside_of_namespaces_the_base_has_the_namespace_of_most() -> None:
    """As in a kubebuilder project, where cert-manager is told whose certificate to inject."""
    webhooks = """
      apiVersion: admissionregistration.k8s.io/v1
      kind: ValidatingWebhookConfiguration
      metadata: {name: w, annotations: {cert-manager.io/inject-ca-from: home/ca}}
      webhooks: [{clientConfig: {url: "https://api:443/validate"}}]
    """
    assert mentions(webhooks) == [
        "ValidatingWebhookConfiguration/w webhooks.0.clientConfig.url",
        "ValidatingWebhookConfiguration/w metadata.annotations.[cert-manager.io/inject-ca-from]",
    ]


@pytest.mark.parametrize(
    ("kind", "data", "at"),
    [
        ("ConfigMap", "data: {nginx.conf: 'upstream a { server api:80; }'}", "data.[nginx.conf]"),
        ("ConfigMap", "data: {host: api}", "data.host"),
        ("ConfigMap", "data: {a: 'some words'}", None),
        ("ConfigMap", "data: {nginx.conf: 'user  api;'}", None),
        ("ConfigMap", "data: {role: api, api: api}", None),
        ("ConfigMap", "data: {nginx.conf: 'server api;'}", "data.[nginx.conf]"),
        ("Service", "spec: {type: ExternalName, externalName: api.home.svc.cluster.local}", "spec.externalName"),
        ("Service", "spec: {type: ExternalName, externalName: api.example.com}", None),
    ],
)
def test_other_kinds_of_kubernetes(kind: str, data: str, at: str | None) -> None:
    text = f"{{apiVersion: v1, kind: {kind}, metadata: {{name: x, namespace: home}}, {data}}}"
    assert mentions(text) == ([f"{kind}/x {at}"] if at else [])


@pytest.mark.parametrize(
    ("spec", "at"),
    [
        ({"dnsNames": ["api.home.svc", "x"]}, "dnsNames.0"),
        ({"issuerRef": {"kind": "Issuer", "name": "ca"}}, "issuerRef.name"),
        ({"issuerRef": {"kind": "ClusterIssuer", "name": "ca"}}, None),
        ({"backendRefs": [{"name": "api", "port": 80}]}, "backendRefs.[name=api].name"),
        ({"routes": [{"services": [{"name": "api", "port": 80}]}]}, "routes.0.services.[name=api].name"),
        ({"secretName": "login"}, "secretName"),
        ({"secretName": "api"}, None),
        ({"http": [{"route": [{"destination": {"host": "api"}}]}]}, "http.0.route.0.destination.host"),
        ({"hosts": ["api"]}, "hosts.0"),
        ({"hosts": ["api.example.com"]}, None),
        ({"selector": {"matchLabels": {"app": "api"}}}, None),
        ({"endpoints": [{"port": "api"}]}, None),
        ({"name": "api"}, None),
        ({"url": "http://api"}, "url"),
    ],
)
def test_custom_objects(spec: dict[str, Any], at: str | None) -> None:
    """kustomize knows nothing of them, so every text counts."""
    obj = {"apiVersion": "example.org/v1", "kind": "Any", "metadata": {"name": "x", "namespace": "home"}, "spec": spec}
    assert mentions(yamltext.dump(obj)) == ([f"Any/x spec.{at}"] if at else [])


def test_an_annotation_of_a_custom_object_is_named_once() -> None:
    metadata = {"name": "x", "namespace": "home", "annotations": {"a": "api:80"}}
    obj = {"apiVersion": "example.org/v1", "kind": "Any", "metadata": metadata, "status": {"url": "http://api"}}
    assert mentions(yamltext.dump(obj)) == ["Any/x metadata.annotations.a"]


def test_who_calls_a_service() -> None:
    """Also without a port: what it is then is known to the caller alone."""
    route = {"apiVersion": "example.org/v1", "kind": "Route", "metadata": {"name": "r", "namespace": "home"}}
    text = yamltext.dump({**route, "spec": {"backendRefs": [{"name": "api", "port": 80}]}})
    base = list(children(f"{DEPLOYMENT % 'env: [{name: API_HOST, value: api}, {name: PEER, value: db}]'}\n---\n{text}"))
    assert [str(child) for child in follow.callers(base[0], base)] == ["Deployment/web", "Route/r"]
    assert not list(follow.callers(base[0], base[:-2]))


CERTIFICATE = """
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web, namespace: home}
spec: {secretName: web-tls, dnsNames: [web.example.com]}
---
"""
IN_CERTIFICATE = "Certificate/web spec.secretName"


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ("apps/v1 Deployment {template: {spec: {volumes: [{name: t, secret: {secretName: web-tls}}]}}}",
         "spec.template.spec.volumes.[name=t].secret.secretName"),
        ("v1 Pod {volumes: [{name: t, projected: {sources: [{secret: {name: web-tls}}]}}]}",
         "spec.volumes.[name=t].projected.sources.0.secret.[name=web-tls].name"),
        ("v1 Pod {initContainers: [{name: a, envFrom: [{secretRef: {name: web-tls}}]}]}",
         "spec.initContainers.[name=a].envFrom.0.secretRef.name"),
        ("v1 Pod {containers: [{name: a, env: [{name: B, valueFrom: {secretKeyRef: {name: web-tls}}}]}]}",
         "spec.containers.[name=a].env.[name=B].valueFrom.secretKeyRef.name"),
        ("networking.k8s.io/v1 Ingress {tls: [{hosts: [web.example.com], secretName: web-tls}]}",
         "spec.tls.0.secretName"),
        ("cert-manager.io/v1 Issuer {ca: {secretName: web-tls}}", "spec.ca.secretName"),
        ("example.org/v1 Gateway {certificateRefs: [{kind: Secret, name: web-tls}]}",
         "spec.certificateRefs.[name=web-tls].name"),
        ("v1 Pod {volumes: [{name: t, secret: {secretName: other}}]}", ""),
        ("v1 Pod {containers: [{name: web-tls, args: [web-tls]}]}", ""),
        ("example.org/v1 Any {url: 'http://web-tls', name: web-tls, title: web-tls}", ""),
    ],
)  # fmt: skip
def test_a_secret_that_a_certificate_makes_follows_with_those_that_read_it(more: str, at: str) -> None:
    api_version, kind, spec = more.split(" ", 2)
    text = f"{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: x, namespace: home}}, spec: {spec}}}"
    expected = [IN_CERTIFICATE, f"{kind}/x {at.replace('.[name=web-tls].name', '.name')}"] if at else []
    found = [each.replace(".[name=web-tls].name", ".name") for each in mentions(CERTIFICATE + text)]
    assert found == expected


def test_a_secret_that_an_annotation_names_with_its_namespace_follows() -> None:
    hook = """
      apiVersion: admissionregistration.k8s.io/v1
      kind: ValidatingWebhookConfiguration
      metadata: {name: h, annotations: {cert-manager.io/inject-ca-from-secret: home/web-tls}}
    """
    assert mentions(CERTIFICATE + hook) == [
        IN_CERTIFICATE,
        "ValidatingWebhookConfiguration/h metadata.annotations.[cert-manager.io/inject-ca-from-secret]",
    ]


def test_a_secret_of_the_base_is_kustomizes() -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: home}, spec: {volumes: [%s]}}"
    text = CERTIFICATE.replace("web-tls", "login") + pod % "{name: t, secret: {secretName: login}}"
    assert mentions(text) == [IN_CERTIFICATE], "in a custom object it is not"


MONITOR = """
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: m, namespace: %s}
spec: {namespaceSelector: {matchNames: [%s]}, selector: {matchLabels: {app: api}}}
"""


@pytest.mark.parametrize(
    ("monitor", "is_one"),
    [
        (MONITOR % ("home", "home"), True),
        (MONITOR % ("home", "monitoring"), False),
        (MONITOR % ("home", "default"), False),
    ],
)
def test_the_namespace_of_the_base_in_a_custom_object(monitor: str, is_one: bool) -> None:
    expected = ["ServiceMonitor/m spec.namespaceSelector.matchNames.0"] if is_one else []
    assert mentions(monitor) == expected


def test_elsewhere_the_namespace_of_the_base_is_that_of_most() -> None:
    (monitor,) = yamltext.load_all(MONITOR % ("monitoring", "home, monitoring"))
    elsewhere = Child(monitor["apiVersion"], monitor["kind"], "m", monitor, "monitoring")
    found = list(follow.mentions([*children(""), elsewhere]))
    assert [str(at) for _, at in found] == ["spec.namespaceSelector.matchNames.0"]


def test_the_namespace_of_the_base_in_a_container_and_a_subject() -> None:
    binding = """
      ---
      apiVersion: rbac.authorization.k8s.io/v1
      kind: RoleBinding
      metadata: {name: b, namespace: home}
      subjects: [{kind: ServiceAccount, name: api}, {kind: User, name: "system:serviceaccount:home:default"}]
    """.replace("\n      ", "\n")
    text = DEPLOYMENT % "env: [{name: NAMESPACE, value: home}], args: [--namespace, home]"
    base = list(children(text + binding))
    assert [f"{child} {fields.readable(child.body, at)}" for child, at in follow.mentions(base)] == [
        f"{CONTAINER}.env.[name=NAMESPACE].value",
        f"{CONTAINER}.args.1",
        "RoleBinding/b subjects.[name=system:serviceaccount:home:default].name",
    ]
    assert list(follow.callers(base[0], base)) == [], "nobody calls api"


def test_a_webhook_of_a_crd_needs_its_service() -> None:
    crd = {"spec": {"conversion": {"webhook": {"clientConfig": {"service": {"name": "api"}}}}}}
    base = list(children(""))
    assert [str(child) for child in follow.needed_by(crd, base)] == ["Service/api"]
    assert list(follow.needed_by({"spec": {"conversion": {"strategy": "None"}}}, base)) == []


HOME = "metadata: {name: x, namespace: home"
NETWORK = "apiVersion: networking.k8s.io/v1"
SLICE = "apiVersion: discovery.k8s.io/v1, kind: EndpointSlice"
POD_NAME = "statefulset.kubernetes.io/pod-name"
STRIMZI = "apiVersion: kafka.strimzi.io/v1"
CLUSTER = "metadata.labels.[strimzi.io/cluster]"
OF_HOME = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: home}}"


@pytest.mark.parametrize(
    ("manifest", "at"),
    [
        (
            f"{NETWORK}, kind: Ingress, {HOME}, annotations: {{cert-manager.io/issuer: ca}}}}",
            "metadata.annotations.[cert-manager.io/issuer]",
        ),
        (
            f"apiVersion: v1, kind: Secret, {HOME}, annotations: {{kubernetes.io/service-account.name: sa}}}}",
            "metadata.annotations.[kubernetes.io/service-account.name]",
        ),
        (
            "apiVersion: v1, kind: PersistentVolume, metadata: {name: x}, spec: {claimRef: {name: pvc}}",
            "spec.claimRef.name",
        ),
        (
            f"{SLICE}, {HOME}, labels: {{kubernetes.io/service-name: api}}}}",
            "metadata.labels.[kubernetes.io/service-name]",
        ),
        (
            f"apiVersion: v1, kind: Service, {HOME}}}, spec: {{selector: {{{POD_NAME}: db-0}}}}",
            f"spec.selector.[{POD_NAME}]",
        ),
        (
            f"{NETWORK}, kind: NetworkPolicy, {HOME}}}, spec: {{ingress: [{{from: [{{{OF_HOME}}}]}}]}}",
            "spec.ingress.0.from.0.namespaceSelector.matchLabels.[kubernetes.io/metadata.name]",
        ),
        (f"apiVersion: v1, kind: Pod, {HOME}}}, spec: {{serviceAccount: sa}}", "spec.serviceAccount"),
        (f"{STRIMZI}, kind: KafkaTopic, {HOME}, labels: {{strimzi.io/cluster: mine}}}}", CLUSTER),
        (f"{STRIMZI}, kind: KafkaNodePool, {HOME}, labels: {{strimzi.io/cluster: mine}}}}", CLUSTER),
        (
            f"apiVersion: v1, kind: Service, {HOME}}}, spec: {{selector: {{prometheus: mine}}}}",
            "spec.selector.prometheus",
        ),
    ],
)
def test_fields_that_name_an_object(manifest: str, at: str) -> None:
    """kustomize renames none of them; of objects of others nothing is renamed."""
    others = (
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: sa, namespace: home}}\n---\n"
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: pvc, namespace: home}}\n---\n"
        "{apiVersion: kafka.strimzi.io/v1, kind: Kafka, metadata: {name: mine, namespace: home}}\n---\n"
        "{apiVersion: monitoring.coreos.com/v1, kind: Prometheus, metadata: {name: mine, namespace: home}}\n---\n"
    )
    manifest = f"{{{manifest}}}"
    (found,) = mentions(others + manifest)
    assert found.endswith(f" {at}")
    strangers = (
        manifest.replace(": mine}", ": other}")
        .replace(": sa}", ": other}")
        .replace(": pvc}", ": other}")
        .replace(": ca}", ": other}")
    )
    strangers = strangers.replace("-name: api}", "-name: other}").replace(": db-0}", ": other-0}")
    assert mentions(others + strangers.replace("metadata.name: home", "metadata.name: other")) == []


def test_the_secret_of_an_external_secret() -> None:
    maker = (
        "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: fetch, namespace: home}, "
        "spec: {target: {name: fetched}}}\n---\n"
    )
    reader = DEPLOYMENT % "envFrom: [{secretRef: {name: fetched}}]"
    assert sorted(mentions(maker + reader)) == [
        f"{CONTAINER}.envFrom.0.secretRef.name",
        "ExternalSecret/fetch spec.target.name",
    ]
    assert mentions(
        maker.replace("spec: {target: {name: fetched}}", "spec: {}") + reader.replace("fetched", "fetch")
    ) == [f"{CONTAINER}.envFrom.0.secretRef.name"]


ROLLOUT = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: r, namespace: home}
spec:
  strategy: %s
  template:
    spec:
      containers: [{name: c, command: [api], args: [--db-host, %s]}]
      volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: works, namespace: home}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: home}
"""


@pytest.mark.parametrize(
    ("strategy", "at"),
    [
        ("{canary: {stableService: api, canaryService: other}}", "canary.stableService"),
        ("{canary: {canaryService: api}}", "canary.canaryService"),
        ("{blueGreen: {activeService: api}}", "blueGreen.activeService"),
        ("{blueGreen: {previewService: api}}", "blueGreen.previewService"),
        ("{canary: {trafficRouting: {nginx: {stableIngress: web}}}}", "canary.trafficRouting.nginx.stableIngress"),
        ("{canary: {trafficRouting: {alb: {rootService: api}}}}", "canary.trafficRouting.alb.rootService"),
        (
            "{canary: {steps: [{analysis: {templates: [{templateName: works}]}}]}}",
            "canary.steps.0.analysis.templates.0.templateName",
        ),
        (
            "{blueGreen: {prePromotionAnalysis: {templates: [{templateName: works}]}}}",
            "blueGreen.prePromotionAnalysis.templates.0.templateName",
        ),
        ("{canary: {stableService: web}}", None),
        ("{canary: {stableMetadata: {labels: {service: api}}}}", None),
    ],
)
def test_what_a_rollout_of_argo_names(strategy: str, at: str | None) -> None:
    expected = [f"Rollout/r spec.strategy.{at}"] if at else []
    assert mentions(ROLLOUT % (strategy, "other")) == expected


def test_the_pods_of_a_rollout_are_looked_into_once() -> None:
    claim = "\n---\n{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: home}}"
    assert sorted(mentions(ROLLOUT % ("{}", "db") + claim)) == [
        "Rollout/r spec.template.spec.containers.[name=c].args.1",
        "Rollout/r spec.template.spec.volumes.[name=v].persistentVolumeClaim.claimName",
    ]


@pytest.mark.parametrize(
    ("target", "is_one"),
    [
        ("{apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: r}", True),
        ("{apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: other}", False),
        ("{apiVersion: apps/v1, kind: StatefulSet, name: db}", False),  # kustomize renames it
    ],
)
def test_what_an_autoscaler_scales(target: str, is_one: bool) -> None:
    autoscaler = (
        "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: x, namespace: home}, "
        f"spec: {{scaleTargetRef: {target}}}}}\n---\n"
    )
    expected = (
        ["HorizontalPodAutoscaler/x spec.scaleTargetRef.[name=r].name".replace("[name=r].", "")] if is_one else []
    )
    assert mentions(autoscaler + ROLLOUT % ("{}", "other")) == expected


@pytest.mark.parametrize(
    ("rule", "at"),
    [
        ("apiGroups: [''], resources: [services], resourceNames: [other, api]", "1"),
        ("apiGroups: [''], resources: [endpoints], resourceNames: [api]", "0"),  # which are called as their Service
        ("apiGroups: [apps], resources: [deployments, statefulsets/scale], resourceNames: [db]", "0"),
        ("apiGroups: ['*'], resources: ['*'], resourceNames: [db]", "0"),
        ("apiGroups: [cert-manager.io], resources: [issuers], resourceNames: [ca]", "0"),
        ("apiGroups: [''], resources: [secrets], resourceNames: [web-tls]", "0"),  # which the Certificate makes
        ("apiGroups: [''], resources: [secrets], resourceNames: [login]", None),  # kustomize renames it
        ("apiGroups: [''], resources: [configmaps], resourceNames: [api]", None),
        ("apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [api]", None),
        ("apiGroups: [example.org], resources: [services], resourceNames: [api]", None),
        ("apiGroups: [''], resources: [services]", None),
        ("nonResourceURLs: [/metrics]", None),
    ],
)
@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_the_names_in_a_role(kind: str, rule: str, at: str | None) -> None:
    metadata = "{name: r, namespace: home}" if kind == "Role" else "{name: r}"
    role = f"{{apiVersion: rbac.authorization.k8s.io/v1, kind: {kind}, metadata: {metadata}, rules: [{{{rule}}}]}}"
    found = [line for line in mentions(CERTIFICATE + role) if not line.startswith("Certificate")]
    assert found == ([f"{kind}/r rules.0.resourceNames.{at}"] if at else [])


def test_a_role_of_another_namespace_is_for_others() -> None:
    rules = [{"apiGroups": [""], "resources": ["services"], "resourceNames": ["api"]}]
    api_version = "rbac.authorization.k8s.io/v1"
    body = {"apiVersion": api_version, "kind": "Role", "metadata": {"name": "r", "namespace": "away"}, "rules": rules}
    role = Child(api_version, "Role", "r", body, "away")
    assert list(follow.mentions([*children(""), role])) == []


@pytest.mark.parametrize(
    ("container", "at"),
    [
        ("command: [kubectl, rollout, restart, statefulset/db]", "command.3"),
        ("command: [kubectl], args: [get, svc, api]", "args.2"),
        ("image: 'bitnami/kubectl:1.30', args: [scale, --replicas=0, sts/db, -n, home]", "args.2 args.4"),
        ("command: [kubectl], args: [get, svc, api, -n, other]", None),
        ("command: [sh, -c, 'kubectl -n home delete svc api']", "command.2"),
        ("command: [sh, -c, 'kubectl delete deploy api']", None),
    ],
)
def test_what_kubectl_is_told_in_a_container(container: str, at: str | None) -> None:
    assert mentions(DEPLOYMENT % container) == [f"{CONTAINER}.{each}" for each in (at or "").split()]


def test_what_kubectl_is_told_in_a_script() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: home}\ndata: {run.sh: kubectl get sts/db}\n"
    assert mentions(text) == ["ConfigMap/x data.[run.sh]"]


def test_a_middleware_of_traefik() -> None:
    text = """
      apiVersion: traefik.io/v1alpha1
      kind: Middleware
      metadata: {name: strip, namespace: home}
      ---
      apiVersion: networking.k8s.io/v1
      kind: Ingress
      metadata:
        name: web
        namespace: home
        annotations: {traefik.ingress.kubernetes.io/router.middlewares: "auth@file,home-strip@kubernetescrd"}
    """.replace("\n      ", "\n")
    assert mentions(text) == ["Ingress/web metadata.annotations.[traefik.ingress.kubernetes.io/router.middlewares]"]


KAFKA = "{apiVersion: kafka.strimzi.io/v1, kind: Kafka, metadata: {name: mine, namespace: home}}\n---\n"
CANARY = (
    "{apiVersion: flagger.app/v1beta1, kind: Canary, metadata: {name: x, namespace: home}, "
    "spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}%s}}\n---\n"
)


@pytest.mark.parametrize(
    ("maker", "address", "is_one"),
    [
        (KAFKA, "mine-kafka-bootstrap:9092", True),
        (KAFKA, "mine-kafka-brokers.home.svc:9092", True),
        (KAFKA, "other-kafka-bootstrap:9092", False),
        (CANARY % "", "http://shop-canary.home:80/", True),
        (CANARY % "", "http://shop/", True),
        (CANARY % ", service: {name: front}", "http://front-primary/", True),
        (CANARY % ", service: {name: front}", "http://shop-primary/", False),
        ("", "http://shop-canary.home:80/", False),
    ],
)
def test_a_service_that_an_operator_makes(maker: str, address: str, is_one: bool) -> None:
    found = [line for line in mentions(maker + DEPLOYMENT % f"args: ['{address}']") if line.startswith("Deployment")]
    assert found == ([f"{CONTAINER}.args.0"] if is_one else [])


def test_the_secret_of_a_user_of_kafka() -> None:
    user = "{apiVersion: kafka.strimzi.io/v1, kind: KafkaUser, metadata: {name: me, namespace: home}, spec: {}}\n---\n"
    assert mentions(user + DEPLOYMENT % "envFrom: [{secretRef: {name: me}}]") == [
        f"{CONTAINER}.envFrom.0.secretRef.name"
    ]


def words(text: str) -> list[str]:
    base = list(children(text))
    found = follow.words(base, follow.mentions(base))
    return [f"{word.child} {fields.readable(word.child.body, word.at)} {word.named}" for word in found]


@pytest.mark.parametrize(
    ("container", "at"),
    [
        ("env: [{name: PRIMARY_SVC, value: api}]", "env.[name=PRIMARY_SVC].value"),
        ("env: [{name: SERVICE_NAME, value: api}]", "env.[name=SERVICE_NAME].value"),
        ("args: [--service, api]", "args.1"),
        ("args: [--service=api]", "args.0"),
        ("env: [{name: FIRST, value: db-0}]", "env.[name=FIRST].value"),
        ("env: [{name: FIRST, value: api-0}]", None),
        ("command: [run, api]", "command.1"),
        # What is certain is told otherwise.
        ("env: [{name: API_HOST, value: api}]", None),
        ("args: ['http://api/']", None),
        # Nothing but a part of it, or a program.
        ("env: [{name: X, value: api-2}]", None),
        ("env: [{name: X, value: the api}]", None),
        ("command: [api]", None),
        # What it is called by is no host.
        ("env: [{name: APP_ROLE, value: api}]", None),
        ("env: [{name: DB_USER, value: api}]", None),
        ("env: [{name: DB_CONNECTION, value: api}]", None),
        ("env: [{name: POSTGRES_DB, value: api}]", None),
        ("env: [{name: OTEL_SERVICE_NAME, value: api}]", None),
        ("args: [--mode=api]", None),
        ("args: [--log-level, api]", None),
        # A Secret or an Issuer is named elsewhere.
        ("env: [{name: X, value: ca}]", None),
    ],
)
def test_a_word_that_is_a_childs_name(container: str, at: str | None) -> None:
    named = "StatefulSet/db" if "db-0" in container else "Service/api"
    assert words(DEPLOYMENT % container) == ([f"{CONTAINER}.{at} {named}"] if at else [])


@pytest.mark.parametrize(
    ("service", "is_one"),
    [
        ("{metadata: {name: own, namespace: home}, spec: {selector: {app: web}}}", False),
        ("{metadata: {name: own, namespace: home}, spec: {selector: {app: db}}}", True),
        ("{metadata: {name: own, namespace: home}, spec: {}}", True),
    ],
)
def test_a_program_may_be_told_what_it_is_called_itself(service: str, is_one: bool) -> None:
    text = f"---\n{service[:-1]}, apiVersion: v1, kind: Service}}\n---{DEPLOYMENT % 'args: [run, own]'}"
    text = text.replace("{template: {spec", "{template: {metadata: {labels: {app: web}}, spec")
    assert words(text) == [f"{CONTAINER}.args.1 Service/own"] * is_one


def test_a_word_in_a_config_map() -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: home}, data: {primary: %s, user: api}}"
    assert words(text % "api") == ["ConfigMap/x data.primary Service/api"]
    assert words(text % "'server = api'") == []


@pytest.mark.parametrize(
    ("rule", "is_one"),
    [
        ('up{job="api"} == 0', True),
        ('up{namespace="home",service=~"api"} == 0', True),
        ('kube_statefulset_replicas{statefulset="db"}', True),
        ('up{container="api"}', False),
        ('up{app="api"}', False),
        ('up{job="api-2"}', False),
        ('up{job="http://api/"}', False),
    ],
)
@pytest.mark.parametrize("of", ["ConfigMap", "PrometheusRule"])
def test_an_objects_name_in_what_prometheus_is_asked(rule: str, is_one: bool, of: str) -> None:
    obj: dict[str, Any] = {"apiVersion": "v1", "kind": of, "metadata": {"name": "x", "namespace": "home"}}
    if of == "ConfigMap":
        obj["data"] = {"rules.yaml": f"expr: {rule}\n"}
    else:
        obj |= {"apiVersion": "monitoring.coreos.com/v1", "spec": {"groups": [{"rules": [{"expr": rule}]}]}}
    assert [word.split()[0] for word in words(yamltext.dump(obj))] == [f"{of}/x"] * is_one


@pytest.mark.parametrize("rules", ["5", "x", "[null]", "[{resources: 5}]", "[{resources: [null], apiGroups: [null]}]"])
def test_a_role_that_is_none_names_nobody(rules: str) -> None:
    """That the API server does not take it is told elsewhere."""
    assert (
        mentions(f"{{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {{name: r}}, rules: {rules}}}")
        == []
    )


def test_a_long_word_before_a_text_takes_no_time() -> None:
    """It took minutes: the time grew with the square of its length."""
    container = f"args: [{'a' * 200_000}!, api]"
    base = list(children(DEPLOYMENT % container))
    assert [str(word.named) for word in follow.words(base, follow.mentions(base))] == ["Service/api"]


CERTGEN = """
apiVersion: batch/v1
kind: Job
metadata: {name: make, namespace: home}
spec: {template: {spec: {containers: [{name: c, image: "%s", args: [create, %s]}]}}}
---
"""
ARGUMENT = "Job/make spec.template.spec.containers.[name=c].args"
READER = """
apiVersion: v1
kind: Pod
metadata: {name: x, namespace: home}
spec: {volumes: [{name: v, secret: {secretName: %s}}]}
"""
IMAGE = "registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1"


@pytest.mark.parametrize(
    ("image", "arguments", "secret", "at"),
    [
        (IMAGE, "--secret-name=made", "made", "1"),
        (IMAGE, "--secret-name, made", "made", "2"),
        (IMAGE, "--secret-name=made", "other", ""),
        ("example.org/kube-webhook-certgen-2:v1", "--secret-name=made", "made", ""),
        (IMAGE, "--secret-name", '""', ""),
        (IMAGE, "--secret-name=", '""', ""),
    ],
)
def test_a_secret_that_a_program_makes(image: str, arguments: str, secret: str, at: str) -> None:
    expected = [f"{ARGUMENT}.{at}", "Pod/x spec.volumes.[name=v].secret.secretName"] if at else []
    assert mentions(CERTGEN % (image, arguments) + READER % secret) == expected


@pytest.mark.parametrize(
    ("image", "arguments", "secret", "is_one"),
    [
        ("example.org/any", "--secret-name=made", "made", True),
        ("example.org/any", "--tls-secret-name, made", "made", True),
        ("example.org/any", "--secret-name=made", "other", False),
        ("example.org/any", "--secret-name=login", "login", False),
        ("example.org/any", "--name=made", "made", False),
        (IMAGE, "--secret-name=made", "made", False),
    ],
)
def test_a_secret_that_a_job_may_make(image: str, arguments: str, secret: str, is_one: bool) -> None:
    found = follow.may_be_made(list(children(CERTGEN % (image, arguments) + READER % secret)))
    assert [(str(child), name) for child, _, name in found] == [("Job/make", "made")] * is_one


@pytest.mark.parametrize(
    "containers", ["x", "[x]", "{a: b}", "[{args: x, image: [a]}]", "[{args: [{a: b}, --secret-name]}]"]
)
def test_a_job_whose_containers_are_none(containers: str) -> None:
    job = f"spec: {{template: {{spec: {{containers: {containers}}}}}}}"
    text = f"{{apiVersion: batch/v1, kind: Job, metadata: {{name: x, namespace: home}}, {job}}}"
    assert mentions(text) == []
    assert list(follow.may_be_made(list(children(text)))) == []
