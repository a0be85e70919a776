"""Writes what the Helm chart has of deploy/, and the table of its values: ``task chart``.

Helm reads nothing outside of a chart's own folder. So CRDs, rights, alerts and the dashboard are copied into it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from lab.controlplane import console
from lab.controlplane.paths import PROJECT
from lab.deployer import DeployError, kubectl
from lab.deployer.overlay import DEPLOY
from nuvop import yamltext

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHART = DEPLOY / "chart"

COPIED = ("files", "charts/kopf-peering/crds")
"""The folders of the chart that hold nothing else."""

RIGHTS = {
    "cluster": "rbac",
    "patterns": "rbac/patterns",
    "namespaced": "rbac/namespaced",
    "cluster-peering": "components/peering",
    "namespaced-peering": "components/peering/namespaced",
}
"""What the chart calls the rights in a folder of deploy/."""

KEEP = {"helm.sh/resource-policy": "keep"}
"""The annotation of what `helm uninstall` leaves."""

_README = "README.md"
_TABLE = re.compile(r"(?<=<!-- values: task chart -->\n).*(?=<!-- /values -->)", re.DOTALL)
_KEY = re.compile(r"( *)(\w+):")


class ChartError(Exception):
    """deploy/ has something that the chart has no place for; one message that says what."""


def main() -> None:
    """Write it. Exit code 1: deploy/ is wrong, and a line on stderr says how."""
    with console.ending(ChartError, DeployError):
        write()


def write() -> None:
    """Write everything that is generated, and delete what is not any more. Raises what `generated` raises."""
    wanted = generated()
    for path in present() - wanted.keys():
        (CHART / path).unlink()
    for path, text in wanted.items():
        (CHART / path).parent.mkdir(parents=True, exist_ok=True)
        (CHART / path).write_text(text, encoding="utf-8")


def generated() -> dict[str, str]:
    """The generated files by their path in the chart. Raises ChartError, and DeployError where kubectl fails."""
    alerts = (DEPLOY / "monitoring/rules.yaml").read_text(encoding="utf-8")
    return {
        **{f"files/crds/{name}.yaml": text for name, text in _crds("crd", KEEP)},
        **{f"charts/kopf-peering/crds/{name}.yaml": text for name, text in _crds("peering/crd", {})},
        **{f"files/rights/{name}.yaml": _rights(DEPLOY / folder / "roles.yaml") for name, folder in RIGHTS.items()},
        "files/alerts.yaml": alerts.partition("\nspec:\n")[2],
        "files/dashboard.json": (DEPLOY / "monitoring/dashboard.json").read_text(encoding="utf-8"),
        _README: _with_table((CHART / _README).read_text(encoding="utf-8")),
    }


def present() -> set[str]:
    """The paths of all files in the folders that hold copies only."""
    return {str(path.relative_to(CHART)) for folder in COPIED for path in (CHART / folder).rglob("*") if path.is_file()}


def _crds(folder: str, annotations: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The name and the text of each CRD that a folder of deploy/ makes."""
    for body in yamltext.load_all(kubectl.run("kustomize", DEPLOY / folder)):
        if annotations:
            body["metadata"]["annotations"] = {**body["metadata"].get("annotations", {}), **annotations}
        yield body["metadata"]["name"], yamltext.dump_readable(body)


def _rights(file: Path) -> str:
    """The text of a computed role from its annotations on: they name the kinds, and each rule says what it is for."""
    text = file.read_text(encoding="utf-8")
    kinds = [body["kind"] for body in yamltext.load_all(text)]
    if kinds not in (["ClusterRole", "ClusterRoleBinding"], ["Role", "RoleBinding"]):
        raise ChartError(f"{file.relative_to(PROJECT)} has {', '.join(kinds)}; the chart knows a role and its binding")
    _, annotations, rest = text.partition("---\n")[0].partition("  annotations:\n")
    return annotations + rest


def _with_table(readme: str) -> str:
    """A README with the table of the values that there are now between the two marks."""
    lines = ["| value | default | |", "|---|---|---|"]
    lines += [f"| `{name}` | `{default}` | {meaning} |" for name, default, meaning in values()]
    table = "\n".join([*lines, ""])
    return _TABLE.sub(lambda _: table, readme)


def values() -> list[tuple[str, str, str]]:
    """Each value that has a comment, in the order of values.yaml: its path, its default as JSON, the comment."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    found, path, comment = [], list[str](), list[str]()
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.strip("# "))
        elif key := _KEY.match(line):
            path = [*path[: len(key[1]) // 2], key[2]]
            if comment:
                found.append((".".join(path), _default(text, path), " ".join(comment)))
            comment = []
    return found


def _default(text: str, path: list[str]) -> str:
    value = yamltext.load(text)
    for name in path:
        value = value[name]
    return json.dumps(value)


if __name__ == "__main__":
    main()
