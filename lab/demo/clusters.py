"""The cluster that the demo plays on: one of its own, or the one that the user's kubectl talks to.

Each opens in the demo's first step, and says what has to run at the end. That is known before anything is made, so
that an end at any point finds all of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from lab import controlplane
from lab.controlplane.build import Recipe
from lab.controlplane.paths import PROJECT
from lab.demo import leash
from lab.demo.errors import Refused, StepFailed
from lab.demo.shell import PROGRAMS, Shell, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lab.demo.show import Show

FILES = PROJECT / ".lab" / "demo"
"""What the demo itself writes."""

NAME = "demo"
NODES = 3
NAMESPACE = "demo"
CRD = "samples.nuvolaris.org"
CR = "obj"

PATIENCE_SECONDS = 60.0
PATIENCE_ELSEWHERE_SECONDS = 180.0
"""A real node pulls an image first."""


@contextmanager
def own(show: Show, lock: int, check: Callable[[], None]) -> Iterator[Shell]:
    """A cluster of the lab, made for the demo and removed at its end."""
    show.step("Start a real Kubernetes, without Docker")
    down = [sys.executable, "-m", "lab.controlplane", "down", NAME]
    with _afterwards(show, [down], os.environ, lock, [["./taskw", "cluster:down", f"NAME={NAME}"]]):
        try:
            controlplane.down(NAME)  # what a killed demo left
            show.command(["./taskw", "cluster:up", f"NAME={NAME}", f"NODES={NODES}"])
            cluster = controlplane.up(NAME, NODES)
        except controlplane.ControlPlaneError as error:
            raise StepFailed("a running control plane", str(error)) from error
        show.typed(f'export KUBECONFIG="$PWD/{cluster.kubeconfig.relative_to(PROJECT)}"')
        shell = Shell(
            show, _without_proxy(environment(cluster.kubeconfig, cluster.directory / "cache")), PATIENCE_SECONDS, check
        )
        wanted = f"Server Version: {Recipe.of_this_machine().version}"
        if wanted not in shell.run("kubectl", "version"):
            raise StepFailed(wanted, "another version, see above")
        show.meaning(f"API server, etcd, scheduler and controllers are real. The {NODES} nodes are not.")
        yield shell


@contextmanager
def current(show: Show, lock: int, check: Callable[[], None]) -> Iterator[Shell]:
    """The cluster of the user's current context, once the user has agreed."""
    config = _current_config()
    _ask(config)
    show.step("Look at your cluster")
    kubeconfig = FILES / "kubeconfig"
    _write_private(kubeconfig, json.dumps(config))
    shell = Shell(show, environment(kubeconfig, FILES / "cache"), PATIENCE_ELSEWHERE_SECONDS, check)
    remove_file = ["rm", "-f", str(kubeconfig)]
    try:
        shell.run("kubectl", "version")
        undo = _deletions(shell)
    except BaseException:
        kubeconfig.unlink()
        raise
    with _afterwards(show, [*undo, remove_file], shell.environment, lock, undo):
        show.meaning("What the demo makes there goes at its end; what is there already stays.")
        yield shell


def _deletions(shell: Shell) -> list[list[str]]:
    """What removes from a cluster all that the demo makes, and nothing that is there now."""

    def exists(*what: str) -> bool:
        return bool(shell.ask("kubectl", "get", *what, "--ignore-not-found", "--output=name"))

    commands = []
    if not exists("crd", CRD):
        commands.append(["crd", CRD])  # its custom resources go with it
    elif found := shell.ask("kubectl", "--namespace", NAMESPACE, "get", CRD, "--output=name").split():
        raise Refused(
            f"namespace {NAMESPACE} of this cluster has Samples, which the demo's operator would serve: "
            f"{', '.join(found)}; delete them, or use another cluster"
        )
    else:
        commands.append(["--namespace", NAMESPACE, CRD, CR])
    if not exists("namespace", NAMESPACE):
        commands.append(["namespace", NAMESPACE])
    return [["kubectl", "delete", "--ignore-not-found", "--timeout=120s", *what] for what in commands]


@contextmanager
def _afterwards(
    show: Show,
    commands: Sequence[Sequence[str]],
    variables: Mapping[str, str],
    lock: int,
    shown: Sequence[Sequence[str]],
) -> Iterator[None]:
    with (
        tempfile.TemporaryFile() as log,
        leash.afterwards(commands, variables, PROJECT, log, lock),
    ):
        try:
            yield
        finally:
            show.heading("Clean up")
            for command in shown:
                show.command(command)


def _current_config() -> Any:
    """The user's kubeconfig, reduced to its current context, with the certificates in it.

    The demo works with this copy: a context that is switched meanwhile does not lead it elsewhere, and the user's
    file is never written.
    """
    view = ["config", "view", "--minify", "--flatten", "--raw", "--output=json"]
    answer = subprocess.run([PROGRAMS / "kubectl", *view], capture_output=True, text=True, check=False)
    config = json.loads(answer.stdout) if answer.returncode == 0 else {}
    if not config.get("clusters"):
        raise Refused(f"kubectl has no current context: {answer.stderr.strip() or 'it names no cluster'}")
    return config


def _ask(config: Any) -> None:
    context, server = config["current-context"], config["clusters"][0]["cluster"]["server"]
    click.echo(
        f"The demo would use the context {context}, which is the cluster at {server}.\n"
        f"There it applies the CRD {CRD} and, in the namespace {NAMESPACE}, the Sample {CR}.\n"
        "Here it runs the operator. At its end it removes what was not there before."
    )
    if not os.isatty(0):
        raise Refused("no terminal to ask on whether that is right")
    if not click.confirm("Proceed?"):
        raise Refused("nothing was done")


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def _without_proxy(variables: dict[str, str]) -> dict[str, str]:
    """The same environment, in which no proxy is asked for the way to this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        variables[name] = ",".join(filter(None, [variables.get(name), "127.0.0.1"]))
    return variables
