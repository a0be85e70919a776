"""The few questions that the lab asks an API server, over TLS that trusts only that cluster's own CA."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 5.0


class Api:
    """GET requests to the API server at `address`:`port`, as the administrator whose certificate is in `pki`.

    Each raises OSError while nothing answers, and http.client.HTTPException for an answer that is not HTTP.
    No proxy is asked.
    """

    def __init__(self, address: str, port: int, pki: Path) -> None:
        self._address, self.port = address, port
        self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def get(self, path: str) -> tuple[int, bytes]:
        """The status and body of the answer."""
        connection = http.client.HTTPSConnection(self._address, self.port, timeout=SECONDS, context=self._tls)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def is_ready(self) -> bool:
        """Whether the API server says that it is ready."""
        try:
            return self.get("/readyz")[0] == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def version(self) -> str:
        """What `kubectl version` shows as the server's version."""
        version: str = self._object("/version")["gitVersion"]
        return version

    def has_default_service_account(self) -> bool:
        """Whether pods can be made in the namespace `default`."""
        return self.get("/api/v1/namespaces/default/serviceaccounts/default")[0] == http.HTTPStatus.OK

    def ready_nodes(self) -> int:
        """How many nodes have the condition Ready."""
        nodes = self._object("/api/v1/nodes")["items"]
        return sum(
            condition["type"] == "Ready" and condition["status"] == "True"
            for node in nodes
            for condition in node["status"].get("conditions", [])
        )

    def heartbeat(self, node: str) -> str:
        """When the node last told that it is ready; empty while it is not, or not there."""
        status, body = self.get(f"/api/v1/nodes/{node}")
        if status == http.HTTPStatus.NOT_FOUND:
            return ""
        conditions = self._parsed(status, body)["status"].get("conditions", [])
        (found, *_) = [each for each in conditions if each["type"] == "Ready" and each["status"] == "True"] or [{}]
        told: str = found.get("lastHeartbeatTime", "")
        return told

    def _object(self, path: str) -> Any:
        return self._parsed(*self.get(path))

    def _parsed(self, status: int, body: bytes) -> Any:
        if status != http.HTTPStatus.OK:
            raise http.client.HTTPException(f"{status} {body.decode(errors='replace')}")
        return json.loads(body)
