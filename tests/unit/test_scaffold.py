"""The files that a new kind gets, against Kubernetes' own schemas."""

from collections.abc import Iterator
from typing import Any

import pytest

from nuvop import fields, new_kind, openapi, scaffold, yamltext
from nuvop.kinds import NEVER_A_CHILD
from nuvop.new_kind import NewKind, TypeNames

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - name: main
        image: web:1
        imagePullPolicy: Always
        resources: {limits: {cpu: 1, memory: 64Mi}}
        env: [{name: LEVEL, value: "1"}]
---
"""


def made(text: str, *fields: str, names: TypeNames = TypeNames("example.com", "v1", "Web", "webs", "")) -> NewKind:  # noqa: B008
    kind = new_kind.understood(names, yamltext.load_all(text))
    return kind.with_fields(new_kind.wanted(kind, fields))


def crd(kind: NewKind) -> Any:
    return yamltext.load(scaffold.files(kind)["crd.yaml"])


def version(kind: NewKind) -> Any:
    return crd(kind)["spec"]["versions"][0]


def schema(kind: NewKind) -> Any:
    return version(kind)["schema"]["openAPIV3Schema"]


def of(text: str, target: str) -> Any:
    """The schema of the field that sets this one."""
    return schema(made(text, f"a={target}"))["properties"]["spec"]["properties"]["a"]


def document(kind: NewKind, name: str) -> Any:
    return yamltext.load(scaffold.files(kind)[name])


def test_volumes_stay() -> None:
    claim = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {}}"
    text = scaffold.files(made(WEB + claim))["kind.yaml"]
    assert "delete: # what stays when a CR is deleted, because data would be lost\n" in text
    assert yamltext.load(text)["delete"] == {"keep": ["PersistentVolumeClaim/data"]}
    assert "delete" not in document(made(WEB), "kind.yaml")


def workload(kind: str, name: str, labels: str) -> str:
    template = f"{{template: {{metadata: {{labels: {{{labels}}}}}}}}}"
    spec = f"{{jobTemplate: {{spec: {template}}}}}" if kind == "CronJob" else template
    group = "batch" if kind in ("Job", "CronJob") else "apps"
    return f"{{apiVersion: {group}/v1, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}\n---\n"


WEB_PODS, DB_PODS = workload("Deployment", "web", "app: shop, part: web"), workload("StatefulSet", "db", "part: db")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WEB_PODS + DB_PODS, "Pod/*"),
        (WEB_PODS + workload("CronJob", "x", "a: b"), "Pod/[app=shop]"),
        (WEB_PODS + workload("Job", "x", "app: shop"), "Pod/[part=web]"),
        (WEB_PODS + DB_PODS + workload("Job", "x", ""), ["Pod/[app=shop]", "Pod/[part=db]"]),
        (WEB_PODS + WEB_PODS.replace("web", "api") + workload("Job", "x", "part: job"), "Pod/[app=shop]"),
        # They cannot be told apart.
        (WEB_PODS + workload("Job", "x", "app: shop, part: web"), None),
        (WEB_PODS + DB_PODS + workload("Job", "x", "part: db"), None),
        (WEB_PODS + workload("DaemonSet", "x", "") + workload("Job", "x", ""), None),
        (workload("Job", "x", "part: db"), None),
    ],
)
def test_the_pods_of_jobs_are_not_the_workloads(text: str, expected: str | list[str] | None) -> None:
    found = document(made(text), "kind.yaml").get("status", {}).get("podNames")
    with_path = [f"{each} metadata.name" for each in expected] if isinstance(expected, list) else expected
    assert found == (f"{expected} metadata.name" if isinstance(expected, str) else with_path)


MAIN = "Deployment/web:spec.template.spec.containers.[name=main]"


def test_a_field_is_what_kubernetes_says_with_the_value_that_it_has() -> None:
    at = "spec.template.spec.containers.[name=main].imagePullPolicy"
    assert of(WEB, f"Deployment/web:{at}") == {
        "description": f"Image pull policy. Sets {at} of Deployment/web.",
        "type": "string",
        "enum": ["Always", "IfNotPresent", "Never"],
        "default": "Always",
    }


def test_a_description_does_not_begin_with_the_name_of_another_field() -> None:
    text = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {replicas: 3}}"
    field = of(text, "StatefulSet/db:spec.replicas")
    assert field["description"].startswith(
        "The desired number of replicas of the given Template. Sets spec.replicas of"
    )
    limits = of(WEB, f"{MAIN}.resources")["properties"]["limits"]
    assert limits["description"].startswith("The maximum amount of compute resources allowed.")


def test_all_targets_are_told() -> None:
    kind = made(WEB, f"a={MAIN}.image", "a=Deployment/web:metadata.labels.image")
    told = schema(kind)["properties"]["spec"]["properties"]["a"]["description"]
    assert told.endswith("containers.[name=main].image of Deployment/web and metadata.labels.image of Deployment/web.")


@pytest.mark.parametrize(
    ("target", "bounds"),
    [
        ("Deployment/web:spec.replicas", {"type": "integer", "minimum": 0, "default": 1}),
        ("Deployment/web:spec.minReadySeconds", {"type": "integer"}),
        ("Service/web:spec.ports.0.port", {"type": "integer", "minimum": 1, "maximum": 65535, "default": 80}),
        ("Service/web:spec.ports.0.nodePort", {"minimum": 0, "maximum": 65535}),
        ("Service/web:spec.type", {"enum": ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]}),
        ("CronJob/x:spec.schedule", {"type": "string", "minLength": 1, "default": "0 3 * * *"}),
        ("CronJob/x:spec.suspend", {"type": "boolean", "default": False}),
        ("ConfigMap/c:data.replicas", {"type": "string", "default": "3"}),
        ("ConfigMap/c:data.none", {"type": "string"}),
    ],
)
def test_bounds(target: str, bounds: dict[str, Any]) -> None:
    text = f"""{WEB}
{{apiVersion: v1, kind: Service, metadata: {{name: web}}, spec: {{ports: [{{port: 80}}]}}}}
---
{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: x}}, spec: {{schedule: "0 3 * * *", suspend: false}}}}
---
{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c}}, data: {{replicas: "3"}}}}
"""
    field = of(text, target)
    assert {name: value for name, value in field.items() if name not in ("description", "format")} == {
        "type": field["type"],
        **bounds,
    }


WIDGET = """
apiVersion: example.org/v1
kind: Widget
metadata: {name: w}
spec: {number: 100000, port: 0, host: "", replicas: -1}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {host: "", image: ""}}
"""


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        *((f"Widget/w:spec.{name}", ("integer", value)) for name, value in (("number", 100000), ("port", 0))),
        *((f"Widget/w:spec.{name}", of) for name, of in (("host", ("string", "")), ("replicas", ("integer", -1)))),
        *((f"ConfigMap/c:data.{name}", ("string", "")) for name in ("host", "image")),
    ],
)
def test_other_fields_that_are_called_as_kubernetes_own_have_no_bounds(target: str, expected: tuple[str, Any]) -> None:
    field = of(WIDGET, target)
    assert set(field) == {"description", "type", "default"}
    assert (field["type"], field["default"]) == expected


def test_the_port_of_a_backend_has_bounds() -> None:
    text = """
      apiVersion: networking.k8s.io/v1
      kind: Ingress
      metadata: {name: i}
      spec: {defaultBackend: {service: {name: a, port: {number: 80}}}, rules: [{host: a.example.com}]}
    """
    number = of(text, "Ingress/i:spec.defaultBackend.service.port.number")
    assert (number["minimum"], number["maximum"]) == (1, 65535)
    assert of(text, "Ingress/i:spec.rules.0.host")["minLength"] == 1


def test_an_object_has_its_value_as_default_and_nothing_that_is_of_no_use() -> None:
    field = of(WEB, f"{MAIN}.resources")
    assert list(field["properties"]) == ["limits", "requests"]
    assert field["default"] == {"limits": {"cpu": 1, "memory": "64Mi"}}
    quantity = field["properties"]["limits"]["additionalProperties"]
    assert quantity["x-kubernetes-int-or-string"] is True
    kind = made(WEB, f"a={MAIN}.resources")
    assert document(kind, "examples/web.yaml")["spec"] == {"a": field["default"]}


def test_what_nobody_could_read_is_left_open() -> None:
    """The API server checks it when it sees the child."""
    field = of(WEB, "Deployment/web:spec.template.spec")
    assert (field["type"], "properties" in field) == ("object", False)
    assert field["x-kubernetes-preserve-unknown-fields"] is True


def test_a_quantity_is_a_quantity_and_its_volume_is_for_ever() -> None:
    text = """
      apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: db}
      spec: {volumeClaimTemplates: [{metadata: {name: data}, spec: {resources: {requests: {storage: 10Gi}}}}]}
    """
    target = "StatefulSet/db:spec.volumeClaimTemplates.0.spec.resources.requests.storage"
    assert of(text, target) == {
        "description": (
            "How much storage is claimed, such as 10Gi. "
            "Sets spec.volumeClaimTemplates.0.spec.resources.requests.storage of StatefulSet/db."
        ),
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
        "pattern": scaffold.QUANTITY,
        "default": "10Gi",
        "x-kubernetes-validations": [
            {
                "rule": "self == oldSelf",
                "message": "spec.a cannot be changed: a StatefulSet keeps storage as it was made with",
            }
        ],
    }


@pytest.mark.parametrize(
    ("target", "is_immutable"),
    [
        ("PersistentVolumeClaim/x:spec.storageClassName", True),
        ("PersistentVolumeClaim/x:spec.resources.requests.storage", False),
        ("Job/x:spec.template.spec.containers.0.image", True),
        ("Job/x:spec.suspend", False),
        ("Job/again:spec.template.spec.containers.0.image", False),
    ],
)
def test_what_keeps_its_value_is_not_changed(target: str, is_immutable: bool) -> None:
    job = "{template: {spec: {containers: [{name: a, image: a}]}}}"
    text = f"""
{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: x}}, spec: {{}}}}
---
{{apiVersion: batch/v1, kind: Job, metadata: {{name: x}}, spec: {job}}}
---
apiVersion: batch/v1
kind: Job
metadata: {{name: again, annotations: {{nuvop.nuvolaris.org/recreate: "true"}}}}
spec: {job}
"""
    assert ("x-kubernetes-validations" in of(text, target)) is is_immutable


@pytest.mark.parametrize("field", ["stringData.password", "data.token"])
def test_nobody_reads_a_secret_in_a_crd(field: str) -> None:
    text = (
        "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {password: hidden}, data: {token: aGlkZGVu}}"
    )
    kind = made(text, f"a=Secret/s:{field}")
    assert schema(kind)["properties"]["spec"]["properties"]["a"] == {
        "description": f"Sets {field} of Secret/s, which stays as it is where this is left out.",
        "type": "string",
        "format": "password",
    }
    assert not any("hidden" in text or "aGlkZGVu" in text for text in scaffold.files(kind).values())
    assert [column["name"] for column in version(kind)["additionalPrinterColumns"]] == ["Ready", "Message", "Age"]
    assert document(kind, "examples/web.yaml")["spec"] == {}


def test_the_least_is_not_more_than_the_most() -> None:
    text = """
      apiVersion: autoscaling/v2
      kind: HorizontalPodAutoscaler
      metadata: {name: x}
      spec: {maxReplicas: 4}
    """
    kind = made(text, *(f"web.{name}=HorizontalPodAutoscaler/x:spec.{name}" for name in ("minReplicas", "maxReplicas")))
    spec = schema(kind)["properties"]["spec"]
    assert [rule["message"] for rule in spec["properties"]["web"]["x-kubernetes-validations"]] == [
        "minReplicas may not be more than maxReplicas"
    ]
    assert spec["properties"]["web"]["properties"]["minReplicas"]["default"] == 1
    assert "x-kubernetes-validations" not in spec


OPEN = {"x-kubernetes-preserve-unknown-fields": True}
GOES = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: zones.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Zone, plural: zones}
  versions:
  - name: v1
    schema: {openAPIV3Schema: {properties: {spec: {properties: {name: {type: string, pattern: '%s'}}}}}}
---
{apiVersion: example.org/v1, kind: Zone, metadata: {name: z}, spec: {name: abc}}
"""


