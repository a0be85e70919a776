"""``nuvop plan``: what would become of custom resources and their children, without changing anything."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from nuvop import plan as plans
from nuvop import plan_text
from nuvop.commands import common
from nuvop.errors import NotResolved
from nuvop.objects import Body, group_of, key_of
from nuvop.plan import Plans
from nuvop.planner import Planner
from nuvop.settings import Settings
from nuvop.workbench import workbench


@click.command()
@click.option("-f", "--filename", "file", type=click.File(), help="A file of custom resources; - is stdin.")
@click.option("--kind", "name", metavar="KIND", help="All custom resources of a kind: samples, Sample or sam.")
@common.kinds_option
@common.namespace_option("The namespace; without it the kubeconfig's.")
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="With --kind: in all namespaces.")
@click.option("-o", "--output", type=click.Choice(["json"]), help="For programs: docs/plan.md tells the fields.")
@click.option("-v", "--verbose", is_flag=True, help="Also what is unchanged, all names and all groups.")
def plan(
    file: TextIO | None,
    name: str | None,
    folders: tuple[Path, ...],
    namespace: str | None,
    everywhere: bool,
    output: str | None,
    verbose: bool,
) -> None:
    """Print what would change in the cluster, and change nothing.

    Either for the custom resources of a file, as they would be once `kubectl apply -f` has been there, or for all that
    there are of a kind, against its folder as it is now. What is the same for several is printed once, and * stands for
    the custom resource's name. A line for each object:

    \b
    + it would be created
    ~ changed, in the fields below it
    ± deleted and made anew, as its folder allows where a field cannot be changed
    - deleted, as it is no longer part of its custom resource
    ? deleted once that is confirmed: it would be too much at once
    · left as it is, though somebody has changed it: drift: report
    ! refused by the API server, or nothing is done before it is mended
    = unchanged (with --verbose)

    Another revision label alone is no change; the last line counts them. Values of Secrets are never printed.

    It applies everything in dry runs, so it needs the rights that the operator has, and webhooks are asked, too. What
    mutating webhooks make of the operator's own requests it cannot know better than a dry run does.

    \b
    Exit code 0: nothing would change
              2: something would
              1: something is refused or stopped, or it could not be found out

    \b
    nuvop plan -f kustomize/samples/examples/obj.yaml
    nuvop plan --kind samples --all-namespaces
    nuvop plan --kind samples -n demo -o json | jq .summary
    """
    if (file is None) == (name is None):
        raise click.UsageError("either -f FILE or --kind KIND says what to plan for")
    if everywhere and (file is not None or namespace is not None):
        raise click.UsageError("--all-namespaces goes with --kind, and without --namespace")
    with common.told():
        known = common.read_settings(folders)
    work = _of_file(known, file, namespace) if name is None else _of_kind(known, name, namespace, everywhere)
    found = common.run(work)
    if output == "json":
        click.echo(json.dumps(plans.as_json(found), indent=2, ensure_ascii=False))
    else:
        for line in plan_text.lines(found, _painted, verbose=verbose):
            click.echo(line)
    raise click.exceptions.Exit(plans.summed_up(found).exit_code)


def _painted(line: str, colour: str) -> str:
    return click.style(line, fg=colour)


async def _of_kind(settings: Settings, name: str, namespace: str | None, everywhere: bool) -> Plans:
    async with workbench(settings) as bench, bench.cluster() as (cluster, credentials):
        try:
            kind = await bench.kind_called(name)
        except NotResolved as error:
            raise NotResolved(f"--kind: {error}") from error
        planner = Planner(bench, cluster, everywhere=everywhere)
        return await planner.of_kind(kind, None if everywhere else namespace or credentials.namespace)


async def _of_file(settings: Settings, file: TextIO | None, namespace: str | None) -> Plans:
    assert file is not None  # noqa: S101 – the caller has seen to it
    async with workbench(settings) as bench, bench.cluster() as (cluster, credentials):
        crs = [each.cr for each in common.custom_resources(file, namespace or credentials.namespace)]
        _refuse_twice(file.name, crs)
        by_type: dict[tuple[str, str], list[Body]] = {}
        for cr in crs:
            by_type.setdefault((group_of(cr["apiVersion"]), cr["kind"]), []).append(cr)
        kinds = [await bench.kind_of(first["apiVersion"], first["kind"]) for first, *_ in by_type.values()]
        planner = Planner(bench, cluster)
        found = Plans()
        for kind, of_kind in zip(kinds, by_type.values(), strict=True):
            found += await planner.of_file(kind, of_kind)
        return found


def _refuse_twice(file: str, crs: Sequence[dict[str, Any]]) -> None:
    keys = [key_of(cr) for cr in crs]
    for key in keys:
        if keys.count(key) > 1:
            raise click.ClickException(f"{file}: {key} in {key.namespace} stands there twice")
