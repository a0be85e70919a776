"""Handlers of one's own beside nuvop's: a Job for every Sample, every now and then, and a log of who scales it.

Run with ``nuvop run -n demo docs/examples/backup_timer.py``. $BACKUP_INTERVAL is in seconds.
"""

import asyncio
import json
import logging
import os
import time
from typing import Any

import kopf

INTERVAL = float(os.environ.get("BACKUP_INTERVAL", "3600"))
SAMPLES = ("nuvolaris.org", "v1", "samples")


@kopf.timer(*SAMPLES, interval=INTERVAL, initial_delay=INTERVAL, idle=0)
async def back_up(body: kopf.Body, logger: logging.Logger | logging.LoggerAdapter[Any], **_: Any) -> None:
    """Make a Job that backs the Sample up. It goes with the Sample: kopf's adopt makes that its owner."""
    job: dict[str, Any] = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{body['metadata']['name']}-backup-{int(time.time())}"},
        "spec": {
            "ttlSecondsAfterFinished": 3600,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "backup", "image": "busybox", "command": ["echo", "a backup"]}],
                }
            },
        },
    }
    kopf.adopt(job, owner=body)
    process = await asyncio.create_subprocess_exec(
        "kubectl", "create", "-f", "-", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    await process.communicate(json.dumps(job).encode())
    if process.returncode != 0:
        raise kopf.TemporaryError(f"kubectl create ended with {process.returncode}", delay=60)
    logger.info("backup begun")


@kopf.on.field(*SAMPLES, field="spec.count")
async def scaled(old: Any, new: Any, logger: logging.Logger | logging.LoggerAdapter[Any], **_: Any) -> None:
    """Say that a Sample was scaled."""
    logger.info("scaled from %s to %s", old, new)
