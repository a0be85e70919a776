"""The training lab: a real Kubernetes without Docker, and demos that run on it."""
