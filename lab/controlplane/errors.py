"""What can go wrong in the lab's control plane."""


class ControlPlaneError(Exception):
    """Something that its reader can act upon: one message that names the file, value or program at fault."""
