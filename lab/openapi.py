"""Writes what ``nuvop new`` knows of Kubernetes' own kinds: an extract of the OpenAPI documents of a lab cluster.

``task openapi`` runs it. The extract has what a schema of a custom resource can use: types, enums, defaults, and of
each description the beginning.
"""

import argparse
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab import controlplane
from nuvop.openapi import SENTENCE

TARGET = Path(__file__).parents[1] / "nuvop/openapi.json.gz"
KUBECTL = Path(sys.executable).parent / "kubectl"
LONGEST = 200
"""Characters of a description that are kept."""

_KEPT = ("type", "format", "enum", "default", "required")
_AFTERTHOUGHTS = re.compile(r"\s*(More info:|Possible enum values:|This field is (alpha|beta)).*", re.DOTALL)

Schema = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cluster", default="openapi", help="the lab cluster that is asked; made where there is none")
    arguments = parser.parse_args()
    cluster = controlplane.up(arguments.cluster)
    try:
        write(TARGET, extract(cluster.kubeconfig))
    finally:
        controlplane.down(arguments.cluster)
    print(f"{TARGET}: {TARGET.stat().st_size // 1024} KiB")


def write(path: Path, extracted: dict[str, Any]) -> None:
    # Without a time, so that the same input makes the same file.
    path.write_bytes(gzip.compress(json.dumps(extracted, sort_keys=True, separators=(",", ":")).encode(), mtime=0))


def extract(kubeconfig: Path) -> dict[str, Any]:
    """The version of Kubernetes, its kinds by apiVersion, and all schemas that they refer to."""

    def ask(path: str) -> Any:
        done = subprocess.run(
            [KUBECTL, f"--kubeconfig={kubeconfig}", "get", "--raw", path], capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    kinds: dict[str, str] = {}
    schemas: dict[str, Schema] = {}
    for path in ask("/openapi/v3")["paths"]:
        if re.fullmatch(r"api/v1|apis/([a-z.]+\.k8s\.io|apps|autoscaling|batch|policy)/v\d+", path):
            found = ask(f"/openapi/v3/{path}")["components"]["schemas"]
            schemas |= found
            for name, schema in found.items():
                is_object = "metadata" in schema.get("properties", {}) and not name.endswith("List")
                for gvk in schema.get("x-kubernetes-group-version-kind") or () if is_object else ():
                    api_version = "/".join(filter(None, (gvk["group"], gvk["version"])))
                    if path.endswith(f"/{api_version}"):
                        kinds[f"{api_version} {gvk['kind']}"] = name
    reached = reachable(set(kinds.values()), schemas)
    return {
        "version": ask("/version")["gitVersion"],
        "kinds": kinds,
        "schemas": {name: compact(schemas[name]) for name in sorted(reached)},
    }


def reachable(names: set[str], schemas: dict[str, Schema]) -> set[str]:
    found: set[str] = set()
    while names:
        name = names.pop()
        found.add(name)
        names |= set(references(schemas[name])) - found
    return found


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        for below in schema.values():
            yield from references(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from references(below)


def compact(schema: Schema) -> Schema:
    made: Schema = {name: schema[name] for name in _KEPT if name in schema and schema[name] != {}}
    if text := described(schema.get("description", "")):
        made["description"] = text
    for each in (schema, *schema.get("allOf", ())):
        if "$ref" in each:
            made["$ref"] = each["$ref"].rpartition("/")[2]
    if {"type": "integer"} in schema.get("oneOf", ()) or {"type": "number"} in schema.get("oneOf", ()):
        made["x-kubernetes-int-or-string"] = True
        made.pop("format", None)
    merge_key = [schema["x-kubernetes-patch-merge-key"]] if "x-kubernetes-patch-merge-key" in schema else []
    if keys := schema.get("x-kubernetes-list-map-keys") or merge_key:
        made["keys"] = keys
    if "properties" in schema:
        made["properties"] = {name: compact(below) for name, below in schema["properties"].items() if name != "status"}
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            made[name] = compact(schema[name])
    return made


def described(text: str) -> str:
    """The first sentences of a description, as many as fit."""
    text = " ".join(_AFTERTHOUGHTS.sub("", text).split())
    kept = ""
    for sentence in SENTENCE.split(text):
        longer = f"{kept}{'. ' if kept else ''}{sentence}"
        if kept and len(longer) > LONGEST:
            break
        kept = longer
    kept = kept.rstrip(".")
    return f"{kept}." if kept and len(kept) <= 2 * LONGEST else kept[: 2 * LONGEST]


if __name__ == "__main__":
    main()
