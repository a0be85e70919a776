"""Tells which rights are missing: for which kind, and by which command somebody gives them.

What needs a right that is missing waits, and says so in the status of the resources that it concerns; nothing else
waits for it. So nothing is decided here.
"""

import asyncio
import logging
import os
import shlex
import socket
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from nuvop import rbac, resources
from nuvop.cluster import Cluster
from nuvop.crd import Resource
from nuvop.errors import ClusterError, ClusterUnreachable, KindError, LoginError, NotServed
from nuvop.kinds import Kind
from nuvop.login import Credentials
from nuvop.metrics import Metrics
from nuvop.objects import group_of
from nuvop.rbac import Mode, Need, Rule, Subject
from nuvop.resources import GroupKind
from nuvop.settings import KINDS, Settings
from nuvop.trouble import Trouble

logger = logging.getLogger(__name__)

CHECK_EVERY = 15.0
"""Seconds between two looks whether a folder has changed, or whether a right that was missing is there."""


class Rights:
    """Compares what the kinds need with what the credentials allow."""

    def __init__(
        self,
        cluster: Cluster,
        kinds: Callable[[], Sequence[Kind]],
        metrics: Metrics,
        mode: Mode,
        remedy: Callable[[Subject | None], str],
    ) -> None:
        """``kinds`` returns those that are served now, each with its components, ``remedy`` the command that gives a
        subject all rights; the subject is None where it is not known.
        """
        self._cluster = cluster
        self._kinds = kinds
        self._metrics = metrics
        self._mode = mode
        self._remedy = remedy
        self._told: dict[str, str] = {}

    async def keep_checking(self) -> None:
        """Tell what is missing at once, when a folder has changed, and when nothing is missing any more; for ever."""
        trouble = Trouble("asking for its rights")
        settled: list[str] | None = None
        """The digests of the kinds when all that they need was there."""
        while True:
            kinds = self._kinds()
            digests = [kind.digest for kind in kinds]
            if digests != settled:
                try:
                    wanted, is_all = await self._wanted(kinds)
                    missing = await self._missing(wanted)
                    await self._tell(kinds, missing)
                except (ClusterError, LoginError) as error:
                    await trouble.wait(error)
                    continue
                trouble.over()
                settled = digests if is_all and not missing else None
            await asyncio.sleep(CHECK_EVERY)

    async def _missing(self, wanted: Collection[Need]) -> list[Need]:
        given: dict[str, Sequence[Rule]] = {}
        unsure: set[str] = set()
        for place in {need.right.place for need in wanted}:
            try:
                review = await self._cluster.rules(place)
            except ClusterUnreachable:
                raise
            except ClusterError:
                review = {"incomplete": True}  # whoever answers does not know of such reviews
            given[place] = rbac.reviewed(review)
            if review.get("incomplete"):
                unsure.add(place)
        missing = rbac.missing(wanted, given)
        # An authorizer that cannot list its rules, a webhook say, has to be asked for each right.
        asked = {right for need in missing for right in (need.right, need.unless) if right and right.place in unsure}
        had = {right for right in sorted(asked) if await self._cluster.may(right)}
        return [need for need in missing if not had & {need.right, need.unless}]

    async def _wanted(self, kinds: Sequence[Kind]) -> tuple[list[Need], bool]:
        """What the kinds need, and whether that is all: it is not where the API server does not know a child's type.

        That, and a role that no API server takes, is told in the status of the kind's resources.
        """
        known = resources.known(kinds)
        wanted, is_all = rbac.needs([], known, self._mode), True
        for kind in kinds:
            try:
                for api_version, name in rbac.types(kind):
                    await self._learn(known, api_version, name)
                wanted += rbac.needs([kind], known, self._mode)
            except NotServed:
                is_all = False
            except KindError:
                continue
        return list(dict.fromkeys(wanted)), is_all

    async def _learn(self, known: dict[GroupKind, Resource], api_version: str, name: str) -> None:
        at = (group_of(api_version), name)
        if at not in known:
            found = await self._cluster.discover(api_version, name)
            known[at] = Resource(found.plural, found.namespaced)

    async def _tell(self, kinds: Iterable[Kind], missing: Collection[Need]) -> None:
        folders = {kind.resource.plural: kind.folder for kind in kinds}
        for broken in self._told.keys() - {"", *folders}:
            del self._told[broken]
            self._metrics.rights_missing(broken, 0)
        remedy = ""
        for plural in ("", *folders):
            own = {need.right for need in missing if need.kind == plural}
            self._metrics.rights_missing(plural, len(own))
            told = rbac.told(own)
            if told == self._told.get(plural, ""):
                continue
            whose = f"kind {plural} ({_relative(folders[plural])})" if plural else "nuvop itself"
            if told:
                remedy = remedy or self._remedy(await self._subject())
                logger.error("%s: rights are missing: %s. This gives them: %s", whose, told, remedy)
            else:
                logger.info("%s: the rights that were missing are there", whose)
            self._told[plural] = told

    async def _subject(self) -> Subject | None:
        """Whose the credentials are; None where the API server does not tell."""
        try:
            return _subject_of(await self._cluster.whoami())
        except ClusterUnreachable:
            raise
        except ClusterError:
            return None


_ACCOUNTS = "system:serviceaccount:"
"""What the names of service accounts as users begin with
(https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens)."""


def _subject_of(user: str) -> Subject:
    if user.startswith(_ACCOUNTS):
        namespace, _, name = user.removeprefix(_ACCOUNTS).partition(":")
        return Subject(name, namespace)
    return Subject(user)


def in_pod(settings: Settings, credentials: Credentials) -> list[str]:
    """What a command begins with that is to run in the operator's pod; empty where the operator runs in none."""
    if credentials.token_file != settings.service_account / "token":
        return []
    return ["kubectl", "exec", "-n", credentials.namespace, socket.gethostname(), "--"]


def remedy(settings: Settings, credentials: Credentials, mode: Mode, subject: Subject | None) -> str:
    """The command line that gives a subject the rights that an operator needs.

    Where it runs in a pod, the kinds that it serves are there and, for all one knows, nowhere else.
    """
    if pod := in_pod(settings, credentials):
        command = [*pod, "nuvop", "rbac"]
        command += [part for folder in settings.kinds for part in ("--kinds", str(folder))]
    else:
        command = ["nuvop", "rbac"]
        if settings.kinds != (KINDS.absolute(),):
            command += [part for folder in settings.kinds for part in ("--kinds", _relative(folder))]
    command += [part for namespace in mode.namespaces for part in ("--namespace", namespace)]
    command += ["--peering", mode.peering] if mode.peering else []
    if subject and subject.namespace:
        command += ["--service-account", f"{subject.namespace}/{subject.name}"]
    elif subject:
        command += ["--user", subject.name]
    return f"{shlex.join(command)} | kubectl apply -f -"


def _relative(folder: Path) -> str:
    """A path as the user would type it here."""
    return os.path.relpath(folder)
