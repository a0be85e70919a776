"""``nuvop tree``: a custom resource with all that belongs to it."""

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from nuvop import crd, drawing, kind_folder, kind_yaml, naming, readiness
from nuvop import tree as trees
from nuvop.cluster import ApiResource, Cluster
from nuvop.commands import common
from nuvop.commands.screen import Screen, is_terminal
from nuvop.drawing import Style
from nuvop.errors import ClusterError, KindError, NotResolved, NuvopError
from nuvop.settings import KINDS_VARIABLE, Settings
from nuvop.sight import Sight
from nuvop.tree import Node, Rules, Seen
from nuvop.workbench import workbench

COMPLETION_TIMEOUT = 5.0
"""Seconds that a shell waits for the names of custom resources."""

LIST_TIMEOUT = 2.0
"""Seconds of them that the names of one kind's may take; one that is being deleted, say, must not hide the others."""

CATEGORY = "nuvop"
"""The category of the kinds whose custom resources are completed; `nuvop new` writes it into the CRDs."""

_LOOKS: dict[Style, dict[str, Any]] = {
    Style.GOOD: {"fg": "green"},
    Style.WAITING: {"fg": "yellow"},
    Style.BAD: {"fg": "red"},
    Style.ASIDE: {"dim": True},
}


def _completed(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The custom resources that a word may mean, of kinds in the category nuvop."""
    words = context.params.get("words") or ()
    try:
        work = _names(common.read_settings(()), context.params.get("namespace"), words, incomplete)
        return [CompletionItem(name) for name in asyncio.run(asyncio.wait_for(work, COMPLETION_TIMEOUT))]
    except (NuvopError, TimeoutError):
        return []  # a shell has no place for errors while a line is typed


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="KIND/NAME", shell_complete=_completed)
@click.option("-w", "--watch", is_flag=True, help="Draw it anew whenever something changes, until Ctrl-C.")
@common.kinds_option
@common.namespace_option("The namespace; without it the kubeconfig's.")
@click.option("-o", "--output", type=click.Choice(["json"]), help="For programs.")
def tree(
    words: tuple[str, ...], watch: bool, folders: tuple[Path, ...], namespace: str | None, output: str | None
) -> None:
    """Print a custom resource with its children, and what Kubernetes has made of them.

    KIND/NAME is understood as by kubectl: sam/obj, samples/obj, sample.nuvolaris.org/obj, or in two words.

    Of each object: how far it is and why, what somebody has changed of what nuvop set (~), who owns fields of it
    beside nuvop, and the last Warning events about it (!). Children that are not there are named. Nothing of a Secret
    is read but its metadata. What you have no right to see is told, and everything else shown.

    No kind's folder is needed. With the folder at hand its rules of when children are ready (`ready` in kind.yaml)
    count, as they do for the operator.

    Exit code 0 where the custom resource is ready, and each child that can be seen is there, ready and as nuvop made
    it; 2 where that is not so; 1 for an error. --watch ends with 130, on Ctrl-C.

    \b
    nuvop tree sam/obj -n demo
    nuvop tree samples obj --watch
    nuvop tree sam/obj -o json
    """
    if watch and output:
        raise click.UsageError("--watch is for people, --output for programs")
    with common.told():
        known = common.read_settings(folders)
    is_named = bool(folders or os.environ.get(KINDS_VARIABLE))
    if watch:
        _until_stopped(_watch(known, is_named, words, namespace))
    root = common.run(_look(known, is_named, words, namespace))
    if output == "json":
        click.echo(json.dumps(drawing.as_json(root), indent=2))
    else:
        for line in _drawn(root, shutil.get_terminal_size().columns if is_terminal() else None):
            click.echo(line)
    raise click.exceptions.Exit(0 if trees.is_well(root) else 2)


def _drawn(root: Node, width: int | None) -> list[str]:
    return drawing.lines(root, time.time(), width, lambda text, style: click.style(text, **_LOOKS[style]))


# --- once and for ever -----------------------------------------------------------------------------------------------


async def _look(settings: Settings, is_named: bool, words: tuple[str, ...], namespace: str | None) -> Node:
    async with workbench(settings) as bench, bench.cluster() as (cluster, credentials):
        resource, name = await _meant(cluster, words)
        rules, note = await asyncio.to_thread(_rules, settings, is_named, resource)
        seen = await Sight(cluster, resource, namespace or credentials.namespace, name).once()
        return _grown(seen, rules, note)


async def _watch(settings: Settings, is_named: bool, words: tuple[str, ...], namespace: str | None) -> None:
    async with workbench(settings) as bench, bench.cluster() as (cluster, credentials):
        resource, name = await _meant(cluster, words)
        rules, note = await asyncio.to_thread(_rules, settings, is_named, resource)
        where = namespace or credentials.namespace
        sight = Sight(cluster, resource, where, name)
        fresh = asyncio.create_task(bench.login.keep_fresh(credentials))
        try:
            if is_terminal():
                await _on_screen(sight, f"{resource.plural}/{name} in {where}", rules, note)
            else:
                await sight.follow(_printer(rules, note))
        finally:
            fresh.cancel()


async def _on_screen(sight: Sight, title: str, rules: Rules, note: str) -> None:
    screen = Screen(f"nuvop tree: {title}, as it changes")
    asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, sight.look_again)
    with screen.shown(sight.look_again):
        await sight.follow(
            lambda seen: screen.draw(_drawn(_grown(seen, rules, note), shutil.get_terminal_size().columns))
        )


def _printer(rules: Rules, note: str) -> Callable[[Seen], None]:
    """Prints each tree that is another one than the last."""
    last: list[Node] = []

    def show(seen: Seen) -> None:
        root = _grown(seen, rules, note)
        if last != [root]:
            last[:] = [root]
            click.echo(f"--- {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
            for line in _drawn(root, None):
                click.echo(line)

    return show


def _grown(seen: Seen, rules: Rules, note: str) -> Node:
    told = replace(seen, refused=(*seen.refused, note)) if note else seen
    return trees.grow(told, rules, datetime.now(UTC))


def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Do what goes on for ever until a signal ends it; then end with the signal's exit code."""

    async def stoppable() -> None:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await task

    try:
        common.run(stoppable())
    except KeyboardInterrupt:
        raise click.exceptions.Exit(common.INTERRUPTED) from None
    except asyncio.CancelledError:
        raise click.exceptions.Exit(common.TERMINATED) from None


# --- what is meant ---------------------------------------------------------------------------------------------------


async def _meant(cluster: Cluster, words: tuple[str, ...]) -> tuple[ApiResource, str]:
    kind, name = naming.parse(words)
    resource = naming.resolve(kind, list(naming.served(await cluster.served())))
    if not readiness.is_custom(resource.group) or not resource.namespaced:
        raise NotResolved(f"{kind}: {resource.kind} ({resource.api_version}) is no kind that nuvop could serve")
    return resource, name


def _rules(settings: Settings, is_named: bool, resource: ApiResource) -> tuple[Rules, str]:
    """When children are ready, as the kind's folder says it, and what there is to say of the folder.

    Folders that nobody has named need not be there.
    """
    try:
        paths = _folders(settings, is_named)
        return _rules_in(paths, settings.kinds, resource), ""
    except NuvopError as error:
        if is_named:
            raise
        return {}, f"the rules of its kind's folder do not count: {error}"


def _folders(settings: Settings, is_named: bool) -> list[Path]:
    try:
        return kind_folder.find(settings.kinds)
    except KindError:
        if is_named:
            raise
        return []


def _rules_in(paths: Sequence[Path], named: Collection[Path], resource: ApiResource) -> Rules:
    """The rules of the kind's folder, if it is among these; raise what is wrong with it.

    Whose folder it is that names no type nobody knows, unless it was named itself or is called as the kind is.
    """
    unknown: list[NuvopError] = []
    for path in paths:
        try:
            files = kind_folder.read(path)
            type_ = crd.resource_type(path, files)
        except NuvopError as error:
            unknown += [error] * (path in named or path.name == resource.plural)
            continue
        if (type_.group, type_.kind) == (resource.group, resource.kind):
            return kind_yaml.parse(path, files).rules
    if unknown:
        raise unknown[0]
    return {}


async def _names(settings: Settings, namespace: str | None, words: tuple[str, ...], incomplete: str) -> list[str]:
    """What a word may become: KIND/NAME, or NAME where the word before is a kind."""
    begun, slash, _ = incomplete.partition("/")
    async with workbench(settings) as bench, bench.cluster() as (cluster, credentials):
        known = [each for each in naming.served(await cluster.served()) if CATEGORY in each.categories]
        where = namespace or credentials.namespace
        if words or slash:
            prefix = "" if words else f"{begun}/"
            resources = {prefix: naming.resolve(words[0] if words else begun, known)}
        else:
            resources = {f"{name}/": found for name, found in naming.plain(known).items() if name.startswith(begun)}
        called = await asyncio.gather(*(_called(cluster, resource, where) for resource in resources.values()))
        found = [f"{prefix}{name}" for prefix, names in zip(resources, called, strict=True) for name in names]
        return [name for name in found if name.startswith(incomplete)]


async def _called(cluster: Cluster, resource: ApiResource, namespace: str) -> list[str]:
    try:
        async with asyncio.timeout(LIST_TIMEOUT):
            bodies = await cluster.list(resource, namespace, metadata_only=True)
    except (ClusterError, TimeoutError):
        return []  # others may be listed
    return sorted(body["metadata"]["name"] for body in bodies)
