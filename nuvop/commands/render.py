"""``nuvop render``: what a custom resource becomes, offline."""

from pathlib import Path
from typing import TextIO

import click

from nuvop.commands import common
from nuvop.commands.common import Given
from nuvop.settings import Settings
from nuvop.workbench import workbench


@click.command()
@common.file_option
@common.kinds_option
@common.namespace_option("The namespace of what names none.")
@click.option("--uid", help="The uid of the custom resource, where the file has none.")
def render(file: TextIO, folders: tuple[Path, ...], namespace: str | None, uid: str | None) -> None:
    """Print the manifests that custom resources become, without a cluster.

    They are those that the operator applies, but for the custom resource's uid where neither the file nor --uid says
    it. What the API server would refuse is refused with file, line and field; rules in CEL are not tried.

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
