#!/usr/bin/env python3
"""Copy each kind's CRD from ``kustomize/`` to where `kubectl apply -k deploy/default` may read it.

kubectl's kustomize reads no file outside of the folder that it builds, and a kind's own kustomization holds what a
CR becomes, not its CRD. So the CRDs stand here a second time, made by this program and never by hand:

    python deploy/crd/generate.py            writes them
    python deploy/crd/generate.py --check    says which are stale, with exit code 1
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
KINDS = HERE.parents[1] / "kustomize"
MADE = "# Made by deploy/crd/generate.py: do not edit.\n"


def wanted() -> dict[str, str]:
    """The files that should stand here, by name."""
    crds = {f"{path.parent.name}.yaml": path for path in sorted(KINDS.glob("*/crd.yaml"))}
    copies = {
        name: f"{MADE}# From kustomize/{path.parent.name}/crd.yaml.\n{path.read_text()}" for name, path in crds.items()
    }
    listed = "".join(f"  - {name}\n" for name in crds)
    kustomization = f"{MADE}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{listed}"
    return {**copies, "kustomization.yaml": kustomization}


def stale() -> list[str]:
    """The names of files that are missing here, differ, or have no kind any more."""
    files = wanted()
    here = {path.name: path.read_text() for path in HERE.glob("*.yaml")}
    return sorted(name for name in files.keys() | here.keys() if files.get(name) != here.get(name))


def write() -> None:
    """Bring the files here to what they should be."""
    files = wanted()
    for name in stale():
        if name in files:
            (HERE / name).write_text(files[name])
        else:
            (HERE / name).unlink()


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description="Copy the kinds' CRDs into deploy/crd.")
    parser.add_argument("--check", action="store_true", help="only say what is stale; exit code 1 if anything is")
    if not parser.parse_args().check:
        write()
        return 0
    names = stale()
    for name in names:
        sys.stderr.write(f"deploy/crd/{name} is stale: run deploy/crd/generate.py\n")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
