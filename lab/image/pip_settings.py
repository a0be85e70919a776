"""What the machine's pip is told, for the pip inside of a build: from where it takes packages, and whom it trusts."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import taskw
from lab.image.errors import ImageError

CERTIFICATES = "/run/secrets/certificates"
"""Where the Dockerfile has the certificates."""

ASK_PIP = """
import json
from pip._internal.commands import create_command
options, _ = create_command("install").parse_args([])
names = ("index_url", "extra_index_urls", "trusted_hosts", "proxy", "timeout", "cert")
print(json.dumps({name: getattr(options, name) for name in names}))
"""
"""What pip would use, from its defaults, its configuration files and its environment. The tools' pip is pinned."""


@dataclass(frozen=True)
class Settings:
    """A pip.conf, and the bundle of certificates that it speaks of; it may hold passwords, so it is never shown."""

    pip_conf: str
    certificates: Path | None


def of_this_machine() -> Settings:
    """The settings of the machine's pip. Raises ImageError where the project's pip cannot be asked."""
    python = taskw.python()
    if python is None:
        raise ImageError("pip cannot be asked for its settings; run this through ./taskw, which brings one")
    done = subprocess.run([python, "-c", ASK_PIP], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ImageError(f"pip cannot be asked for its settings: {done.stderr.strip()}")
    return of_options(json.loads(done.stdout))


def of_options(options: dict[str, Any]) -> Settings:
    """The settings that pip's options, as it names them, make."""
    values = {
        "index-url": options["index_url"],
        "extra-index-url": "\n    ".join(options["extra_index_urls"]),
        "trusted-host": "\n    ".join(options["trusted_hosts"]),
        "proxy": options["proxy"],
        "timeout": options["timeout"],
        "cert": CERTIFICATES if options["cert"] else "",
    }
    lines = [f"{name} = {value}" for name, value in values.items() if value]
    certificates = Path(options["cert"]) if options["cert"] else None
    return Settings("\n".join(["[global]", *lines, ""]), certificates)
