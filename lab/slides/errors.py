"""What can go wrong with the slides."""


class SlidesError(Exception):
    """Something that its reader can act upon: one message that names the slide, program or file at fault."""
