"""A backup of every Sample, once an hour, beside nuvop's own work:

    nuvop run -n demo examples/backup_timer.py

Each backup is a Job that belongs to the Sample and is deleted with it. BACKUP_EVERY=10 makes one every 10 seconds.
"""

import json
import os
import subprocess
import time
from typing import Any

import kopf

EVERY = float(os.environ.get("BACKUP_EVERY", "3600"))
"""Seconds."""


@kopf.timer("nuvolaris.org", "samples", interval=EVERY)
def back_up(body: kopf.Body, name: str, memo: kopf.Memo, logger: kopf.Logger, **_: Any) -> None:
    """Make the backup of this hour.

    A timer also runs when the operator starts. The Job's name tells the hour, so that there is one an hour.
    """
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{name}-bak-{int(time.time() // EVERY)}"},
        "spec": {
            "ttlSecondsAfterFinished": 24 * 3600,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "backup", "image": "busybox", "command": ["echo", f"a backup of {name}"]}],
                }
            },
        },
    }
    kopf.adopt(job, owner=body)  # its namespace, and the ownerReference by which it is deleted with the Sample
    done = subprocess.run(
        ["kubectl", "--kubeconfig", memo.kubeconfig, "apply", "--server-side", "-f", "-"],
        input=json.dumps(job), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise kopf.TemporaryError(done.stderr.strip(), delay=10)
    logger.info(done.stdout.strip())
