"""The pinned kubectl, against the cluster that it talks to by the user's own settings."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab.deployer.errors import DeployError

PROGRAM = Path(sys.executable).with_name("kubectl")

Body = dict[str, Any]

_LOGGED = re.compile(r"^[EWI]\d{4} .*\n", re.MULTILINE)
"""A line of klog's, which says in other words what the last line of an error says."""


def run(*arguments: str | Path) -> str:
    """Run kubectl and return what it printed; raise DeployError with its own words where it fails."""
    code, output, errors = attempt(*arguments)
    if code != 0:
        raise DeployError(f"kubectl {shlex.join(map(str, arguments))}: {_LOGGED.sub('', errors).strip()}")
    return output


def attempt(*arguments: str | Path) -> tuple[int, str, str]:
    """Run kubectl; return its exit code and what it printed to stdout and stderr."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        # The user's own defaults for kubectl's options would change what the commands here mean.
        env={**os.environ, "KUBERC": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def get(*what: str) -> Body:
    """An object; empty where there is none. Raises DeployError."""
    text = run("get", *what, "--ignore-not-found", "--output=json")
    found: Body = json.loads(text) if text else {}
    return found


def find(*what: str) -> list[Body]:
    """The objects that a `kubectl get` of several finds. Raises DeployError."""
    found: list[Body] = json.loads(run("get", *what, "--output=json"))["items"]
    return found
