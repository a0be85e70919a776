"""What an operator, or a command, imports when it starts."""

import subprocess
import sys

SLOW = ("rfc3987_syntax", "matplotlib", "cyclonedx", "pip_audit", "pytest", "lab")
"""Packages of development, or that some other package brings: the first one takes more than a second to import."""


def test_nothing_of_development_is_imported() -> None:
    """jsonschema imports whatever checks of formats it finds installed."""
    code = "import nuvop.cli, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(SLOW) & set(done.stdout.split())
