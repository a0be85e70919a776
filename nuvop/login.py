"""Credentials: a pod's service account or the user's kubeconfig become ONE private kubeconfig.

kopf, kubectl and nuvop's own client all log in by that one, so they cannot be at different clusters or be different
users. It stands in a folder of mode 0700 that is removed at exit, its files have mode 0600, and no file of the user's
is ever written.

Credentials change while the operator runs. A token file (a service account's, or the user's) is referred to, not
copied, so each reader sees its newest content. A plain token is written to a file of its own beside the kubeconfig.
A credential plugin is run here, with the user's environment, and never by kubectl or kopf.
"""

import asyncio
import base64
import contextlib
import datetime
import fcntl
import ipaddress
import json
import logging
import os
import tempfile
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nuvop import reaper
from nuvop.errors import KubectlError, LoginError
from nuvop.kubectl import Processes, user_config
from nuvop.settings import Settings
from nuvop.trouble import Trouble

logger = logging.getLogger(__name__)

KUBECONFIG_NAME = "nuvop"
"""What cluster, user and context of the private kubeconfig are called."""

PLUGIN_TIMEOUT = 60.0
"""Seconds that a credential plugin may take; some ask a far-away service."""

RENEW_BEFORE = datetime.timedelta(minutes=1)
"""How long before their end a plugin's credentials are renewed."""

UNSUPPORTED = {
    "auth-provider": "use a credential plugin (exec) instead",
    "as": "impersonation would hold for kubectl but not for the watches",
    "as-user-extra": "impersonation would hold for kubectl but not for the watches",
}
"""Fields of a kubeconfig's user that only some of nuvop's clients could honour."""


@dataclass(frozen=True, repr=False)
class Credentials:
    """Where the API server is and how to log in there. Without a repr: it holds secrets.

    Certificates and keys are PEM texts; ``token_file`` is read anew by whoever uses it. ``expiration`` is when a
    credential plugin has to be asked again.
    """

    source: str
    server: str
    namespace: str
    ca: str | None = None
    insecure: bool = False
    proxy: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    token_file: Path | None = None
    username: str | None = None
    password: str | None = None
    expiration: datetime.datetime | None = None

    @property
    def may_use_proxies(self) -> bool:
        """Whether the environment's proxies count: as for kubectl, they do not for this computer's own addresses.

        Source: ``ProxyFromEnvironment`` in Go's net/http.
        """
        host = urllib.parse.urlsplit(self.server).hostname or ""
        try:
            return not ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host != "localhost"

    def token(self) -> str | None:
        """The bearer token of this moment; raise LoginError where its file cannot be read."""
        if self.token_file is None:
            return None
        try:
            return self.token_file.read_text().strip()
        except OSError as error:
            raise LoginError(f"{self.source}: token file {self.token_file}: {error.strerror}") from error


