"""nuvop turns a folder of plain Kubernetes manifests into an operator."""
