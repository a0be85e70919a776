"""The operator into the cluster that kubectl talks to, and out of it again: `task deploy`, `task undeploy`.

Errors are DeployError.
"""

from lab.deployer.errors import DeployError
from lab.deployer.install import install
from lab.deployer.overlay import Wanted
from lab.deployer.remove import Resources, remove

__all__ = ["DeployError", "Resources", "Wanted", "install", "remove"]
