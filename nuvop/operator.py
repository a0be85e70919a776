"""Puts the rooms together: what runs between the start and the end of an operator process."""

import asyncio
import gc
import logging
import os
import shlex
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from nuvop import crd, health, login, naming, overlay, web
from nuvop.applier import Applier
from nuvop.catalog import Catalog
from nuvop.cluster import ApiResource, Cluster, answer
from nuvop.crd import ResourceType
from nuvop.errors import ClusterError, GeneratedInUse, LoginError, NotServed, SettingsError
from nuvop.events import Recorder
from nuvop.kind_finder import KindFinder
from nuvop.kubectl import Kubectl, Processes, find_kubectl
from nuvop.login import Credentials, Login
from nuvop.made_once import Installer
from nuvop.metrics import Metrics
from nuvop.objects import Body
from nuvop.pausing import Pause
from nuvop.probes import Probes
from nuvop.pruner import Pruner
from nuvop.rbac import EVERYWHERE, Mode, Right
from nuvop.reconcile import Reconciler
from nuvop.reporter import Reporter
from nuvop.rights import Rights, in_pod, remedy
from nuvop.settings import Settings
from nuvop.trouble import Trouble

logger = logging.getLogger(__name__)

LOOK_FOR_TYPES_EVERY = 10.0
"""Seconds between two looks whether the CRDs are installed."""


OBJECTS_UNTIL_GC = 20_000
"""New containers until Python looks for cycles among them; its default of 700 costs a tenth of all processor time where
every answer of the API server is thousands of dicts, none of them part of a cycle."""

LOOK_AT_CLAIM_EVERY = 1.0
"""Seconds between two looks whether ``generated/`` is still locked."""

RESTART_DELAY = 5.0
"""Seconds until work in the background begins anew that has ended in an error that nobody foresaw."""


See = Callable[[ResourceType], Awaitable[None]]


