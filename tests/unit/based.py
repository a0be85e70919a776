"""A kind with a base that no kubectl has rendered."""

from collections.abc import Mapping, Sequence
from typing import Any

from nuvop import base, yamltext
from nuvop.kinds import Kind


def with_base(kind: Kind, objects: Sequence[Mapping[str, Any]]) -> Kind:
    """The kind as if kustomize had made these objects of its folder."""
    made = base.with_base(kind, "---\n".join(yamltext.dump(dict(obj)) for obj in objects))
    return base.with_everything(made, [made])
