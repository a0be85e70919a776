"""`python -m lab.deployer`: deploy and undeploy from a shell. Exit code 1: it did not come to its end, and a line on
stderr says why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from lab import deployer
from lab.controlplane import console
from lab.deployer import rights
from lab.deployer.overlay import DEPLOY, NAMESPACE
from lab.image import is_reference
from lab.kinds import kinds_option
from nuvop.errors import NuvopError
from nuvop.objects import is_namespace

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_SECONDS = 180

_NAME_OR_PATTERN = r"!?[a-z0-9*?]([-a-z0-9*?]*[a-z0-9*?])?"


class _Namespace(click.ParamType[str]):
    name = "namespace"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_namespace(value):
            self.fail(f"{value!r} is no namespace's name", param, ctx)
        return str(value)


class _Image(click.ParamType[str]):
    name = "image"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_reference(value):
            self.fail(f"{value!r} is no image's name", param, ctx)
        return str(value)


class _Namespaces(click.ParamType[tuple[str, ...]]):
    """Names and patterns with commas between."""

    name = "namespaces"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        parts = tuple(part.strip() for part in str(value).split(",") if part.strip())
        for part in parts:
            if not re.fullmatch(_NAME_OR_PATTERN, part):
                self.fail(f"{part!r} is no namespace's name, and no pattern for any", param, ctx)
            if part.startswith("!") and len(parts) > 1:
                self.fail(f"{part!r} takes nothing away from the others: each is served for itself", param, ctx)
        if value and not parts:
            # An unset variable of the user's must not become "all".
            self.fail(f"{value!r} names no namespace; leave it out, and all are served", param, ctx)
        return tuple(dict.fromkeys(parts))


deployed = click.option("--namespace", type=_Namespace(), default=NAMESPACE, show_default=True, help="The operator's.")
watched_namespaces = click.option(
    "--watch-namespaces",
    "watched",
    type=_Namespaces(),
    default="",
    help="The namespaces that it serves, with commas between; empty for all.",
)
pull_secret = click.option(
    "--pull-secret", default="", help="The Secret in the operator's namespace that a private registry asks for."
)
_patience = click.option(
    "--timeout", "patience", type=click.IntRange(min=1), default=PATIENCE_SECONDS, show_default=True, help="In seconds."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """The operator into the cluster that kubectl talks to, and out of it again."""


@commands.command()
@deployed
@click.option("--image", type=_Image(), help="Its image; without it the one that deploy/default names.")
@watched_namespaces
@pull_secret
@kinds_option
@_patience
def install(
    namespace: str,
    image: str | None,
    watched: tuple[str, ...],
    pull_secret: str,
    kinds: tuple[Path, ...],
    patience: int,
) -> None:
    """Install CRDs, namespace, service account, rights and the operator; wait until it is Ready."""
    deployer.install(deployer.Wanted(namespace, image or "", watched, pull_secret, kinds), patience)


@commands.command()
@deployed
@click.option(
    "--crs",
    type=click.Choice([each.value for each in deployer.Resources]),
    help="What becomes of custom resources. Without it nothing is removed while there are any.",
)
@kinds_option
@_patience
def remove(namespace: str, crs: str | None, kinds: tuple[Path, ...], patience: int) -> None:
    """Remove the operator with all that belongs to it.

    Which kinds it serves is read from its roles; --kinds counts where there are none any more.
    """
    deployer.remove(namespace, kinds, deployer.Resources(crs) if crs else None, patience)


@commands.command()
def roles() -> None:
    """Compute the rights in deploy/ from the kinds in kustomize/."""
    computed = {folder: rights.computed(arguments) for folder, arguments in rights.ROLES.items()}
    for folder, text in computed.items():
        (DEPLOY / folder / "roles.yaml").write_text(text)


def main() -> None:
    """Run a command."""
    with console.ending(deployer.DeployError, NuvopError):
        commands()


if __name__ == "__main__":
    main()
