"""What nuvop counts, in Prometheus' text format.

``docs/metrics.md`` says what each metric means. In all of them ``kind`` is the plural of a CR's type, such as
``samples``. No label names a single object or CR: the number of series must not grow with the number of CRs.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, make_wsgi_app

from nuvop.objects import CRKey
from nuvop.status import Phase
from nuvop.web import Page

ApplyResult = Literal["applied", "failed", "partly"]
"""What became of one kubectl: all of its CRs were applied, none was, or some were."""
APPLY_RESULTS: tuple[ApplyResult, ...] = ("applied", "failed", "partly")

Stage = Literal["reconcile", "overlay", "apply", "turn", "status"]
"""What a CR goes through: ``reconcile`` is all of it, ``apply`` begins with the wait for a ``turn``."""
STAGES: tuple[Stage, ...] = ("reconcile", "overlay", "apply", "turn", "status")

STAGE_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0)
APPLY_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0)
BATCH_SIZES = (1, 2, 5, 10, 20, 30, 40, 50)
"""Upper bounds of the histograms' buckets."""

MOST_DRIFT_SERIES = 1000
"""How many fields and managers are told apart. Whoever may edit a child chooses the manager's name, a new one for
each request if he likes; a metrics server remembers all of them."""
_UID = re.compile(r"\[uid=[^\]]*\]")
OTHER = "other"
"""The field and the manager in what is counted beyond that."""


