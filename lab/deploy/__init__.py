"""The operator into the cluster that kubectl talks to, and out of it again: `task deploy`, `task undeploy`.

Errors are DeployError.
"""

from lab.deploy.errors import DeployError
from lab.deploy.install import install
from lab.deploy.overlay import Wanted
from lab.deploy.remove import Resources, remove

__all__ = ["DeployError", "Resources", "Wanted", "install", "remove"]
