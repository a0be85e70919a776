"""The real helm, built once from the version that go.mod pins: for the tests of the chart, and for nobody else."""

from __future__ import annotations

from pathlib import Path

from lab.controlplane import build

HELM = build.Module(
    name="Helm",
    folder=Path(__file__).resolve().parent,
    source="helm.sh/helm/v4",
    stamps={"helm.sh/helm/v4/internal/version.version": "{version}"},
    programs=("helm",),
    work="helm-build",
    contents="Helm {version}",
    minutes=3,
    download="0.1 GB",
    disk_bytes=2 * build.GIGABYTE,
    afterwards="0.1 GB",
)


def program() -> Path:
    """The path of helm, built now unless an earlier build made it. Raises ControlPlaneError."""
    return build.ensure(HELM) / "helm"
