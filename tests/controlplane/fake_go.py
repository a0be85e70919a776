"""Stands in for `go`: instant, and stoppable in the middle of a build. Its folder, $FAKE_GO, is how tests talk to it.

It notes each call in `calls` (a JSON object a line). While a file `hold` is there, a build waits half-done, as its own
process and a "compiler" that it started, whose pids are then in `pids`. While a file `fail` is there, a build fails.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

PROGRAMS = ("server", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kwokctl")


def main() -> None:
    talk = Path(os.environ["FAKE_GO"])
    command, *arguments = sys.argv[1:]
    if command == "version":
        print((talk / "version").read_text())
        return
    cached = Path(os.environ["GOCACHE"], "compiled").exists()
    with (talk / "calls").open("a") as calls:
        calls.write(json.dumps({"argv": sys.argv[1:], "env": dict(os.environ), "cached": cached}) + "\n")
    if command == "list":
        print("one\ntwo\nthree")
        return
    Path(os.environ["GOCACHE"]).mkdir(exist_ok=True)
    Path(os.environ["GOCACHE"], "compiled").touch()
    if (talk / "fail").exists():
        print("k8s.io/some/package\n# k8s.io/kubernetes\nmain.go:1:1: undefined: everything", file=sys.stderr)
        sys.exit(1)
    folder = Path(arguments[arguments.index("-o") + 1])
    for number, program in enumerate(PROGRAMS):
        if number == 2:
            hold(talk)
        (folder / program).write_text("#!/bin/sh\n")
        (folder / program).chmod(0o755)


def hold(talk: Path) -> None:
    if not (talk / "hold").exists():
        return
    with subprocess.Popen(["sleep", "1000"]) as compiler:
        (talk / "pids.new").write_text(f"{os.getpid()} {compiler.pid}")
        (talk / "pids.new").rename(talk / "pids")
        while (talk / "hold").exists():
            time.sleep(0.02)
        compiler.kill()


if __name__ == "__main__":
    main()