class Metrics:
    """Counts what happens; each method is named after it. Safe to be read from another thread."""

    def __init__(self) -> None:
        """All counters begin at zero, in a registry of their own."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._phases: dict[CRKey, Phase] = {}
        self._refused: defaultdict[str, set[CRKey]] = defaultdict(set)
        """By kind, the CRs of which nothing is pruned."""
        self._drift_series: set[tuple[str, str, str, str]] = set()
        self._drift = Counter(
            "nuvop_drift",
            "Fields of children that another manager changed or removed, and children that were deleted.",
            ["kind", "child", "field", "manager"],
            registry=self.registry,
        )
        self._contested = Counter(
            "nuvop_contested",
            "How often a repair was put off because somebody changes a child again and again.",
            ["kind"],
            registry=self.registry,
        )
        self._pruned = Counter(
            "nuvop_pruned",
            "Children that were deleted because their CR does not want them any more.",
            ["kind"],
            registry=self.registry,
        )
        self._prune_blocked = Gauge(
            "nuvop_prune_blocked",
            "1 while a custom resource of a kind is not pruned because its folder's change would prune too much.",
            ["kind"],
            registry=self.registry,
        )
        self._kind_broken = Gauge(
            "nuvop_kind_broken",
            "1 while a kind's folder describes no kind that can be run.",
            ["kind"],
            registry=self.registry,
        )
        self._rights_missing = Gauge(
            "nuvop_rights_missing",
            "Rights that a kind needs, or (with an empty kind) the operator itself, and that nuvop has not.",
            ["kind"],
            registry=self.registry,
        )
        self._resources = Gauge(
            "nuvop_resources", "Custom resources by what became of them.", ["kind", "phase"], registry=self.registry
        )
        self._applies = Counter(
            "nuvop_applies", "Runs of kubectl apply, by what became of them.", ["result"], registry=self.registry
        )
        for result in APPLY_RESULTS:
            self._applies.labels(result)
        self._apply_seconds = Histogram(
            "nuvop_apply_seconds", "How long one kubectl apply took.", buckets=APPLY_SECONDS, registry=self.registry
        )
        self._batch_size = Histogram(
            "nuvop_apply_batch_size",
            "How many custom resources one kubectl applied.",
            buckets=BATCH_SIZES,
            registry=self.registry,
        )
        self._paused = Gauge(
            "nuvop_paused",
            "1 while the peering lets another operator work instead of this one.",
            registry=self.registry,
        )
        self._applying = Gauge(
            "nuvop_applying", "Custom resources that kubectl is at, in this moment.", registry=self.registry
        )
        self._in_stage = Gauge(
            "nuvop_in_stage", "Custom resources that are in a stage now.", ["stage"], registry=self.registry
        )
        self._stage_seconds = Histogram(
            "nuvop_stage_seconds",
            "How long a custom resource was in a stage.",
            ["stage"],
            buckets=STAGE_SECONDS,
            registry=self.registry,
        )
        for stage in STAGES:
            self._stage_seconds.labels(stage)
            if stage != "turn":
                self._in_stage.labels(stage)
        self._api_requests = Counter(
            "nuvop_api_requests",
            "Requests to the API server but kubectl's, by what became of them.",
            ["client", "method", "code"],
            registry=self.registry,
        )
        Gauge("nuvop_build_info", "Which nuvop this is; always 1.", ["version", "kopf"], registry=self.registry).labels(
            version("nuvop"), version("kopf")
        ).set(1)

    def drifted(self, kind: str, child: str, field: str, manager: str) -> None:
        """A field of a child was changed.

        ``child`` is the child's kind; ``field`` is empty where the whole child was deleted, ``manager`` where nobody
        owns the field any more.
        """
        # A list's item may be picked by a uid, which is another one for every object.
        series = (kind, child, _UID.sub("[uid]", field), manager)
        if series not in self._drift_series:
            if len(self._drift_series) >= MOST_DRIFT_SERIES:
                series = (kind, child, OTHER, OTHER)
            else:
                self._drift_series.add(series)
        self._drift.labels(*series).inc()

    def contested(self, kind: str) -> None:
        """A repair was put off: somebody changes a child again and again."""
        self._contested.labels(kind).inc()

    def pruned(self, kind: str) -> None:
        """A child was deleted because its CR does not want it any more."""
        self._pruned.labels(kind).inc()

    def kind_loaded(self, kind: str, *, is_broken: bool) -> None:
        """A kind's folder was read."""
        self._kind_broken.labels(kind).set(is_broken)
        for metric in (self._contested, self._pruned, self._prune_blocked):
            # A rate is of two values: it would miss the first of a counter that is not there before.
            metric.labels(kind)

    def rights_missing(self, kind: str, count: int) -> None:
        """So many rights are missing that a kind needs, or with an empty ``kind`` the operator itself."""
        self._rights_missing.labels(kind).set(count)

    def batch_applied(self, result: ApplyResult, seconds: float, size: int) -> None:
        """One kubectl has ended that was given ``size`` CRs."""
        self._applies.labels(result).inc()
        self._apply_seconds.observe(seconds)
        self._batch_size.observe(size)

    @contextmanager
    def applying(self, size: int) -> Iterator[None]:
        """So many CRs are with kubectl while it is in the ``with`` block."""
        self._applying.inc(size)
        try:
            yield
        finally:
            self._applying.dec(size)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """What a CR is in while it is in the ``with`` block."""
        begun = time.monotonic()
        self._in_stage.labels(stage).inc()
        try:
            yield
        finally:
            self._in_stage.labels(stage).dec()
            self._stage_seconds.labels(stage).observe(time.monotonic() - begun)

    def turn_came(self, seconds: float) -> None:
        """A CR has waited so long until kubectl was given it."""
        self._stage_seconds.labels("turn").observe(seconds)

    def requested(self, client: str, method: str, code: str) -> None:
        """A client, nuvop's own or kopf's, has got this answer from the API server; ``code`` is empty for none."""
        self._api_requests.labels(client, method, code).inc()

    def paused(self, *, is_paused: bool) -> None:
        """Another operator of the peering works instead of this one, or does no more."""
        self._paused.set(is_paused)

    def forget_resources(self) -> None:
        """Nothing is known of any CR any more."""
        for key in list(self._phases):
            self.gone(key)

    def judged(self, key: CRKey, phase: Phase, *, is_prune_refused: bool) -> None:
        """A CR is in this phase now, and whether it is pruned; saying it again changes nothing."""
        self._move(key, phase)
        self._prune(key, is_refused=is_prune_refused)

    def gone(self, key: CRKey) -> None:
        """A CR is there no more."""
        self._move(key, None)
        self._prune(key, is_refused=False)

    def _prune(self, key: CRKey, *, is_refused: bool) -> None:
        refused = self._refused[key.plural]
        if is_refused:
            refused.add(key)
        else:
            refused.discard(key)
        self._prune_blocked.labels(key.plural).set(bool(refused))

    def _move(self, key: CRKey, phase: Phase | None) -> None:
        before = self._phases.pop(key, None)
        if phase is not None:
            self._phases[key] = phase
        for known in Phase:
            # All three are there from a kind's first CR on, so that none is taken for unknown.
            self._resources.labels(key.plural, known).inc((known is phase) - (known is before))

    @property
    def page(self) -> Page:
        """What there is to read of them over HTTP."""
        return make_wsgi_app(self.registry)
