from typing import Any

import pytest

from lab.bench import workload


def by_kind(name: str, count: object = 1) -> dict[str, dict[str, Any]]:
    return {obj["kind"]: obj for obj in workload.objects(name, count)}


def test_there_are_four_objects_of_four_kinds() -> None:
    assert set(by_kind("s-1")) == set(workload.CHILDREN)
    assert len(workload.objects("s-1")) == 4


def test_each_object_is_called_as_nuvop_would_call_it() -> None:
    assert {obj["metadata"]["name"] for obj in workload.objects("s-1")} == {"s-1-app"}


def test_references_follow_the_names() -> None:
    found = by_kind("s-1")
    pod = found["Deployment"]["spec"]["template"]
    assert pod["spec"]["serviceAccountName"] == "s-1-app"
    assert pod["spec"]["containers"][0]["envFrom"] == [{"configMapRef": {"name": "s-1-app"}}]


def test_the_pods_of_two_do_not_mix() -> None:
    found = by_kind("s-1")
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert labels == {"app": "s-1-app"}
    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels


def test_names_and_counts_may_be_expressions() -> None:
    found = by_kind("${name}", "${count}")
    assert found["Deployment"]["spec"]["replicas"] == "${count}"
    assert found["ConfigMap"]["metadata"]["name"] == "${name}-app"


def test_one_rendering_does_not_change_the_next() -> None:
    workload.objects("s-1", 7)
    assert by_kind("s-2")["Deployment"]["spec"]["replicas"] == 1


def test_names_are_as_many_as_asked_for() -> None:
    names = workload.names(1000)
    assert len(set(names)) == 1000
    assert names == sorted(names)


def cr(status: str = "True", generation: int = 3, **condition: Any) -> dict[str, Any]:
    return {
        "metadata": {"generation": generation},
        "status": {"conditions": [{"type": "Ready", "status": status, **condition}]},
    }


def test_ready_at_its_own_generation() -> None:
    assert workload.is_ready(cr(observedGeneration=3))
    assert not workload.is_ready(cr(observedGeneration=2))


def test_ready_without_a_generation() -> None:
    assert workload.is_ready(cr())


def test_the_generation_may_stand_in_the_status() -> None:
    old = cr()
    old["status"]["observedGeneration"] = 2
    assert not workload.is_ready(old)


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_not_ready(status: str) -> None:
    assert not workload.is_ready(cr(status, observedGeneration=3))


def test_without_a_status_not_ready() -> None:
    assert not workload.is_ready({"metadata": {"generation": 1}})


def deployment(**status: int) -> dict[str, Any]:
    whole = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    return {"metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": {**whole, **status}}


def test_a_deployment_that_runs_all_its_replicas_is_available() -> None:
    assert workload.is_available(deployment())


@pytest.mark.parametrize("field", ["observedGeneration", "replicas", "updatedReplicas", "availableReplicas"])
def test_a_deployment_with_less_is_not(field: str) -> None:
    assert not workload.is_available(deployment(**{field: 1}))
    without = deployment()
    del without["status"][field]
    assert not workload.is_available(without)


def test_a_deployment_that_has_yet_to_scale_up_is_not() -> None:
    assert not workload.is_available(deployment(replicas=1, updatedReplicas=1, availableReplicas=1))


def test_a_deployment_with_pods_of_an_old_revision_is_not() -> None:
    assert not workload.is_available(deployment(replicas=4))
