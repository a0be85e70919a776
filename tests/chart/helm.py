"""The real helm, with nothing of the user's own settings."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import helm
from lab.chart import CHART
from nuvop import yamltext
from tests.deploy.manifests import Body
from tests.e2e.harness import PATIENCE

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Helm:
    """helm with a home of its own, and a cluster where there is one."""

    home: Path
    kubeconfig: Path = Path("/nonexistent")

    def run(self, *arguments: str | Path, values: Body | None = None) -> Done:
        """Run helm; ``values`` are in a file of their own, as `--values` takes it."""
        command = [helm.program(), *arguments]
        if values is not None:
            command += ["--values", "-"]
        return subprocess.run(
            command,
            input=json.dumps(values),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE + 30,
            env={"HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig), "PATH": os.environ["PATH"]},
        )

    def __call__(self, *arguments: str | Path, values: Body | None = None) -> str:
        """Run helm and return what it printed; fail where it failed."""
        done = self.run(*arguments, values=values)
        assert done.returncode == 0, f"helm {' '.join(map(str, arguments))}: {done.stderr}"
        return done.stdout

    def template(
        self, values: Body | None = None, *, release: str = "nuvop", namespace: str = "nuvop-system", **more: str
    ) -> list[Body]:
        """The objects of a release. ``more`` are other options of `helm template`."""
        options = [f"--{name.replace('_', '-')}={value}" for name, value in more.items()]
        text = self("template", release, CHART, f"--namespace={namespace}", *options, values=values)
        return yamltext.load_all(text)
