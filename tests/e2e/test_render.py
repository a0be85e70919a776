"""``nuvop render`` prints what the operator applies: byte for byte, and by the API server's own book of it."""

import json
import subprocess
from typing import Any

import pytest

from nuvop import yamltext
from nuvop.objects import OWNER_LABEL, REVISION_LABEL, group_of, labels_of
from tests.conftest import Start
from tests.e2e.conftest import Run
from tests.e2e.harness import PROGRAMS, Kubectl
from tests.e2e.test_plan import GOLDEN_KINDS, applied, examples_of, installed

NO_UID = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize("name", GOLDEN_KINDS)
def test_what_is_rendered_is_what_was_applied(kubectl: Kubectl, operator: Start, nuvop: Run, name: str) -> None:
    kinds = {"NUVOP_KINDS": str(GOLDEN_KINDS[name])}
    with installed(kubectl, GOLDEN_KINDS[name]) as plural:
        examples = examples_of(GOLDEN_KINDS[name], kubectl.namespace, "r")
        kubectl.apply(*examples)
        running = operator(**kinds)
        for example in examples:
            at = f"{plural}/{example['metadata']['name']}"
            applied(kubectl, at)
            cr = kubectl.get(at)
            rendered = nuvop("render", "-f", "-", stdin=json.dumps(cr), **kinds)
            assert (rendered.returncode, rendered.stderr) == (0, "")
            overlay = running.generated / plural.partition(".")[0] / kubectl.namespace / cr["metadata"]["name"]
            build = [PROGRAMS / "kubectl", "kustomize", overlay]
            assert rendered.stdout == subprocess.run(build, capture_output=True, text=True, check=True).stdout
            objects = yamltext.load_all(rendered.stdout)
            assert objects
            for rendered_object in objects:
                assert_applied(kubectl, cr, rendered_object)
            # From the file, which has neither the uid nor the defaults.
            uid = cr["metadata"]["uid"]
            again = nuvop("render", "-f", "-", "--uid", uid, stdin=json.dumps(example), **kinds)
            assert again.stdout == rendered.stdout
            without = nuvop("render", "-f", "-", stdin=json.dumps(example), **kinds)
            assert without.stdout == rendered.stdout.replace(uid, NO_UID)


def assert_applied(kubectl: Kubectl, cr: dict[str, Any], rendered: dict[str, Any]) -> None:
    """nuvop's entry in the live object's managedFields covers what was rendered, no more and no less; so do values."""
    metadata = rendered["metadata"]
    group, version = group_of(rendered["apiVersion"]), rendered["apiVersion"].rpartition("/")[2]
    what = (
        f"{rendered['kind']}.{version}.{group}/{metadata['name']}"
        if group
        else f"{rendered['kind']}/{metadata['name']}"
    )
    beside = Kubectl(kubectl.kubeconfig, metadata.get("namespace", kubectl.namespace))
    live = json.loads(beside("get", what, "-o", "json", "--show-managed-fields"))
    assert labels_of(live)[REVISION_LABEL] == labels_of(rendered)[REVISION_LABEL] == cr["status"]["lastAppliedRevision"]
    assert labels_of(live)[OWNER_LABEL] == cr["metadata"]["uid"]
    entries = live["metadata"]["managedFields"]
    (entry,) = [entry for entry in entries if (entry["manager"], entry["operation"]) == ("nuvop", "Apply")]
    assert entry["apiVersion"] == rendered["apiVersion"]
    named = {key: value for key, value in metadata.items() if key not in ("name", "namespace")}
    given = {**{key: value for key, value in rendered.items() if key not in ("apiVersion", "kind")}, "metadata": named}
    compare(entry["fieldsV1"], given, live, what)


def compare(tree: dict[str, Any], rendered: Any, live: Any, at: str) -> None:
    """https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management"""
    below = {part: tree_ for part, tree_ in tree.items() if part != "."}
    if not below:
        # The end of the tree: a value, or a list or mapping that is owned as a whole.
        assert same(rendered, live), f"{at}: {rendered!r} was rendered, and {live!r} is there"
        return
    if isinstance(rendered, dict):
        assert {f"f:{name}" for name in rendered} == below.keys(), at
        for name, value in rendered.items():
            compare(below[f"f:{name}"], value, live[name], f"{at} {name}")
        return
    assert len(rendered) == len(below), at
    for part, tree_ in below.items():
        mark, _, text = part.partition(":")
        key = json.loads(text)
        if mark == "v":
            assert key in rendered, at
            assert key in live, at
        else:
            compare(tree_, picked(rendered, key, at), picked(live, key, at), f"{at} {text}")


def picked(items: list[dict[str, Any]], key: dict[str, Any], at: str) -> dict[str, Any]:
    """The item that a key names; a default of the API server's may stand for what was not rendered."""
    (item,) = [item for item in items if all(item.get(name, of) == of for name, of in key.items())]
    return item


def same(rendered: Any, live: Any) -> bool:
    """Whether a value is there as it was rendered; within one that is owned as a whole there may be defaults."""
    if isinstance(rendered, dict) and isinstance(live, dict):
        return all(name in live and same(value, live[name]) for name, value in rendered.items())
    if isinstance(rendered, list) and isinstance(live, list):
        return len(rendered) == len(live) and all(map(same, rendered, live))
    return type(rendered) is type(live) and rendered == live
