"""Where the instance label goes."""

from typing import Any

import pytest

from nuvop import labelling

LABEL = "[nuvop.nuvolaris.org/instance]"
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}
SELECTOR = {"matchLabels": {"app": "web"}}


def rollout(spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "web"}, "spec": spec}


def test_a_rollout_of_argo_is_a_workload() -> None:
    body = rollout({"selector": SELECTOR, "template": TEMPLATE})
    assert list(map(str, labelling.template_paths(body))) == [f"spec.template.metadata.labels.{LABEL}"]
    assert list(map(str, labelling.selector_paths(body, [], [], "demo"))) == [f"spec.selector.matchLabels.{LABEL}"]
    assert list(labelling.template_labels(body)) == [{"app": "web"}]


@pytest.mark.parametrize("selector", [{}, {"selector": SELECTOR}])
def test_one_that_takes_the_pods_of_a_deployment_has_none_of_its_own(selector: dict[str, Any]) -> None:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = rollout({**selector, "workloadRef": reference})
    assert list(labelling.template_paths(body)) == []
    assert list(labelling.selector_paths(body, [], [], "demo")) == []
    assert labelling.pods_at(body) is None
