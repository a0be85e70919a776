"""What is told of rights that are missing."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from nuvop import rbac, resources, rights
from nuvop.cluster import ApiResource, Cluster
from nuvop.errors import ClusterError, ClusterUnreachable, LoginError, NotFound, NotServed
from nuvop.kinds import Kind
from nuvop.login import Credentials
from nuvop.metrics import Metrics
from nuvop.rbac import EVERYWHERE, Mode, Right, Rule, Subject
from nuvop.rights import Rights, remedy
from nuvop.settings import Settings
from tests.unit.test_rbac import DEPLOYMENT, READ_PODS, kind_of, obj, role

CERTIFICATE = obj("Certificate", "cert-manager.io/v1")
ALL = Rule(("*",), ("*",), ("*",))


class Authority:
    """What an API server says of rights: the rules by place, and what an authorizer allows that lists no rules."""

    def __init__(self) -> None:
        self.rules_of: dict[str, list[Rule]] = {}
        self.unlisted: set[Right] | None = None
        self.user = "system:serviceaccount:ops:op"
        self.errors: list[Exception] = []
        self.served: dict[str, ApiResource] = {}
        self.asked: Counter[str] = Counter()

    def _ask(self, what: str) -> None:
        self.asked[what] += 1
        if self.errors:
            raise self.errors.pop(0)

    async def rules(self, namespace: str) -> Mapping[str, Any]:
        self._ask(f"rules in {namespace}")
        listed = [
            {"verbs": r.verbs, "apiGroups": r.groups, "resources": r.resources, "resourceNames": r.names}
            for r in self.rules_of.get(namespace, [])
        ]
        return {"resourceRules": listed, "nonResourceRules": [], "incomplete": self.unlisted is not None}

    async def may(self, right: Right) -> bool:
        self._ask("may")
        return right in (self.unlisted or set())

    async def whoami(self) -> str:
        self._ask("whoami")
        return self.user

    async def discover(self, api_version: str, kind: str) -> ApiResource:
        self._ask("discover")
        if kind not in self.served:
            raise NotServed(f"no {kind}", status=404)
        return self.served[kind]

    def give(self, kinds: Iterable[Kind], mode: Mode) -> None:
        """Give all that is needed."""
        needed = [need.right for need in rbac.needs(kinds, resources.known(kinds), mode)]
        for place in mode.places:
            self.rules_of[place] = list(rbac.merged([right for right in needed if right.place in (place, EVERYWHERE)]))


class Check:
    """A check of rights under way."""

    def __init__(self, kinds: list[Kind], mode: Mode, caplog: pytest.LogCaptureFixture) -> None:
        self.authority = Authority()
        self.kinds = kinds
        self.mode = mode
        self.metrics = Metrics()
        self._caplog = caplog
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        cluster = cast("Cluster", self.authority)
        made = Rights(cluster, lambda: self.kinds, self.metrics, self.mode, lambda subject: f"mend it for {subject}")
        self._task = asyncio.create_task(made.keep_checking())

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not true():
                assert self._task is not None
                assert not self._task.done(), self._task
                await asyncio.sleep(0.005)

    async def rounds(self, count: int) -> None:
        """Let it look so many times."""
        await asyncio.sleep(count * 0.02)

    def stop(self) -> None:
        if self._task:
            self._task.cancel()

    @property
    def said(self) -> list[str]:
        return [f"{record.levelname}: {record.getMessage()}" for record in self._caplog.records]

    def missing(self, kind: str) -> float | None:
        return self.metrics.registry.get_sample_value("nuvop_rights_missing", {"kind": kind})


Make = Callable[..., Check]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Make]:
    monkeypatch.setattr(rights, "CHECK_EVERY", 0.01)
    caplog.set_level(logging.INFO, "nuvop")
    made: list[Check] = []

    def make(*kinds: Kind, mode: Mode = Mode(("a", "b"))) -> Check:  # noqa: B008 – a value
        made.append(Check(list(kinds), mode, caplog))
        return made[-1]

    yield make
    for each in made:
        each.stop()


async def test_who_has_all_rights_hears_nothing_and_is_asked_once(check: Make) -> None:
    it = check(kind_of())
    it.authority.give(it.kinds, it.mode)
    it.start()
    await it.until(lambda: it.missing("samples") == 0)
    await it.rounds(3)
    assert it.said == []
    assert it.authority.asked == {"rules in a": 1, "rules in b": 1}
    assert it.missing("") == 0


async def test_what_is_missing_is_told_once_for_each_kind_with_what_mends_it(check: Make) -> None:
    it = check(kind_of(), kind_of(plural="others"))
    it.authority.rules_of = {
        "a": [Rule(("*",), ("samples", "samples/status", "others", "others/status", "events"), ("*",))],
        "b": [ALL],
    }
    it.start()
    await it.until(lambda: it.authority.asked["rules in a"] > 3)
    folder = Path(__file__).parents[2].joinpath("kustomize/samples")
    where = rights._relative(folder)
    subject = Subject("op", "ops")
    told = "rights are missing: get, list, watch, create, patch, delete deployments.apps in a. This gives them: mend it"
    assert it.said == [
        f"ERROR: kind samples ({where}): {told} for {subject}",
        f"ERROR: kind others ({where}): {told} for {subject}",
    ]
    assert (it.missing("samples"), it.missing("others"), it.missing("")) == (6, 6, 0)
    assert it.authority.asked["may"] == 0, "the rules that were listed are all"
    it.authority.give(it.kinds, it.mode)
    await it.until(lambda: len(it.said) == 4)
    assert it.said[2:] == [
        f"INFO: kind {plural} ({where}): the rights that were missing are there" for plural in ("samples", "others")
    ]
    assert it.missing("samples") == 0
    asked = Counter(it.authority.asked)
    await it.rounds(3)
    assert it.authority.asked == asked, "when all is there nobody asks any more"


async def test_what_all_kinds_need_is_told_of_the_operator(check: Make) -> None:
    it = check(kind_of(), mode=Mode())
    it.authority.rules_of = {EVERYWHERE: [Rule(("nuvolaris.org", "apps"), ("*",), ("*",))]}
    it.authority.user = "jane"
    it.start()
    await it.until(lambda: it.said)
    (told,) = it.said
    assert told == (
        "ERROR: nuvop itself: rights are missing: list, watch customresourcedefinitions.apiextensions.k8s.io "
        "cluster-wide; list, watch events cluster-wide; create events.events.k8s.io cluster-wide. "
        f"This gives them: mend it for {Subject('jane')}"
    )
    assert it.missing("") == 5


async def test_a_folder_that_changes_is_looked_at_again(check: Make) -> None:
    it = check(kind_of())
    it.authority.give(it.kinds, it.mode)
    it.start()
    await it.until(lambda: it.missing("samples") == 0)
    it.kinds[:] = [kind_of(DEPLOYMENT, obj("Service"), text="release: []\n")]
    await it.until(lambda: it.said)
    assert "get, list, watch, create, patch, delete services in a and b. " in it.said[0]


async def test_of_a_kind_that_is_broken_no_right_is_missing(check: Make) -> None:
    """Another metric and the status tell that it is broken; once it is mended, what is missing is told again."""
    it = check(kind_of(), kind_of(plural="others"), mode=Mode(("a",)))
    it.authority.rules_of = {"a": [Rule(("nuvolaris.org", "events.k8s.io", ""), ("*",), ("*",))]}
    it.start()
    await it.until(lambda: it.missing("samples") == 6)
    mended = it.kinds.pop(0)
    await it.until(lambda: it.missing("samples") == 0)
    assert it.missing("others") == 6
    it.kinds.append(mended)
    await it.until(lambda: it.missing("samples") == 6)
    assert [text.split(" ")[2] for text in it.said] == ["samples", "others", "samples"]


async def test_an_authorizer_that_lists_no_rules_is_asked_for_each_right(check: Make) -> None:
    it = check(kind_of(role("Role", "r", READ_PODS)))
    needs = rbac.needs(it.kinds, resources.known(it.kinds), it.mode)
    it.authority.unlisted = {need.right for need in needs if need.right.resource not in ("samples/status", "pods")}
    it.authority.unlisted |= {need.unless for need in needs if need.unless}
    it.start()
    await it.until(lambda: it.said)
    assert "rights are missing: patch samples.nuvolaris.org/status in a and b." in it.said[0]
    assert it.missing("samples") == 2, "what a role gives need not be had by who may escalate"


async def test_who_knows_of_no_reviews_of_rules_is_asked_for_each_right(check: Make) -> None:
    it = check(kind_of(), mode=Mode(("a",)))
    it.authority.unlisted = {need.right for need in rbac.needs(it.kinds, resources.known(it.kinds), it.mode)}
    it.authority.errors = [NotFound("no such page", status=404)]
    it.start()
    await it.until(lambda: it.missing("samples") == 0)
    assert it.said == []
    assert it.authority.asked["may"] == len(it.authority.unlisted)


@pytest.mark.parametrize("error", [ClusterUnreachable("away"), LoginError("no token")])
async def test_an_api_server_that_is_away_is_waited_for(
    check: Make, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nuvop.trouble.RETRY_DELAYS", (0.01,))
    it = check(kind_of())
    it.authority.give(it.kinds, it.mode)
    it.authority.errors = [error, error]
    it.start()
    await it.until(lambda: it.missing("samples") == 0)
    assert it.said == [
        f"WARNING: asking for its rights: {error}; trying again until it works",
        "WARNING: asking for its rights: works again",
    ]


@pytest.mark.parametrize("error", [ClusterUnreachable("away"), LoginError("no token")])
async def test_what_is_missing_is_told_also_where_whose_the_credentials_are_is_not_known_at_once(
    check: Make, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nuvop.trouble.RETRY_DELAYS", (0.01,))
    it = check(kind_of(), kind_of(plural="others"), mode=Mode(("a",)))
    original = it.authority.whoami

    async def whoami() -> str:
        it.authority.errors = [error] * (not it.authority.asked["whoami"])
        return await original()

    it.authority.whoami = whoami  # type: ignore[method-assign]
    it.start()
    await it.until(lambda: it.authority.asked["rules in a"] > 3)
    told = [text for text in it.said if text.startswith("ERROR: ")]
    assert [text.split(" ")[2].rstrip(":") for text in told] == ["itself", "samples", "others"]
    assert all(text.endswith(f"This gives them: mend it for {Subject('op', 'ops')}") for text in told)


async def test_who_does_not_say_whose_the_credentials_are(check: Make) -> None:
    it = check(kind_of(), mode=Mode(("a",)))
    it.authority.errors = []
    original = it.authority.whoami

    async def whoami() -> str:
        it.authority.errors = [ClusterError("no such page", status=404)]
        return await original()

    it.authority.whoami = whoami  # type: ignore[method-assign]
    it.start()
    await it.until(lambda: it.said)
    assert it.said[0].endswith("mend it for None")


async def test_the_type_of_a_child_is_looked_up_until_it_is_served(check: Make) -> None:
    it = check(kind_of(CERTIFICATE), kind_of(plural="others"), mode=Mode(("a",)))
    it.authority.rules_of = {"a": [Rule(("nuvolaris.org", "events.k8s.io", "apps", ""), ("*",), ("*",))]}
    it.start()
    await it.until(lambda: it.authority.asked["rules in a"] > 2)
    assert it.said == [], "the other kind has all, and of this one the status tells"
    it.authority.served["Certificate"] = ApiResource("cert-manager.io", "v1", "certificates", "Certificate")
    await it.until(lambda: it.said)
    assert "get, list, watch, create, patch, delete certificates.cert-manager.io in a. " in it.said[0]


# --- the command -----------------------------------------------------------------------------------------------------

HERE = (Path("kustomize").absolute(),)
ELSEWHERE = (Path("my kinds").absolute(), Path("others").absolute())
ACCOUNT = Path("/account")


@pytest.mark.parametrize(
    ("mode", "subject", "folders", "token", "expected"),
    [
        (Mode(), None, HERE, None, "nuvop rbac"),
        (Mode(), Subject("op", "ops"), HERE, Path("/a/token"), "nuvop rbac --service-account ops/op"),
        (
            Mode(("a", "b-*")),
            Subject("jane doe"),
            HERE,
            None,
            "nuvop rbac --namespace a --namespace 'b-*' --user 'jane doe'",
        ),
        (Mode(peering="p"), None, ELSEWHERE, None, "nuvop rbac --kinds 'my kinds' --kinds others --peering p"),
        (
            Mode(),
            Subject("op", "ops"),
            (Path("/opt/kinds"),),
            ACCOUNT / "token",
            "kubectl exec -n ops pod-1 -- nuvop rbac --kinds /opt/kinds --service-account ops/op",
        ),
    ],
)
def test_the_command_that_gives_rights(
    monkeypatch: pytest.MonkeyPatch,
    mode: Mode,
    subject: Subject | None,
    folders: tuple[Path, ...],
    token: Path | None,
    expected: str,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "pod-1")
    settings = Settings(folders, Path("/generated"), ACCOUNT, None, 50)
    credentials = Credentials("source", "https://server", "ops", token_file=token)
    assert remedy(settings, credentials, mode, subject) == f"{expected} | kubectl apply -f -"
