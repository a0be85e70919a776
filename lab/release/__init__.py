"""Build the operator's image, push it to the registry of `.env`, deploy it: `task release`."""
