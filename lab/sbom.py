"""Write what the image is made of as CycloneDX (https://cyclonedx.org): `task sbom`.

The packages are those that the Dockerfile installs, from the lock and with its hashes, kubectl among them; the base
image and what is installed into it stand in the Dockerfile. So it needs no image. What the base image brings its own
publisher tells.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FILE = ROOT / "sbom.json"
INDEX = "https://pypi.org/simple"
"""Where the packages are published, whatever mirror they come from here."""

_REQUIREMENTS = re.compile(r"python (requirements\.py poetry\.lock .*--group main.*) > run\.txt")
_BASE = re.compile(r"^ARG BASE=(?P<name>[^:\s]+):(?P<version>\S+)$", re.MULTILINE)
_DEBIAN = re.compile(r"apt-get install .*?--no-install-recommends (?P<names>[a-z0-9 +.-]+)$", re.MULTILINE)


def main() -> None:
    """Write it."""
    FILE.write_text(json.dumps(sbom(), indent=2) + "\n")
    print(FILE.relative_to(ROOT))


def sbom() -> dict[str, Any]:
    """The CycloneDX document, the same for the same lock and Dockerfile."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", "-i", INDEX, "-"]
    made = subprocess.run(command, input=packages(dockerfile), capture_output=True, text=True, check=True).stdout
    document: dict[str, Any] = json.loads(made)
    document.setdefault("metadata", {})["component"] = itself()
    document["components"] += beneath(dockerfile)
    return document


def packages(dockerfile: str) -> str:
    """What the Dockerfile installs, as a file of pip's requirements: a package a line, with its hashes."""
    (command,) = _REQUIREMENTS.findall(dockerfile)
    argv = [sys.executable, "deploy/image/requirements.py", *command.split()[1:]]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def itself() -> dict[str, Any]:
    """nuvop."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {name: project[name] for name in ("name", "version", "description")}
    return {"type": "application", "bom-ref": "nuvop", **named, "licenses": [{"license": {"id": project["license"]}}]}


def beneath(dockerfile: str) -> list[dict[str, Any]]:
    """The base image, and the packages of its distribution that are added, whose version that decides."""
    (base,) = _BASE.finditer(dockerfile)
    (added,) = _DEBIAN.finditer(dockerfile)
    image = {
        "type": "container",
        "bom-ref": "base-image",
        **base.groupdict(),
        "purl": f"pkg:docker/{base['name'].removeprefix('docker.io/')}@{base['version']}",
    }
    names = added["names"].split()
    return [image, *({"type": "application", "bom-ref": f"debian-{n}", "name": n} for n in names)]


if __name__ == "__main__":
    main()
