"""The way through a kind's own Python."""

from collections.abc import Iterator, Mapping
from typing import Any


def patches(cr: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Hand on what the resource has, at places of Python's own."""
    given = cr["spec"].get("python")
    if given is not None:
        yield {"kind": "Holder", "metadata": {"name": "holder"}, "spec": {"python": given}}
        yield {
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "annotations": {"example.org/python": given["text"]}},
            "data": {"python": given["text"]},
        }
