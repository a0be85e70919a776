"""Builds the slides of the training, lab/slides.md, with Marp (https://marp.app): `task lab:slides`."""
