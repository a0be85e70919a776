"""``nuvop rbac``: the rights that an operator of these kinds needs, as manifests."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nuvop import rbac as rights
from nuvop import resources
from nuvop.commands import common
from nuvop.crd import Resource
from nuvop.errors import ClusterError, KindError, LoginError
from nuvop.kinds import Kind
from nuvop.objects import group_of
from nuvop.rbac import Mode, Subject
from nuvop.resources import Resources
from nuvop.settings import Settings
from nuvop.workbench import Workbench, workbench

ACCOUNT = Subject("nuvop", rights.HOME)
"""The service account in deploy/."""

_NAME = r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?"
_NAMESPACE = r"[-a-z0-9!*?, ]+"
"""A namespace, or one of kopf's patterns for several."""


class _Account(click.ParamType[Subject]):
    """A service account as NAMESPACE/NAME."""

    name = "account"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Subject:
        """Read it."""
        namespace, _, name = str(value).partition("/")
        if not (re.fullmatch(_NAME, namespace) and re.fullmatch(_NAME, name)):
            self.fail(f"{value!r} must read NAMESPACE/NAME", param, ctx)
        return Subject(name, namespace)


def _namespaces(_: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(_NAMESPACE, value):
            raise click.BadParameter(f"{value!r} is no namespace, and no pattern for any", param=param)
    return values


@click.command()
@common.kinds_option
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAMESPACE",
    callback=_namespaces,
    help="A namespace that the operator serves, as in `nuvop run -n`; may be repeated. Without it: all namespaces.",
)
@click.option("-P", "--peering", default="", metavar="NAME", help="The kopf peering that the operator takes part in.")
@click.option(
    "--service-account",
    "account",
    type=_Account(),
    metavar="NAMESPACE/NAME",
    help="Whose rights these are: the operator's service account. Without it nuvop-system/nuvop, as in deploy/.",
)
@click.option("--user", metavar="NAME", help="Whose rights these are, for an operator that does not run in a pod.")
@click.option(
    "--name", help="What the roles and their bindings are called. Without it a name that no other subject's have."
)
def rbac(
    folders: tuple[Path, ...],
    namespaces: tuple[str, ...],
    peering: str,
    account: Subject | None,
    user: str | None,
    name: str | None,
) -> None:
    """Print the roles that give an operator all the rights that it needs, and no others.

    They follow from the kinds and from the mode that the operator runs in. Without --namespace it is a ClusterRole;
    with it a Role for each namespace, and a ClusterRole only where a kind has children outside of namespaces. A pattern
    such as team-* needs a ClusterRole too: nobody knows these namespaces beforehand. Comments say what each rule is
    for.

    No cluster is asked but for kinds of children that are neither Kubernetes' own nor defined by a CRD in the folders.

    Exit code 1 where a kind is wrong, or a kind of children is not known.

    \b
    nuvop rbac | kubectl apply -f -
    nuvop rbac -n demo -n other --service-account demo/nuvop
    nuvop rbac --kinds ./my-kinds -n demo --user jane@example.org
    """
    if account and user is not None:
        raise click.UsageError("--service-account and --user name two different subjects")
    if user == "":
        raise click.UsageError("--user: a name is missing")
    subject = Subject(user) if user is not None else account or ACCOUNT
    with common.told():
        known = common.read_settings(folders)
    click.echo(common.run(_manifests(known, Mode(namespaces, peering), subject, name or subject.role)), nl=False)


async def _manifests(settings: Settings, mode: Mode, subject: Subject, name: str) -> str:
    async with workbench(settings) as bench:
        kinds = [each for kind in await bench.kinds() for each in bench.loader.alternatives(kind)]
        found = await _resources(bench, kinds)
    return rights.manifests(rights.needs(kinds, found, mode), mode, subject, name)


async def _resources(bench: Workbench, kinds: Sequence[Kind]) -> Resources:
    """What all types are called; a cluster is asked only for what is not known without one. Raises KindError."""
    found = resources.known(kinds)
    for kind in kinds:
        for api_version, name in sorted(rights.types(kind)):
            at = (group_of(api_version), name)
            if at not in found:
                found[at] = await _ask(bench, kind, api_version, name)
    return found


async def _ask(bench: Workbench, kind: Kind, api_version: str, name: str) -> Resource:
    try:
        async with bench.cluster() as (cluster, _):
            resource = await cluster.discover(api_version, name)
    except (ClusterError, LoginError) as error:
        raise KindError(
            f"{kind.folder}: {name} ({api_version}) is none of Kubernetes' own kinds, and no CRD in the folder defines "
            "it, so nobody knows what a rule has to call it: put its CRD into the folder, or log in to a cluster that "
            f"serves it ({error})"
        ) from error
    return Resource(resource.plural, resource.namespaced)
