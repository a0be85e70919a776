"""What a hand-written operator looks like: one kubectl for each custom resource. `kopf run` runs it.

It is the script that one writes in an afternoon. Its manifests are the benchmark's; the rest would look the same with
any others. It limits how many kubectl run at once, because without a limit 1,000 of them exhaust the memory.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import os
from typing import Any

import kopf

from lab.bench import workload

AT_ONCE = 2 * (os.cpu_count() or 1)
LOOK_SECONDS = 0.1
RESOURCE = (*workload.API_VERSION.split("/"), workload.PLURAL)

_free = asyncio.Semaphore(AT_ONCE)


@kopf.index("apps", "v1", "deployments")
def available(name: str, body: kopf.Body, **_: Any) -> dict[str, int]:
    """At which generation a Deployment runs, 0 for at none: kopf keeps this up to date from a watch."""
    return {name: body["metadata"]["generation"] if workload.is_available(dict(body)) else 0}


@kopf.on.create(*RESOURCE)
@kopf.on.update(*RESOURCE)
async def reconcile(name: str, spec: kopf.Spec, meta: kopf.Meta, patch: kopf.Patch, **indices: Any) -> None:
    """Render, apply, wait until the Deployment runs, report."""
    objects = workload.objects(name, spec["count"])
    kopf.adopt(objects)
    async with _free:
        generation = await _apply(objects)
    while generation not in indices["available"].get(workload.child(name), []):  # noqa: ASYNC110 – kopf has no event
        await asyncio.sleep(LOOK_SECONDS)
    patch.status["conditions"] = [_ready(meta["generation"])]


async def _apply(objects: list[workload.Body]) -> int:
    """Apply the objects; the generation of the Deployment among them."""
    process = await asyncio.create_subprocess_exec(
        *("kubectl", "apply", "--server-side", "--force-conflicts", "--filename", "-", "--output", "json"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, said = await process.communicate("\n---\n".join(map(json.dumps, objects)).encode())
    if process.returncode:
        raise kopf.TemporaryError(said.decode(), delay=5)
    applied = {obj["kind"]: obj for obj in json.loads(printed)["items"]}
    return int(applied["Deployment"]["metadata"]["generation"])


def _ready(generation: int) -> dict[str, object]:
    return {
        "type": "Ready",
        "status": "True",
        "reason": "Available",
        "message": "the Deployment runs",
        "lastTransitionTime": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "observedGeneration": generation,
    }
