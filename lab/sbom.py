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
from collections.abc import Iterator
from typing import Any

from cyclonedx.contrib.hash.factories import HashTypeFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from lab.controlplane.paths import PROJECT

FILE = PROJECT / "sbom.json"
_PACKAGE = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)")
_HASH = re.compile(r"--hash=(\S+)")
_REQUIREMENTS = re.compile(r"python (requirements\.py poetry\.lock .*--group main.*) > run\.txt")
_BASE = re.compile(r"^ARG BASE=(?P<name>[^:\s]+):(?P<version>\S+)$", re.MULTILINE)
_DEBIAN = re.compile(r"apt-get install .*?--no-install-recommends (?P<names>[a-z0-9 +.-]+)$", re.MULTILINE)


def main() -> None:
    """Write it."""
    FILE.write_text(json.dumps(sbom(), indent=2) + "\n")
    print(FILE.relative_to(PROJECT))


def sbom() -> dict[str, Any]:
    """The CycloneDX document, the same for the same lock and Dockerfile."""
    dockerfile = (PROJECT / "Dockerfile").read_text()
    nuvop = itself()
    held = [*map(package, packages(dockerfile).splitlines()), *beneath(dockerfile)]
    bom = Bom(components=held, metadata=BomMetaData(component=nuvop))
    bom.register_dependency(nuvop, held)
    document: dict[str, Any] = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    # Of each run its own.
    del document["serialNumber"], document["metadata"]["timestamp"]
    return document


def packages(dockerfile: str) -> str:
    """What the Dockerfile installs, as a file of pip's requirements: a package a line, with its hashes."""
    (command,) = _REQUIREMENTS.findall(dockerfile)
    argv = [sys.executable, "deploy/image/requirements.py", *command.split()[1:]]
    return subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, check=True).stdout


def package(line: str) -> Component:
    """A package as a line of pip's requirements names it: ``name==version --hash=sha256:… …``."""
    (named,) = _PACKAGE.finditer(line)
    name, version = named["name"], named["version"]
    hashes = [HashTypeFactory().from_composite_str(found) for found in _HASH.findall(line)]
    purl = PackageURL("pypi", name=name, version=version)
    # By its own name: where it is published says its type, whatever mirror it came from here.
    published = ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(str(purl)), hashes=hashes)
    return Component(name=name, version=version, bom_ref=str(purl), purl=purl, external_references=[published])


def itself() -> Component:
    """nuvop."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return Component(
        type=ComponentType.APPLICATION,
        bom_ref="nuvop",
        name=project["name"],
        version=project["version"],
        description=project["description"],
        licenses=[DisjunctiveLicense(id=project["license"])],
    )


def beneath(dockerfile: str) -> Iterator[Component]:
    """The base image, and the packages of its distribution that are added, whose version that decides."""
    (base,) = _BASE.finditer(dockerfile)
    (added,) = _DEBIAN.finditer(dockerfile)
    purl = PackageURL("docker", name=base["name"].removeprefix("docker.io/"), version=base["version"])
    yield Component(
        type=ComponentType.CONTAINER, bom_ref="base-image", name=base["name"], version=base["version"], purl=purl
    )
    for name in added["names"].split():
        yield Component(type=ComponentType.APPLICATION, bom_ref=f"debian-{name}", name=name)


if __name__ == "__main__":
    main()
