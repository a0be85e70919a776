"""`python -m lab.release`: build, push, deploy from a shell. Exit code 1: it failed, and a line on stderr says why."""

from __future__ import annotations

from pathlib import Path

import click

from lab import deployer, image
from lab.controlplane import ControlPlaneError, console
from lab.deployer.__main__ import PATIENCE_SECONDS, deployed, pull_secret, watched_namespaces
from lab.kinds import KindsError, kinds_option
from lab.release import account, registry
from lab.release.errors import ReleaseError
from nuvop.errors import NuvopError


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@deployed
@watched_namespaces
@pull_secret
@kinds_option
def command(namespace: str, watched: tuple[str, ...], pull_secret: str, kinds: tuple[Path, ...]) -> None:
    """Build the operator's image, push it to the registry that .env tells of, deploy it and wait until it is Ready."""
    owner = account.read(Path(".env"))
    registry.log_in(image.engine(), owner)  # first, because the build takes a minute
    built = image.build(f"{owner.repository}:{image.version()}", kinds)
    if built.is_for_trials:
        raise ReleaseError(
            f"{built.base} could not be pulled, and {built.name} is built upon a stand-in for it: that is for trials, "
            "and is not pushed; build where the registry of the base image is reached"
        )
    pushed = registry.push(built.engine, owner, built.name)
    console.say(f"{pushed} is pushed")
    deployer.install(deployer.Wanted(namespace, pushed, watched, pull_secret, kinds), PATIENCE_SECONDS)


def main() -> None:
    """Run the command."""
    with console.ending(
        ReleaseError, image.ImageError, deployer.DeployError, KindsError, NuvopError, ControlPlaneError
    ):
        command()


if __name__ == "__main__":
    main()
