"""What can go wrong with images."""


class ImageError(Exception):
    """Something that its reader can act upon: one message that names the program, file or setting at fault."""
