"""No Sample with an image `latest`, and none without a tag, whoever writes it:

    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \\
        -keyout key.pem -out cert.pem
    nuvop run -n demo examples/admission.py

This is for an API server on the same computer. In a cluster the certificate is for a Service in front of the operator:
https://docs.kopf.dev/en/stable/admission/.
"""

import os
from typing import Any

import kopf


@kopf.on.startup()
async def listen(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Let the API server ask here; kopf keeps the webhook configurations of this name up to date."""
    certificate, key = os.environ.get("TLS_CERT", "cert.pem"), os.environ.get("TLS_KEY", "key.pem")
    settings.admission.server = kopf.WebhookServer(addr="127.0.0.1", certfile=certificate, pkeyfile=key)
    settings.admission.managed = "samples.example.org"


@kopf.on.validate("nuvolaris.org", "samples", operations=["CREATE", "UPDATE"])
async def refuse_latest(spec: kopf.Spec, **_: Any) -> None:
    """An error here is the answer that the user gets."""
    image = spec.get("image", "")
    if image.endswith(":latest"):
        raise kopf.AdmissionError(f"spec.image: {image} is another one tomorrow: name a version", code=400)


@kopf.on.mutate("nuvolaris.org", "samples", operations=["CREATE", "UPDATE"])
async def add_tag(spec: kopf.Spec, patch: kopf.Patch, **_: Any) -> None:
    """What is patched here is what the API server stores."""
    image = spec.get("image", "")
    if image and ":" not in image.rpartition("/")[2]:
        patch.spec["image"] = f"{image}:stable"
