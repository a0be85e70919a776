"""Which fields are proposed of custom objects."""

from typing import Any

import pytest

from nuvop import custom_proposals, yamltext
from nuvop.kinds import Child


def proposed(text: str, schemas: Any = None) -> dict[str, Any]:
    """The proposals' names, and what each sets."""
    base = [Child(obj["apiVersion"], obj["kind"], obj["metadata"]["name"], obj) for obj in yamltext.load_all(text)]
    return {
        each.name: [str(target) for target in each.targets] for each in custom_proposals.propose(base, schemas or {})
    }


def cluster(spec: str, kind: str = "Kafka", name: str = "my") -> str:
    return f"---\n{{apiVersion: example.org/v1, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}\n"


def test_plain_values_are_fields_where_they_stand() -> None:
    spec = "{version: '4', tls: true, kafka: {replicas: 3, storage: {size: 1Gi}}, hosts: [a, b]}"
    assert proposed(cluster(spec)) == {
        "version": ["Kafka/my spec.version"],
        "tls": ["Kafka/my spec.tls"],
        "kafka.replicas": ["Kafka/my spec.kafka.replicas"],
        "kafka.storage.size": ["Kafka/my spec.kafka.storage.size"],
        "hosts": ["Kafka/my spec.hosts"],
    }


@pytest.mark.parametrize(
    "spec",
    [
        "{}",
        # What says which object is meant, or which are.
        "{issuerRef: {name: ca, kind: Issuer, group: x}, secretName: a, serviceAccountName: b}",
        "{selector: {matchLabels: {app: web}}, template: {metadata: {labels: {a: b}}}, nodeSelector: {a: b}}",
        "{storage: {type: jbod}}",
        "{target: {apiVersion: apps/v1, kind: Deployment, name: web, namespace: x}}",
        # What has no name of its own, or one that a field cannot have.
        "{listeners: [{port: 9092}], config: {offsets.topic.replication.factor: 1, min-isr: 2}, list: [], X: 1}",
        # A text of several lines is a script.
        '{script: "a\\nb\\n"}',
        "{deep: {a: {b: {c: {d: 1}}}}}",
        "{nothing: null}",
    ],
)
def test_what_is_none(spec: str) -> None:
    assert proposed(cluster(spec)) == {}


def test_what_names_a_child_stays() -> None:
    web = "{apiVersion: v1, kind: Service, metadata: {name: web}}\n"
    found = proposed(web + cluster("{url: 'http://web/', hosts: [a, 'web.default.svc'], size: 1}"))
    assert list(found) == ["size"]


def test_each_of_several_objects_has_members_of_its_own() -> None:
    text = cluster("{replicas: 1}", name="shop-kafka") + cluster("{replicas: 1}", "KafkaTopic", "shop-orders")
    assert proposed(text + cluster("{}", "KafkaUser", "shop-me")) == {
        "kafka.replicas": ["Kafka/shop-kafka spec.replicas"],
        "orders.replicas": ["KafkaTopic/shop-orders spec.replicas"],
    }


CONFIG_MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: my}, data: {a: b}, spec: {a: 1}}"


def test_kubernetes_own_kinds_are_none() -> None:
    assert proposed(CONFIG_MAP) == {}


SPEC = {
    "type": "object",
    "properties": {
        "size": {"type": "integer", "minimum": 1},
        "mode": {"type": "string"},
        "other": {"type": "object", "properties": {"a": {"type": "string"}}},
    },
}
SCHEMAS = {("example.org/v1", "Kafka"): {"type": "object", "properties": {"spec": SPEC}}}


def test_only_what_the_crd_knows() -> None:
    assert list(proposed(cluster("{size: 1, unknown: 2, other: {a: b}}"), SCHEMAS)) == ["size", "other.a"]


def test_of_an_object_without_values_those_that_its_crd_has() -> None:
    """As kubebuilder's samples, of which the CRD tells all."""
    assert list(proposed(cluster("{}"), SCHEMAS)) == ["size", "mode"]
