"""The operator's container image, built with what the machine has: docker, podman or buildah.

    image = lab.image.build("nuvop:0.1.0")
    image.save(Path("nuvop.tar"))

`python -m lab.image` does the same from a shell. Errors are ImageError.
"""

from lab.image.build import Image, build, engine, version
from lab.image.errors import ImageError
from lab.image.reference import is_reference

__all__ = ["Image", "ImageError", "build", "engine", "is_reference", "version"]
