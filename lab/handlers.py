"""Handlers of one's own beside nuvop's work: `nuvop run -n demo --kinds my-kinds lab/handlers.py`."""

import json
import os
import subprocess
import time
from typing import Any

import kopf

EVERY = float(os.environ.get("BACKUP_EVERY", "3600"))
"""Seconds between two backups."""


@kopf.timer("example.com", "memcacheds", interval=EVERY)
def back_up(body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """Make this hour's backup. A timer also runs when the operator starts."""
    make_backup(memo.kubeconfig, body, number=int(time.time() // EVERY))


@kopf.on.field("example.com", "nginxservers", field="spec.replicas", retries=100)
def write_down(name: str, namespace: str | None, new: Any, memo: kopf.Memo, **_: Any) -> None:
    """Write down how many replicas a NginxServer has, whenever that changes."""
    write_into_ledger(memo.kubeconfig, namespace or "default", name, new)


# What follows knows nothing of how kopf calls it, so a test can call it, too.


def make_backup(kubeconfig: str, memcached: kopf.Body, number: int) -> None:
    """Make the Job of a backup, unless it is there: its name has the number, so there is one of each."""
    name = memcached["metadata"]["name"]
    container = {"name": "backup", "image": "busybox", "command": ["echo", f"a backup of {name}"]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{name}-backup-{number}"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }
    kopf.adopt(job, owner=memcached)  # into its namespace, and deleted with it
    try:
        kubectl(kubeconfig, "apply", "--server-side", "-f", "-", stdin=json.dumps(job))
    except KubectlFailed as failed:
        raise kopf.TemporaryError(str(failed), delay=10) from failed


def write_into_ledger(kubeconfig: str, namespace: str, name: str, number: int) -> None:
    """Write a number into the ConfigMap `ledger`, which somebody else makes, and closes at some time."""
    change = json.dumps({"data": {name: str(number)}})
    try:
        kubectl(kubeconfig, "-n", namespace, "patch", "configmap", "ledger", "--patch", change)
    except KubectlFailed as failed:
        if "NotFound" in str(failed):
            raise kopf.TemporaryError("there is no ledger yet", delay=3) from failed
        if "immutable" in str(failed):
            raise kopf.PermanentError("the ledger is closed") from failed
        raise  # kopf tries again what it does not know, a minute later


class KubectlFailed(Exception):
    """kubectl's own words for what went wrong."""


def kubectl(kubeconfig: str, *arguments: str, stdin: str = "") -> None:
    """Run kubectl on the operator's cluster, as the operator's user; raise KubectlFailed where it fails."""
    done = subprocess.run(
        ["kubectl", "--kubeconfig", kubeconfig, *arguments],
        input=stdin, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise KubectlFailed(done.stderr.strip())
