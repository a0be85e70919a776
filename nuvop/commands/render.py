"""``nuvop render``: what a custom resource becomes, offline."""

import re
from pathlib import Path
from typing import TextIO

import click

from nuvop.commands import common
from nuvop.commands.common import Given
from nuvop.objects import NO_UID
from nuvop.settings import Settings
from nuvop.workbench import workbench

_UID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""As the API server makes them (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#uids)."""


def _uid(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value and not _UID.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no uid, such as {NO_UID}", param=param)
    return value


@click.command()
@common.file_option
@common.kinds_option
@common.namespace_option("The namespace of what names none.")
@click.option("--uid", callback=_uid, help="The uid of the custom resource, where the file has none.")
def render(file: TextIO, folders: tuple[Path, ...], namespace: str | None, uid: str | None) -> None:
    """Print the manifests that custom resources become, without a cluster.

    They are those that the operator applies, but for the custom resource's uid where neither the file nor --uid says
    it. What the API server would refuse is refused with file, line and field; of rules in CEL
    only those on the name are tried.

    Exit code 1 where a kind or a custom resource is wrong.

    \b
    nuvop render -f kustomize/samples/examples/obj.yaml
    kubectl get sam/obj -o yaml | nuvop render -f -
    """
    with common.told():
        crs = common.custom_resources(file, namespace or "default")
        if uid and len(crs) > 1:
            raise click.UsageError(f"--uid is of one custom resource, and {file.name} has {len(crs)}")
        known = common.read_settings(folders)
    click.echo(common.run(_render(known, crs, uid)), nl=False)


async def _render(settings: Settings, given: list[Given], uid: str | None) -> str:
    async with workbench(settings) as bench:
        kinds = [await bench.kind_of(each.cr["apiVersion"], each.cr["kind"]) for each in given]
        pairs = list(zip(kinds, given, strict=True))
        if misfits := [misfit for kind, each in pairs for misfit in each.misfits(kind)]:
            raise click.ClickException("\n".join(misfits))
        made = [await bench.manifests(kind, common.for_rendering(each.cr, uid)) for kind, each in pairs]
    return "---\n".join(made)