@pytest.mark.parametrize("pattern", [r"\A[a-z]+\z", r"\pL+", "(?i"])
def test_a_regular_expression_that_only_go_knows(pattern: str) -> None:
    field = of(GOES % pattern, "Zone/z:spec.name")
    assert (field["pattern"], field["default"]) == (pattern, "abc")


CUSTOM = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: zones.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Zone, plural: zones}
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        properties:
          spec:
            properties:
              size: {description: How large it is., type: integer, maximum: 9, default: 5}
              storage: {description: How much., x-kubernetes-int-or-string: true}
---
{apiVersion: example.org/v1, kind: Zone, metadata: {name: z}, spec: {size: 3, list: [a]}}
---
apiVersion: example.net/v1
kind: Other
metadata: {name: o}
spec: {b: true, f: 1.5, list: [1], map: {a: 1}, mixed: [1, a], empty: []}
"""


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("Zone/z:spec.size", {"type": "integer", "maximum": 9, "default": 3}),
        ("Zone/z:spec.storage", {"x-kubernetes-int-or-string": True}),
        ("Other/o:spec.b", {"type": "boolean", "default": True}),
        ("Other/o:spec.f", {"type": "number", "default": 1.5}),
        ("Other/o:spec.list", {"type": "array", "items": {"type": "integer"}, "default": [1]}),
        ("Other/o:spec.map", {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "default": {"a": 1}}),
        ("Other/o:spec.none", {"type": "string"}),
        ("Other/o:spec.mixed", {"type": "array", "items": OPEN, "default": [1, "a"]}),
        ("Other/o:spec.empty", {"type": "array", "items": OPEN, "default": []}),
    ],
)
def test_custom_objects(target: str, expected: dict[str, Any]) -> None:
    """By the CRD that the folder brings, else by the value."""
    field = of(CUSTOM, target)
    assert f"Sets {target.partition(':')[2]} of {target.partition(':')[0]}" in field.pop("description")
    assert field == expected


def test_a_value_that_does_not_fit_is_no_default() -> None:
    """The API server would refuse the CRD."""
    field = of(CUSTOM.replace("size: 3", "size: 99"), "Zone/z:spec.size")
    assert "default" not in field
    assert field["description"].endswith("which stays as it is where this is left out.")


def test_columns_and_scale() -> None:
    kind = made(WEB, "size=Deployment/web:spec.replicas", f"web.image={MAIN}.image", f"pull={MAIN}.imagePullPolicy")
    columns = {column["name"]: column.get("priority", 0) for column in version(kind)["additionalPrinterColumns"]}
    assert columns == {"Size": 0, "Web image": 1, "Pull": 0, "Ready": 0, "Message": 0, "Age": 0}


def test_names_that_are_kept_have_no_rules_and_nothing_follows() -> None:
    webhook = "  conversion: {webhook: {clientConfig: {service: {name: hook}}}}\n  scope:"
    text = f"""{WEB.replace('value: "1"', "value: 'http://hook:443'")}
{{apiVersion: v1, kind: Service, metadata: {{name: hook, namespace: home}}}}
---
{CUSTOM.replace("  scope:", webhook)}
"""
    kind = made(text)
    assert document(kind, "kind.yaml")["names"] == "keep"
    assert "follow" not in document(kind, "kind.yaml")
    assert "x-kubernetes-validations" not in schema(kind)
    assert document(made(text.replace("name: hook}}}", "name: none}}}")), "kind.yaml")["follow"]


@pytest.mark.parametrize(("length", "name"), [(50, "example"), (58, "exam")])
def test_the_example_has_a_name_that_is_allowed(length: int, name: str) -> None:
    text = f"{{apiVersion: v1, kind: Service, metadata: {{name: {'x' * length}}}}}"
    assert document(made(text), "examples/web.yaml")["metadata"]["name"] == name


def faults(schema: dict[str, Any], at: str = "") -> Iterator[str]:
    """What keeps a schema from being structural
    (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema)."""
    is_open = "x-kubernetes-preserve-unknown-fields" in schema
    if not ("type" in schema or is_open or "x-kubernetes-int-or-string" in schema):
        yield f"{at}: no type"
    if schema.get("type") == "array" and ("items" not in schema or is_open):
        yield f"{at}: an array without items"
    if "properties" in schema and "additionalProperties" in schema:
        yield f"{at}: both properties and additionalProperties"
    for name, below in schema.get("properties", {}).items():
        yield from faults(below, f"{at}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from faults(schema[name], f"{at}.{name}")


KINDS = sorted(
    kind for kind in openapi.kinds() if kind[1] not in NEVER_A_CHILD and openapi.field(*kind, fields.parse("spec"))
)


@pytest.mark.parametrize(("api_version", "kind"), KINDS, ids=[f"{kind}-{of}" for of, kind in KINDS])
def test_any_field_of_kubernetes_makes_a_structural_schema(api_version: str, kind: str) -> None:
    """The API server refuses a CRD as a whole where one node of it has no type."""
    spec = openapi.field(api_version, kind, fields.parse("spec")) or {}
    members = [*spec.get("properties", {}), "template.spec", "template.spec.containers"]
    known = [name for name in members if openapi.field(api_version, kind, fields.parse(f"spec.{name}"))]
    text = yamltext.dump({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}})
    made_ = made(text, *(f"f{index}={kind}/x:spec.{name}" for index, name in enumerate(known)))
    assert list(faults(schema(made_))) == []
