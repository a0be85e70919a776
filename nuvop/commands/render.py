"""``nuvop render``: what a custom resource becomes, offline."""

from pathlib import Path
from typing import Any, TextIO

import click

from nuvop.commands import common
from nuvop.settings import Settings
from nuvop.workbench import workbench


@click.command()
@common.file_option
@common.kinds_option
@common.namespace_option
@click.option("--uid", help="The uid of the custom resource, where the file has none.")
def render(file: TextIO, folders: tuple[Path, ...], namespace: str | None, uid: str | None) -> None:
    """Print the manifests that custom resources become, without a cluster.

    They are those that the operator applies, but for the custom resource's uid where neither the file nor --uid says
    it. Exit code 1 where a kind or a custom resource is wrong.

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


async def _render(settings: Settings, crs: list[dict[str, Any]], uid: str | None) -> str:
    async with workbench(settings) as bench:
        made = [
            await bench.manifests(await bench.kind_of(cr["apiVersion"], cr["kind"]), common.for_rendering(cr, uid))
            for cr in crs
        ]
    return "---\n".join(made)
