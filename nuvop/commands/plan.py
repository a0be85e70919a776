"""``nuvop plan``: what would become of custom resources and their children, without changing anything."""

import json
from pathlib import Path
from typing import Any, TextIO

import click

from nuvop import plan as plans
from nuvop.commands import common
from nuvop.errors import ClusterError, KindError
from nuvop.kinds import Kind
from nuvop.objects import CRKey
from nuvop.plan import COLOURS, Action, Plan
from nuvop.planner import Planner
from nuvop.settings import Settings
from nuvop.workbench import pick, workbench


@click.command()
@click.option("-f", "--filename", "file", type=click.File(), help="A file of custom resources; - is stdin.")
@click.option("--kind", "name", metavar="KIND", help="All custom resources of a kind, by its plural or its kind.")
@common.kinds_option
@click.option("-n", "--namespace", metavar="NAMESPACE", help="The namespace; without it the kubeconfig's.")
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="With --kind: in all namespaces.")
@click.option("-o", "--output", type=click.Choice(["json"]), help="For programs.")
def plan(
    file: TextIO | None,
    name: str | None,
    folders: tuple[Path, ...],
    namespace: str | None,
    everywhere: bool,
    output: str | None,
) -> None:
    """Print what would change in the cluster, and change nothing.

    Either for the custom resources of a file, as they would be once it is applied, or for all that there are of a kind,
    against its folder as it is now. For each object: + it would be created, ~ changed, in which fields, - deleted,
    ! refused. What is the same for several custom resources is printed once. Values of Secrets are never printed.

    It asks the API server in dry runs, so it needs the rights that the operator has.

    Exit code 0 where nothing would change, 2 where something would, 1 for an error, or where something is refused.

    \b
    nuvop plan -f kustomize/samples/examples/obj.yaml
    nuvop plan --kind samples --all-namespaces
    nuvop plan --kind samples -n demo -o json
    """
    if (file is None) == (name is None):
        raise click.UsageError("either -f FILE or --kind KIND says what to plan for")
    if everywhere and (file is not None or namespace is not None):
        raise click.UsageError("--all-namespaces goes with --kind, and without --namespace")
    with common.told():
        known = common.read_settings(folders)
    found = common.run(_of_kind(known, name, namespace, everywhere) if name else _of_file(known, file, namespace))
    summary = plans.summed_up(found)
    if output == "json":
        click.echo(json.dumps(plans.as_json(found), indent=2))
    else:
        for line in plans.lines(found, _painted):
            click.echo(line)
        click.echo(str(summary))
    raise click.exceptions.Exit(summary.exit_code)


def _painted(line: str, action: Action) -> str:
    return click.style(line, fg=COLOURS[action])


async def _of_kind(settings: Settings, name: str, namespace: str | None, everywhere: bool) -> list[Plan]:
    async with workbench(settings) as bench, bench.cluster() as (cluster, credentials):
        kind = _named(await bench.kinds(), name)
        planner = Planner(bench, cluster)
        crs = await planner.existing(kind, None if everywhere else namespace or credentials.namespace)
        return await planner.plan(kind, [(cr, "") for cr in crs])


def _named(known: list[Kind], name: str) -> Kind:
    wanted = name.lower().partition(".")[0]
    for kind in known:
        if wanted in (kind.resource.plural, kind.resource.kind.lower()):
            return kind
    has = ", ".join(kind.resource.plural for kind in known)
    raise KindError(f"--kind: {name!r}: there is no such kind; there are {has}")


async def _of_file(settings: Settings, file: TextIO | None, namespace: str | None) -> list[Plan]:
    assert file is not None  # noqa: S101 – the caller has seen to it
    async with workbench(settings) as bench, bench.cluster() as (cluster, credentials):
        crs = common.custom_resources(file, namespace or credentials.namespace)
        known = await bench.kinds()
        planner = Planner(bench, cluster)
        found: list[Plan] = []
        for cr in crs:
            found += await _of_one(planner, pick(known, cr["apiVersion"], cr["kind"]), cr)
        return found


async def _of_one(planner: Planner, kind: Kind, cr: dict[str, Any]) -> list[Plan]:
    try:
        wanted = await planner.as_it_would_be(kind, cr)
    except ClusterError as error:
        if not error.status:
            raise
        key = CRKey(kind.resource.plural, cr["metadata"]["namespace"], cr["metadata"]["name"])
        return [Plan(key, error=str(error))]
    return await planner.plan(kind, [wanted])