class Login:
    """Keeps the private kubeconfig true to its source."""

    def __init__(self, settings: Settings, processes: Processes, program: str, private: Path) -> None:
        """``program`` is kubectl; it reads and merges the user's kubeconfig files."""
        self._settings = settings
        self._processes = processes
        self._program = program
        self._private = private
        self.kubeconfig = private / "kubeconfig"
        self._context: str | None = None
        self._server: str | None = None
        self._refreshing = asyncio.Lock()

    async def refresh(self) -> Credentials:
        """Read the credentials from their source, write the private kubeconfig, return them.

        The cluster is that of the first time: a context that the user switches to later is another operator's. Raises
        LoginError when there are no credentials, with all the places that were looked at, when they are now for another
        server, or when the private kubeconfig cannot be written.
        """
        # One after the other: what was asked for earlier must not be written later.
        async with self._refreshing:
            credentials = self._service_account()
            if credentials is not None:
                self._refuse_another_server(credentials)
            else:
                credentials = await self._user_kubeconfig()
            self._server = credentials.server
            _write_private(self.kubeconfig, json.dumps(_kubeconfig(credentials)))
            return credentials

    def _refuse_another_server(self, credentials: Credentials) -> None:
        """Raise LoginError; to be called before a token is written: who uses the one before would send it there."""
        if self._server not in (None, credentials.server):
            raise LoginError(
                f"{credentials.source}: the server is {credentials.server} now, and nuvop works at {self._server}: "
                "restart it if that is what you want"
            )

    async def keep_fresh(self, credentials: Credentials) -> None:
        """Ask a credential plugin again before its credentials end, for ever; end at once where there is no plugin."""
        trouble = Trouble("renewing the credentials")
        while credentials.expiration is not None:
            left = credentials.expiration - datetime.datetime.now(datetime.UTC)
            await asyncio.sleep(max((left - RENEW_BEFORE).total_seconds(), 10))
            try:
                credentials = await self.refresh()
            except LoginError as error:
                trouble.say(error)
            else:
                trouble.over()

    def _service_account(self) -> Credentials | None:
        """A pod's service account; None outside of pods."""
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        folder = self._settings.service_account
        token = folder / "token"
        if not host or not token.exists():
            return None
        try:
            return Credentials(
                source=f"the service account in {folder}",
                server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
                namespace=(folder / "namespace").read_text().strip(),
                ca=(folder / "ca.crt").read_text(),
                token_file=token,
            )
        except OSError as error:
            raise LoginError(f"{error.filename}: {error.strerror}") from error

    async def _user_kubeconfig(self) -> Credentials:
        source = f"kubeconfig {os.pathsep.join(_kubeconfig_files())}"
        nowhere_else = f"and this is no pod with a service account in {self._settings.service_account}"
        try:
            config = await user_config(self._processes, self._program, self._context)
        except KubectlError as error:
            why = error if _have_kubeconfig() else "there is no such file"
            raise LoginError(f"no credentials: {source}: {why}, {nowhere_else}") from error
        clusters, users = config.get("clusters") or [], config.get("users") or []
        if not clusters:
            raise LoginError(f"no credentials: {source}: the current context names no cluster, {nowhere_else}")
        cluster, user = clusters[0]["cluster"], users[0]["user"] if users else {}
        self._context, context = config["contexts"][0]["name"], config["contexts"][0]["context"]
        for name, advice in UNSUPPORTED.items():
            if user.get(name):
                raise LoginError(f"{source}: users: {users[0]['name']}: {name} is not supported: {advice}")
        if cluster.get("tls-server-name"):
            raise LoginError(f"{source}: clusters: {clusters[0]['name']}: tls-server-name is not supported")
        credentials = Credentials(
            source=source,
            server=cluster["server"],
            namespace=context.get("namespace") or "default",
            ca=_pem(source, cluster, "certificate-authority-data"),
            insecure=bool(cluster.get("insecure-skip-tls-verify")),
            proxy=cluster.get("proxy-url"),
            client_certificate=_pem(source, user, "client-certificate-data"),
            client_key=_pem(source, user, "client-key-data"),
            username=user.get("username"),
            password=user.get("password"),
        )
        self._refuse_another_server(credentials)
        if user.get("exec"):
            return await self._with_plugin(credentials, user["exec"], cluster)
        if user.get("tokenFile"):
            return replace(credentials, token_file=Path(_beside_kubeconfig(user["tokenFile"])))
        return self._with_token(credentials, user.get("token"))

    def _with_token(self, credentials: Credentials, token: str | None) -> Credentials:
        if not token:
            return credentials
        path = self._private / "token"
        _write_private(path, token)
        return replace(credentials, token_file=path)

    async def _with_plugin(
        self, credentials: Credentials, plugin: Mapping[str, Any], cluster: Mapping[str, Any]
    ) -> Credentials:
        """Run a credential plugin.

        Its protocol: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
        """
        spec: dict[str, Any] = {"interactive": False}
        if plugin.get("provideClusterInfo"):
            spec["cluster"] = {k: cluster[k] for k in ("server", "certificate-authority-data") if k in cluster}
        asked = {"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": spec}
        environment = {
            **os.environ,
            **{entry["name"]: entry["value"] for entry in plugin.get("env") or ()},
            "KUBERNETES_EXEC_INFO": json.dumps(asked),
        }
        line = f"{credentials.source}: credential plugin {plugin['command']}"
        try:
            done = await self._processes.run_unless_killed(
                [_plugin_program(plugin["command"]), *(plugin.get("args") or ())],
                environment=environment,
                timeout=PLUGIN_TIMEOUT,
            )
        except KubectlError as error:
            raise LoginError(f"{line}: {error} {plugin.get('installHint') or ''}".strip()) from error
        if done.returncode != 0:
            raise LoginError(f"{line}: exit code {done.returncode}: {' '.join(done.stderr.split())}")
        try:
            status = json.loads(done.stdout)["status"]
            expiration = status.get("expirationTimestamp")
            found = replace(
                credentials,
                client_certificate=status.get("clientCertificateData") or credentials.client_certificate,
                client_key=status.get("clientKeyData") or credentials.client_key,
                expiration=_time(expiration) if expiration else None,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # The output itself stays out of the message: it may hold the token.
            raise LoginError(f"{line}: printed no ExecCredential with a status") from error
        if not status.get("token") and not (status.get("clientCertificateData") and status.get("clientKeyData")):
            raise LoginError(f"{line}: gave neither a token nor a client certificate with its key")
        return self._with_token(found, status.get("token"))


def _plugin_program(command: str) -> str:
    """A plugin's program: a bare name is looked for on PATH."""
    return _beside_kubeconfig(command) if "/" in command else command


def _beside_kubeconfig(path: str) -> str:
    """A path in a kubeconfig is relative to that file; kubectl does not tell which one of several it was."""
    if path.startswith("/"):
        return path
    folders = [Path(file).absolute().parent for file in _kubeconfig_files()]
    return next((str(folder / path) for folder in folders if (folder / path).exists()), path)


def _kubeconfig_files() -> list[str]:
    """The user's kubeconfig files, as kubectl finds them."""
    named = [file for file in os.environ.get("KUBECONFIG", "").split(os.pathsep) if file]
    return named or [os.path.expanduser("~/.kube/config")]


def _time(text: str) -> datetime.datetime:
    """A time of RFC 3339; UTC where it has no zone."""
    time = datetime.datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def _have_kubeconfig() -> bool:
    return any(Path(file).exists() for file in _kubeconfig_files())


def _pem(source: str, of: Mapping[str, Any], name: str) -> str | None:
    data = of.get(name)
    try:
        return base64.b64decode(data).decode() if data else None
    except ValueError as error:
        raise LoginError(f"{source}: {name} is no PEM text in base64") from error


def _kubeconfig(credentials: Credentials) -> dict[str, Any]:
    def encoded(text: str | None) -> str | None:
        return base64.b64encode(text.encode()).decode() if text else None

    cluster = {
        "server": credentials.server,
        "certificate-authority-data": encoded(credentials.ca),
        "insecure-skip-tls-verify": credentials.insecure or None,
        "proxy-url": credentials.proxy,
    }
    user = {
        "client-certificate-data": encoded(credentials.client_certificate),
        "client-key-data": encoded(credentials.client_key),
        "tokenFile": str(credentials.token_file) if credentials.token_file else None,
        "username": credentials.username,
        "password": credentials.password,
    }
    context = {"cluster": KUBECONFIG_NAME, "user": KUBECONFIG_NAME, "namespace": credentials.namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": KUBECONFIG_NAME,
        "clusters": [{"name": KUBECONFIG_NAME, "cluster": {k: v for k, v in cluster.items() if v is not None}}],
        "users": [{"name": KUBECONFIG_NAME, "user": {k: v for k, v in user.items() if v is not None}}],
        "contexts": [{"name": KUBECONFIG_NAME, "context": context}],
    }


def _write_private(path: Path, text: str) -> None:
    """Replace a file as a whole: a reader sees the old or the new one. Raises LoginError."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as stream:
                stream.write(text)
            Path(name).rename(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LoginError(f"{path} cannot be written: {error.strerror or error}") from error


# --- the private folder ----------------------------------------------------------------------------------------------

_PREFIX = "nuvop-"


def make_private_folder() -> Path:
    """Make the private folder, locked while this process lives; remove those that killed operators left behind."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        _remove_if_abandoned(left)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # mode 0700
        with contextlib.suppress(FileNotFoundError):  # another operator took it for abandoned
            # Never closed: the lock is held until the process ends, however it ends.
            if _lock(folder) is not None:
                return folder


def _lock(folder: Path) -> int | None:
    """Lock a private folder; return the lock's file descriptor, None where another process has it."""
    descriptor = os.open(folder / reaper.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_if_abandoned(folder: Path) -> None:
    try:
        mine = folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
        if mine and not any(folder.iterdir()):
            folder.rmdir()  # of one who was killed before it had locked it, or while it removed it
        elif mine and (folder / reaper.LOCK).exists() and (lock := _lock(folder)) is not None:
            reaper.remove(str(folder))  # the next one's to do, where it cannot be
            os.close(lock)
    except OSError:
        return  # another operator was quicker, or the next one can