class Operator:
    """One running operator. `start` it before kopf watches anything, `stop` it after kopf has ended."""

    login: Login
    cluster: Cluster
    _assemble: Callable[[], Reconciler]
    _reconciler: Reconciler | None = None
    """None while the operator is paused."""
    _credentials: Credentials
    _catalog: Catalog

    def __init__(self, settings: Settings, finder: KindFinder) -> None:
        """Nothing happens before `start`."""
        self._settings = settings
        self._finder = finder
        self._metrics = Metrics()
        self._ending = AsyncExitStack()
        self._pipeline = AsyncExitStack()
        self._changing = asyncio.Lock()

    async def start(self, see: See, *, cluster_wide: bool) -> None:
        """Find kubectl, log in, load the kinds, and see that the API server answers.

        From then on ``see`` is called again and again with each type that the API server serves.
        Raises KubectlUnusable, LoginError, GeneratedInUse and SettingsError: each ends the operator at once. An API
        server that does not answer is waited for.
        """
        gc.set_threshold(OBJECTS_UNTIL_GC)
        generated = self._settings.generated
        claim = overlay.claim(generated)
        self._ending.callback(os.close, claim)
        private = login.make_private_folder()
        processes = Processes(private)  # whose reaper removes the private folder, however this process ends
        self._ending.callback(processes.close)
        program = await find_kubectl(processes)
        self.login = Login(self._settings, processes, program, private)
        metrics = self._metrics
        self.cluster = Cluster(self.login, partial(metrics.requested, "nuvop"))
        self._ending.push_async_callback(self.cluster.close)
        self._credentials = credentials = await self.cluster.connect()
        logger.info("logged in to %s with %s", credentials.server, credentials.source)
        kubectl = Kubectl(processes, program, private)
        probes = Probes(processes)
        self._serve(metrics, probes)
        self._catalog = catalog = Catalog(self._finder, kubectl, self.cluster, generated, metrics)
        await catalog.load_all()
        await answer(Trouble(f"waiting for {credentials.server}"), lambda: self.cluster.discover("v1", "Pod"))
        self._assemble = partial(self._put_together, kubectl, cluster_wide=cluster_wide)
        self._reconciler = self._assemble()
        self._ending.push_async_callback(self._take_apart)
        probes.started(self.cluster, self._unsynced)
        self._in_background("keeping generated/", lambda: self._keep_claim(claim))
        self._in_background("renewing credentials", lambda: self.login.keep_fresh(credentials))
        self._in_background("looking at the folders", lambda: catalog.keep_looking(self._kind_changed))
        self._in_background("looking for the CRDs", lambda: self._keep_looking_for_types(see))

    def _serve(self, metrics: Metrics, probes: Probes) -> None:
        """Let probes and Prometheus ask, from now on."""
        if self._settings.http is not None:
            loop = asyncio.get_running_loop()
            pages = {
                "/healthz": health.page(loop, health.alive),
                "/readyz": health.page(loop, probes.ready),
                "/metrics": metrics.page,
            }
            self._ending.callback(web.serve(self._settings.http, pages).close)

    def _put_together(self, kubectl: Kubectl, *, cluster_wide: bool) -> Reconciler:
        """Make the pipeline. It ends in the opposite order: nobody tells a room that has closed anything."""
        recorder = Recorder(self.cluster)
        self._pipeline.push_async_callback(recorder.close)
        reporter = Reporter(self.cluster, recorder, self._metrics)
        pruner = Pruner(
            self._catalog,
            self.cluster,
            reporter,
            self._metrics,
            percent=self._settings.prune_limit,
            cluster_wide=cluster_wide,
        )
        applier = Applier(kubectl, self._settings.generated, self._metrics)
        self._pipeline.push_async_callback(applier.close)
        reconciler = Reconciler(
            self._catalog,
            self.cluster,
            applier,
            Installer(kubectl, self._settings.generated),
            reporter,
            pruner,
            self._metrics,
            self._settings.generated,
            cluster_wide=cluster_wide,
        )
        self._pipeline.push_async_callback(reconciler.close)
        return reconciler

    async def _take_apart(self) -> None:
        """Let what is being applied end, and be told; nothing is known of any CR from then on."""
        async with self._changing:
            self._reconciler = None
            await self._pipeline.aclose()
            self._metrics.forget_resources()

    def follow(self, pause: Pause) -> None:
        """Stand still from now on while kopf pauses this operator; begin anew, as at a start, when it does no more."""
        self._in_background("following the peering", lambda: pause.follow(self._pause))

    async def _pause(self, is_paused: bool) -> None:
        self._metrics.paused(is_paused=is_paused)
        if is_paused:
            # To its end, also where the operator is asked to stop meanwhile: that waits for it.
            await asyncio.shield(self._take_apart())
            logger.info("standing still: its peering lets another operator work, or has not been seen yet")
        else:
            # kopf lists all custom resources anew; who was deleted meanwhile is unknown, as after a start.
            self._reconciler = self._assemble()
            logger.info("going on")

    def seen(self, plural: str, body: Body) -> None:
        """Take in a CR as kopf showed it."""
        if self._reconciler is not None:
            self._reconciler.seen(plural, body)

    def gone(self, plural: str, body: Body) -> None:
        """Take in that a CR is gone."""
        if self._reconciler is not None:
            self._reconciler.gone(plural, body)

    def _kind_changed(self, plural: str) -> None:
        if self._reconciler is not None:
            self._reconciler.kind_changed(plural)

    def _unsynced(self) -> list[str]:
        """A paused operator watches nothing, and is ready to take over."""
        return self._reconciler.unsynced() if self._reconciler is not None else []

    def kopf_requested(self, method: str, code: str) -> None:
        """Take in a request of kopf's and the status that it was answered with; an empty one for no answer."""
        self._metrics.requested("kopf", method, code)

    async def stop(self) -> None:
        """Let what is being applied end, then leave nothing: no process, no credentials on disk."""
        await self._ending.aclose()

    def _in_background(self, what: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def guarded() -> None:
            while True:
                try:
                    return await work()
                except Exception:
                    logger.exception("%s: nuvop has an error here; beginning anew", what)
                    await asyncio.sleep(RESTART_DELAY)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        task = asyncio.create_task(guarded())
        self._ending.push_async_callback(end)

    async def _keep_claim(self, claim: int) -> None:
        """See that ``generated/`` is locked, whoever sweeps it."""
        trouble = Trouble("keeping generated/")
        while True:
            try:
                overlay.keep_claim(self._settings.generated, claim)
            except (SettingsError, GeneratedInUse) as error:
                await trouble.wait(error)
            else:
                trouble.over()
                await asyncio.sleep(LOOK_AT_CLAIM_EVERY)

    def check_rights(self, mode: Mode) -> None:
        """Have it told from now on which rights are missing."""
        how = partial(remedy, self._settings, self._credentials, mode)
        rights = Rights(self.cluster, self._catalog.served, self._metrics, mode, how)
        self._in_background("checking its rights", rights.keep_checking)

    async def may_scan(self, *, cluster_wide: bool) -> bool:
        """Whether the credentials allow kopf to notice new CRDs and, unless it serves all, new namespaces."""
        crds, namespaces = ("apiextensions.k8s.io", "customresourcedefinitions"), ("", "namespaces")
        asked = [crds] if cluster_wide else [crds, namespaces]
        return await self._may([Right(EVERYWHERE, *resource, verb) for resource in asked for verb in ("list", "watch")])

    async def _keep_looking_for_types(self, see: See) -> None:
        """Say which CR types the API server does not know, how to install them, and when it knows them again."""
        missing: dict[str, str] = {}
        pod = in_pod(self._settings, self._credentials)
        trouble = Trouble("looking for the CRDs")
        asking = Trouble("asking what is served")
        while True:
            try:
                absent = []
                for path, type_ in self._catalog.types:
                    if not await self._is_served(type_, asking):
                        absent.append((path, type_))
                        continue
                    if missing.pop(type_.plural, None):
                        logger.info("CRD %s.%s is installed", type_.plural, type_.group)
                    await see(type_)
                served = await self._served(asking) if absent else []
                for path, type_ in absent:
                    told = _how_to_install(path, type_, pod, _other_versions(type_, served))
                    if missing.get(type_.plural) != told:
                        logger.warning("%s: waiting for it", told)
                    missing[type_.plural] = told
            except (ClusterError, LoginError) as error:
                await trouble.wait(error)
            else:
                trouble.over()
                await asyncio.sleep(LOOK_FOR_TYPES_EVERY)

    async def _is_served(self, type_: ResourceType, asking: Trouble) -> bool:
        try:
            await answer(asking, lambda: self.cluster.discover(type_.api_version, type_.kind, anew=True))
        except NotServed:
            return False
        return True

    async def _served(self, asking: Trouble) -> list[ApiResource]:
        """All that the API server serves; nothing where it does not tell."""
        try:
            groups = await answer(asking, self.cluster.served)
        except ClusterError:  # Kubernetes before 1.30
            return []
        return [each.resource for each in naming.served(groups)]

    async def _may(self, rights: Iterable[Right]) -> bool:
        """Whether the credentials give all of these rights."""
        for right in rights:
            if not await answer(Trouble("asking for its rights"), partial(self.cluster.may, right)):
                return False
        return True


def _other_versions(type_: ResourceType, served: Iterable[ApiResource]) -> list[str]:
    """The versions of a type that are served instead of its own."""
    versions = [each.version for each in served if (each.group, each.plural) == (type_.group, type_.plural)]
    return [version for version in versions if version != type_.version]


def _how_to_install(path: Path, type_: ResourceType, pod: Sequence[str], others: Sequence[str]) -> str:
    """What is missing, and the command that installs it.

    ``pod`` is what one begins with that runs in a pod, ``others`` are other versions of the type that are served.
    """
    file = path / crd.FILE
    # The path as the user would type it here; whoever reads a pod's log has the pod and not its folders.
    typed = (
        f"{shlex.join([*pod, 'cat', str(file.absolute())])} | kubectl apply -f -"
        if pod
        else f"kubectl apply -f {shlex.quote(os.path.relpath(file))}"
    )
    name = f"CRD {type_.plural}.{type_.group}"
    if others:
        return f"{name} in the cluster has {', '.join(others)} and not {type_.version} (`{typed}`)"
    return f"{name} is not installed (`{typed}`)"
