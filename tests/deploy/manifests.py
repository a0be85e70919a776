"""What kubectl makes of deploy/, alone and in kustomizations of a user's own."""

import json
import os
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from lab.deployer.overlay import DEPLOY
from nuvop import yamltext
from tests.e2e.harness import PROGRAMS

Body = dict[str, Any]


@cache
def built(folder: str) -> list[Body]:
    """What kubectl makes of a folder of deploy/."""
    return kustomized(DEPLOY / folder)


def kustomized(folder: Path) -> list[Body]:
    done = subprocess.run([PROGRAMS / "kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return yamltext.load_all(done.stdout)


def write_with(component: str, variant: str, folder: Path, **more: str) -> Path:
    """Write a kustomization of a variant and a component, as a user would; ``more`` are further fields of it."""
    resource, part = (os.path.relpath(DEPLOY / name, folder.resolve()) for name in (variant, f"components/{component}"))
    text = {**more, "resources": [resource], "components": [part]}
    (folder / "kustomization.yaml").write_text(json.dumps(text))
    return folder


def of_kind(objects: Sequence[Body], kind: str) -> list[Body]:
    return [obj for obj in objects if obj["kind"] == kind]


def one(objects: Sequence[Body], kind: str) -> Body:
    (found,) = of_kind(objects, kind)
    return found


def pod(objects: Sequence[Body]) -> Body:
    """The pod of the Deployment among some objects."""
    spec: Body = one(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(objects: Sequence[Body]) -> Body:
    (found,) = pod(objects)["containers"]
    return dict(found)
