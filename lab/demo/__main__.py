"""`python -m lab.demo`: the demo from a shell. Exit code 0: every step came true."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn

import click

from lab.controlplane import console, locks
from lab.controlplane.paths import PROJECT
from lab.demo import clusters, show, story
from lab.demo.errors import Interrupted, Refused, StepFailed
from lab.demo.leash import LeftBehind
from lab.demo.operator import LOG, Operator

if TYPE_CHECKING:
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

NEXT = f"""
What to try next, in two terminals. In both:
  cd {shlex.quote(str(PROJECT))}
  export PATH="$PWD/.tools/bin:$PWD/.venv/bin:$PATH"
  export KUBECONFIG="$PWD/.lab/clusters/lab/kubeconfig"
In the first, a cluster to keep, and the operator:
  task cluster:up
  kubectl apply -f kustomize/samples/crd.yaml && kubectl create namespace demo
  poetry run kopf run -n demo
In the second:
  kubectl apply -f kustomize/samples/examples/obj.yaml
  kubectl -n demo get sam --watch
Then change kustomize/samples/deployment.yaml while it runs, or its kind.yaml.
""".strip()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--cluster",
    type=click.Choice(["own", "current"]),
    default="own",
    show_default=True,
    help="A cluster made for the demo, or the one of kubectl's current context (asks first).",
)
def main(cluster: str) -> None:
    """Show the operator at work, from a custom resource's creation to its deletion."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        _perform(cluster)
    except Interrupted as interrupted:
        console.say("interrupted; nothing is left running")
        sys.exit(128 + interrupted.number)
    except (Refused, LeftBehind) as error:
        console.say(f"error: {error}")
        sys.exit(1)
    except StepFailed:
        sys.exit(1)  # and has been told
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more
        sys.exit(1)
    except OSError as error:
        console.say(f"error: {error}")
        sys.exit(1)


def _perform(cluster: str) -> None:
    clusters.FILES.mkdir(mode=0o700, parents=True, exist_ok=True)
    output = show.on_standard_output(story.STEPS)
    with locks.exclusive(clusters.FILES / "lock", waiting=_tell_waiting) as lock:
        operator = Operator(lock)
        place = clusters.own if cluster == "own" else clusters.current
        with ExitStack() as ends:
            try:
                shell = ends.enter_context(place(output, lock, operator.check))
                story.play(shell, operator, ends)
            except StepFailed as failure:
                _tell(output, failure, operator)
                raise
            finally:
                _ignore_signals()
    output.meaning("Nothing is left running.")
    click.echo(f"\n{NEXT}")


def _tell(output: show.Show, failure: StepFailed, operator: Operator) -> None:
    output.failure(f"This step did not come true: {output.current}")
    output.output(f"expected: {failure.expected}\nseen: {failure.seen}")
    if log := operator.end_of_log():
        output.output("\n".join([f"the end of the operator's log, {LOG}:", *log]))


def _tell_waiting() -> None:
    console.say("another demo is at work in this folder; waiting for its end")


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    _ignore_signals()
    raise Interrupted(number)


def _ignore_signals() -> None:
    # Cleaning up takes a few seconds, and is not to be interrupted.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
