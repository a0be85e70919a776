# ruff: noqa: ASYNC240 – the files are small, and nothing else has to go on meanwhile

import asyncio
import base64
import datetime
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from nuvop import login as login_
from nuvop.errors import LoginError
from nuvop.login import Credentials, Login, make_private_folder
from tests.unit.conftest import KUBECTL, script, write_kubeconfig

CA = "-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def private_config(login: Login) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(login.kubeconfig.read_text())
    return config


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def config(home: Path) -> Path:
    """Where kubectl looks for the user's kubeconfig."""
    return home / ".kube/config"


# --- the user's kubeconfig -------------------------------------------------------------------------------------------


async def test_a_token(login: Login, config: Path, private: Path) -> None:
    write_kubeconfig(config, {"token": "hunter2"}, {"certificate-authority-data": encoded(CA)}, namespace="demo")
    credentials = await login.refresh()
    assert credentials == Credentials(
        source=f"kubeconfig {config}",
        server="https://api.example:6443",
        namespace="demo",
        ca=CA,
        token_file=private / "token",
    )
    assert credentials.token() == "hunter2"
    assert private_config(login) == {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "nuvop",
        "clusters": [
            {
                "name": "nuvop",
                "cluster": {"server": "https://api.example:6443", "certificate-authority-data": encoded(CA)},
            }
        ],
        "users": [{"name": "nuvop", "user": {"tokenFile": str(private / "token")}}],
        "contexts": [{"name": "nuvop", "context": {"cluster": "nuvop", "user": "nuvop", "namespace": "demo"}}],
    }


async def test_certificates_in_files_are_copied(login: Login, config: Path) -> None:
    config.parent.mkdir()
    for name in ("ca", "cert", "key"):
        (config.parent / f"{name}.pem").write_text(f"pem of {name}")
    # Names are relative to the kubeconfig.
    user = {"client-certificate": "cert.pem", "client-key": "key.pem"}
    write_kubeconfig(config, user, {"certificate-authority": "ca.pem"})
    credentials = await login.refresh()
    assert (credentials.ca, credentials.client_certificate, credentials.client_key) == (
        "pem of ca", "pem of cert", "pem of key",
    )  # fmt: skip
    (user,) = private_config(login)["users"]
    assert user["user"] == {
        "client-certificate-data": encoded("pem of cert"),
        "client-key-data": encoded("pem of key"),
    }
    assert credentials.token() is None


@pytest.mark.parametrize("relative", [False, True])
async def test_a_token_file_is_referred_to(login: Login, config: Path, relative: bool) -> None:
    file = config.parent / "token"
    # Where both are given, the file counts, as for kubectl.
    write_kubeconfig(config, {"tokenFile": "token" if relative else str(file), "token": "old"})
    file.write_text("first\n")
    credentials = await login.refresh()
    assert credentials.token_file == file
    assert credentials.token() == "first"
    file.write_text("second\n")
    assert credentials.token() == "second"
    assert private_config(login)["users"][0]["user"] == {"tokenFile": str(file)}
    assert sorted(path.name for path in login.kubeconfig.parent.iterdir()) == ["kubeconfig"], "no copy of the token"


async def test_a_token_file_that_is_gone_is_named(login: Login, config: Path) -> None:
    write_kubeconfig(config, {"tokenFile": "/no/such/token"})
    credentials = await login.refresh()
    with pytest.raises(LoginError) as error:
        credentials.token()
    assert str(error.value) == f"kubeconfig {config}: token file /no/such/token: No such file or directory"


async def test_what_else_may_stand_in_a_kubeconfig(login: Login, config: Path) -> None:
    cluster = {
        "server": "https://[2001:db8::1]:6443",
        "insecure-skip-tls-verify": True,
        "proxy-url": "http://proxy:3128",
    }
    write_kubeconfig(config, {"username": "jane", "password": "hunter2"}, cluster)
    credentials = await login.refresh()
    assert credentials == Credentials(
        source=f"kubeconfig {config}",
        server="https://[2001:db8::1]:6443",
        namespace="default",
        insecure=True,
        proxy="http://proxy:3128",
        username="jane",
        password="hunter2",
    )
    made = private_config(login)
    assert made["clusters"][0]["cluster"] == cluster
    assert made["users"][0]["user"] == {"username": "jane", "password": "hunter2"}


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("https://api.example:6443", True),
        ("https://10.0.0.1", True),
        ("https://[2001:db8::1]:6443", True),
        ("https://localhost.example", True),
        ("https://localhost:6443", False),
        ("https://LOCALHOST:6443", False),
        ("https://127.0.0.1:6443", False),
        ("https://127.8.9.1", False),
        ("http://[::1]:6443", False),
    ],
)
def test_proxies_are_not_for_this_computer(server: str, expected: bool) -> None:
    assert Credentials(source="s", server=server, namespace="n").may_use_proxies is expected


async def test_kubectl_reads_the_private_kubeconfig(login: Login, config: Path) -> None:
    write_kubeconfig(config, {"token": "t"}, {"certificate-authority-data": encoded(CA)}, namespace="demo")
    await login.refresh()
    argv = [KUBECTL, "--kubeconfig", str(login.kubeconfig), "config", "view", "--raw", "--minify", "-o", "json"]
    shown = json.loads(await asyncio.to_thread(subprocess.check_output, argv))
    assert {k: v for k, v in shown.items() if k != "preferences"} == private_config(login)


async def test_no_secret_of_another_context_is_copied(
    login: Login, home: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_kubeconfig(home / "first", {"token": "mine"})
    second = home / "second"
    others = {"apiVersion": "v1", "kind": "Config", "users": [{"name": "other", "user": {"token": "hunter2"}}]}
    second.write_text(json.dumps(others))
    monkeypatch.setenv("KUBECONFIG", f"{second}:{first}")
    credentials = await login.refresh()
    assert credentials.source == f"kubeconfig {second}:{first}"
    assert credentials.token() == "mine"
    assert not any("hunter2" in file.read_text() for file in private.iterdir())


async def test_the_cluster_stays_that_of_the_first_time(login: Login, config: Path, private: Path) -> None:
    """A user who switches the context meanwhile must not have the operator write to another cluster.

    Nor send that one's token to this one: whoever is logged in reads the file again for each request.
    """
    write_kubeconfig(config, {"token": "one"}, {"server": "https://one"})
    await login.refresh()
    before = login.kubeconfig.read_text()
    write_kubeconfig(config, {"token": "two"}, {"server": "https://two"})
    with pytest.raises(LoginError) as error:
        await login.refresh()
    assert "https://two" in str(error.value)
    assert "https://one" in str(error.value)
    assert login.kubeconfig.read_text() == before
    assert (private / "token").read_text() == "one"


async def test_the_context_stays_that_of_the_first_time(login: Login, config: Path) -> None:
    users = [{"name": name, "user": {"token": name}} for name in ("dev", "prod")]
    clusters = [{"name": name, "cluster": {"server": f"https://{name}"}} for name in ("dev", "prod")]
    contexts = [{"name": name, "context": {"cluster": name, "user": name}} for name in ("dev", "prod")]

    def use(context: str) -> None:
        parts = {"users": users, "clusters": clusters, "contexts": contexts, "current-context": context}
        config.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **parts}))

    config.parent.mkdir(parents=True)
    use("dev")
    assert (await login.refresh()).server == "https://dev"
    use("prod")
    credentials = await login.refresh()
    assert (credentials.server, credentials.token()) == ("https://dev", "dev")


# --- the private files -----------------------------------------------------------------------------------------------


async def test_private_files_are_private_whatever_the_umask(login: Login, config: Path, private: Path) -> None:
    write_kubeconfig(config, {"token": "hunter2"})
    config.chmod(0o644)
    before = os.umask(0)
    try:
        await login.refresh()
        await login.refresh()
    finally:
        os.umask(before)
    assert {file.name: mode(file) for file in private.iterdir()} == {"kubeconfig": 0o600, "token": 0o600}


async def test_a_reader_sees_the_old_or_the_new_kubeconfig(login: Login, config: Path) -> None:
    write_kubeconfig(config, {"username": "old"})
    await login.refresh()
    with login.kubeconfig.open() as reading:
        write_kubeconfig(config, {"username": "new"})
        await login.refresh()
        assert json.load(reading)["users"][0]["user"]["username"] == "old"
    assert private_config(login)["users"][0]["user"]["username"] == "new"


async def test_the_users_files_stay_as_they_are(login: Login, config: Path, home: Path) -> None:
    write_kubeconfig(config, {"token": "t"})
    before = config.read_bytes(), config.stat().st_mtime_ns
    await login.refresh()
    assert (config.read_bytes(), config.stat().st_mtime_ns) == before
    assert [path.name for path in config.parent.iterdir()] == ["config"]


async def test_secrets_are_not_shown(login: Login, config: Path) -> None:
    user = {"username": "jane", "password": "hunter2", "client-certificate-data": encoded("cert-hunter2"),
            "client-key-data": encoded("key-hunter2")}  # fmt: skip
    write_kubeconfig(config, user)
    credentials = await login.refresh()
    for text in (repr(credentials), str(credentials), f"{credentials}", repr([credentials])):
        assert "hunter2" not in text


async def test_a_kubeconfig_that_cannot_be_written_is_named_and_leaves_nothing(
    login: Login, config: Path, private: Path
) -> None:
    write_kubeconfig(config, {"username": "jane"})
    (private / "kubeconfig" / "in the way").mkdir(parents=True)
    with pytest.raises(LoginError) as error:
        await login.refresh()
    assert str(error.value) == f"{private}/kubeconfig cannot be written: Is a directory"
    assert [file.name for file in private.iterdir()] == ["kubeconfig"]


# --- what cannot be used ---------------------------------------------------------------------------------------------


async def test_nothing_to_log_in_with(login: Login, config: Path, tmp_path: Path) -> None:
    with pytest.raises(LoginError) as error:
        await login.refresh()
    assert str(error.value) == (
        f"no credentials: kubeconfig {config}: there is no such file, "
        f"and this is no pod with a service account in {tmp_path}/account"
    )
    assert not login.kubeconfig.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "current-context must exist"),
        ("{{{", "did not find expected"),
        ("apiVersion: v1\nkind: Config\ncurrent-context: gone\n", "cannot locate context gone"),
        (
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: x, user: y}}]\n",
            "",
        ),
    ],
)
async def test_a_kubeconfig_that_cannot_be_read_is_named(login: Login, config: Path, text: str, reason: str) -> None:
    config.parent.mkdir()
    config.write_text(text)
    with pytest.raises(LoginError) as error:
        await login.refresh()
    said = str(error.value)
    assert said.startswith(f"no credentials: kubeconfig {config}: ")
    assert reason in said
    assert "\n" not in said


async def test_a_certificate_that_is_gone_is_named(login: Login, config: Path) -> None:
    write_kubeconfig(config, {"client-certificate": "/no/such/cert", "client-key": "/no/such/key"})
    with pytest.raises(LoginError, match="/no/such/cert"):
        await login.refresh()


@pytest.mark.parametrize(
    ("user", "cluster", "field"),
    [
        ({"as": "root"}, {}, "users: jane: as is not supported"),
        ({"as-user-extra": {"a": ["b"]}}, {}, "users: jane: as-user-extra is not supported"),
        ({"auth-provider": {"name": "gcp"}}, {}, "users: jane: auth-provider is not supported"),
        ({}, {"tls-server-name": "kubernetes"}, "clusters: prod: tls-server-name is not supported"),
    ],
)
async def test_what_only_some_clients_would_honour_is_refused(
    login: Login, config: Path, user: dict[str, Any], cluster: dict[str, Any], field: str
) -> None:
    write_kubeconfig(config, {"token": "hunter2", **user}, cluster)
    with pytest.raises(LoginError) as error:
        await login.refresh()
    assert str(error.value).startswith(f"kubeconfig {config}: {field}")
    assert not login.kubeconfig.exists()


# --- a pod's service account -----------------------------------------------------------------------------------------


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a pod's service account."""
    folder = tmp_path / "account"
    folder.mkdir()
    for name, text in (("token", "one\n"), ("ca.crt", CA), ("namespace", "team\n")):
        (folder / name).write_text(text)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    return folder


async def test_inside_a_pod(login: Login, account: Path) -> None:
    credentials = await login.refresh()
    assert credentials == Credentials(
        source=f"the service account in {account}",
        server="https://10.0.0.1:6443",
        namespace="team",
        ca=CA,
        token_file=account / "token",
    )
    assert private_config(login)["users"][0]["user"] == {"tokenFile": str(account / "token")}
    (account / "token").write_text("two\n")
    assert credentials.token() == "two", "tokens of pods are renewed every hour"


async def test_inside_a_pod_a_kubeconfig_does_not_count(login: Login, account: Path, config: Path) -> None:
    write_kubeconfig(config, {"token": "hunter2"})
    assert (await login.refresh()).server == "https://10.0.0.1:6443"


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [
        ("2001:db8::1", "443", "https://[2001:db8::1]:443"),
        ("kubernetes.default", "443", "https://kubernetes.default:443"),
        ("10.0.0.1", None, "https://10.0.0.1:443"),
    ],
)
async def test_the_server_of_a_pod(
    login: Login, account: Path, monkeypatch: pytest.MonkeyPatch, host: str, port: str | None, server: str
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    if port is None:
        monkeypatch.delenv("KUBERNETES_SERVICE_PORT")
    else:
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    assert (await login.refresh()).server == server


@pytest.mark.parametrize("missing", ["ca.crt", "namespace"])
async def test_a_service_account_with_a_file_missing(login: Login, account: Path, config: Path, missing: str) -> None:
    write_kubeconfig(config, {"token": "t"})
    (account / missing).unlink()
    with pytest.raises(LoginError) as error:
        await login.refresh()
    assert str(error.value) == f"{account / missing}: No such file or directory"


async def test_a_pod_without_a_service_account_may_have_a_kubeconfig(login: Login, account: Path, config: Path) -> None:
    (account / "token").unlink()
    write_kubeconfig(config, {"token": "t"})
    assert (await login.refresh()).server == "https://api.example:6443"


async def test_outside_of_a_pod_a_service_account_does_not_count(
    login: Login, account: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    write_kubeconfig(config, {"token": "t"})
    assert (await login.refresh()).server == "https://api.example:6443"


# --- credential plugins ----------------------------------------------------------------------------------------------

API_VERSION = "client.authentication.k8s.io/v1"


class Plugin:
    """A credential plugin that prints what it is told to, and keeps what it was asked."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        text = f"""
            cd '{folder}'
            printf '%s\\0' "$@" > argv
            env -0 > environment
            cat output
            cat errors >&2
            exit "$(cat code)"
        """
        self.command = script(folder / "plugin", text)
        self.prints({"status": {"token": "from-plugin"}})

    def prints(self, output: Any, errors: str = "", code: int = 0) -> None:
        text = output if isinstance(output, str) else json.dumps(output)
        for name, value in (("output", text), ("errors", errors), ("code", str(code))):
            (self._folder / name).write_text(value)

    @property
    def argv(self) -> list[str]:
        return (self._folder / "argv").read_text().split("\0")[:-1]

    @property
    def environment(self) -> dict[str, str]:
        pairs = (self._folder / "environment").read_text().split("\0")[:-1]
        return dict(pair.split("=", 1) for pair in pairs)

    def user(self, **more: Any) -> dict[str, Any]:
        return {"exec": {"apiVersion": API_VERSION, "command": self.command, "interactiveMode": "Never", **more}}


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path / "plug in")


async def test_a_plugin_is_asked_by_the_protocol(
    login: Login, config: Path, plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "prod")
    user = plugin.user(args=["get token", "--x"], env=[{"name": "REGION", "value": "eu"}])
    write_kubeconfig(config, user, {"certificate-authority-data": encoded(CA)})
    credentials = await login.refresh()
    assert credentials.token() == "from-plugin"
    assert credentials.expiration is None
    assert plugin.argv == ["get token", "--x"]
    asked = plugin.environment
    assert json.loads(asked["KUBERNETES_EXEC_INFO"]) == {
        "apiVersion": API_VERSION,
        "kind": "ExecCredential",
        "spec": {"interactive": False},
    }
    assert (asked["REGION"], asked["AWS_PROFILE"]) == ("eu", "prod"), "a plugin needs the user's own environment"
    assert "exec" not in private_config(login)["users"][0]["user"], "kubectl never runs it again"


async def test_a_plugin_that_wants_to_know_the_cluster(login: Login, config: Path, plugin: Plugin) -> None:
    write_kubeconfig(config, plugin.user(provideClusterInfo=True), {"certificate-authority-data": encoded(CA)})
    await login.refresh()
    spec = json.loads(plugin.environment["KUBERNETES_EXEC_INFO"])["spec"]
    assert spec == {
        "interactive": False,
        "cluster": {"server": "https://api.example:6443", "certificate-authority-data": encoded(CA)},
    }


@pytest.mark.parametrize(
    "text", ["2031-05-06T07:08:09Z", "2031-05-06T07:08:09.123456789Z", "2031-05-06T09:08:09+02:00"]
)
async def test_a_plugins_credentials_end(login: Login, config: Path, plugin: Plugin, text: str) -> None:
    plugin.prints({"status": {"token": "t", "expirationTimestamp": text}})
    write_kubeconfig(config, plugin.user())
    expiration = (await login.refresh()).expiration
    assert expiration is not None
    assert expiration.replace(microsecond=0) == datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)


async def test_a_plugins_token_and_certificate(login: Login, config: Path, plugin: Plugin, private: Path) -> None:
    status = {"token": "t", "clientCertificateData": "pem of cert", "clientKeyData": "pem of key"}
    plugin.prints({"apiVersion": API_VERSION, "kind": "ExecCredential", "status": status})
    write_kubeconfig(config, plugin.user())
    credentials = await login.refresh()
    assert (credentials.client_certificate, credentials.client_key) == ("pem of cert", "pem of key")
    assert private_config(login)["users"][0]["user"] == {
        "client-certificate-data": encoded("pem of cert"),
        "client-key-data": encoded("pem of key"),
        "tokenFile": str(private / "token"),
    }


async def test_a_plugin_that_was_killed_is_asked_again(
    login: Login, config: Path, plugin: Plugin, tmp_path: Path
) -> None:
    killed_once = f"if mkdir '{tmp_path}/was-killed' 2> /dev/null; then kill -KILL $$; fi; exec '{plugin.command}'"
    write_kubeconfig(config, plugin.user(command=script(tmp_path / "mortal", killed_once)))
    assert (await login.refresh()).token() == "from-plugin"


async def test_a_plugin_beside_the_kubeconfig(login: Login, config: Path, plugin: Plugin) -> None:
    write_kubeconfig(config, plugin.user(command="./bin/plugin"))
    (config.parent / "bin").symlink_to(Path(plugin.command).parent)
    assert (await login.refresh()).token() == "from-plugin"


async def test_a_plugin_on_path(login: Login, config: Path, plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(plugin.command).parent), prepend=os.pathsep)
    write_kubeconfig(config, plugin.user(command="plugin"))
    script(config.parent / "plugin", "echo that of the same name beside the kubeconfig")
    assert (await login.refresh()).token() == "from-plugin"


async def test_a_plugin_that_fails(login: Login, config: Path, plugin: Plugin) -> None:
    plugin.prints("half-a-token-hunter2", "please\n  log in\n", 3)
    write_kubeconfig(config, plugin.user())
    with pytest.raises(LoginError) as error:
        await login.refresh()
    assert str(error.value) == (f"kubeconfig {config}: credential plugin {plugin.command}: exit code 3: please log in")


async def test_a_plugin_that_is_not_installed(login: Login, config: Path, plugin: Plugin) -> None:
    write_kubeconfig(config, plugin.user(command="no-such-plugin", installHint="Get it\nfrom x.example"))
    with pytest.raises(LoginError) as error:
        await login.refresh()
    assert str(error.value).startswith(
        f"kubeconfig {config}: credential plugin no-such-plugin: "
        "no-such-plugin cannot be started: No such file or directory Get it"
    )


async def test_a_plugin_that_hangs(
    login: Login, config: Path, plugin: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_, "PLUGIN_TIMEOUT", 0.2)
    write_kubeconfig(config, plugin.user(command=script(tmp_path / "hanging", "sleep 60")))
    with pytest.raises(LoginError, match=r"hanging took longer than 0\.2 s and was killed"):
        await login.refresh()


@pytest.mark.parametrize(
    "output",
    [
        "hunter2",
        "",
        '"hunter2"',
        '["hunter2"]',
        '{"token": "hunter2"}',
        '{"status": "hunter2"}',
        '{"status": null, "token": "hunter2"}',
        '{"status": {"token": "hunter2", "expirationTimestamp": "hunter2"}}',
        '{"status": {"token": "hunter2", "expirationTimestamp": 7}}',
    ],
)
async def test_what_a_plugin_printed_is_not_in_the_error(
    login: Login, config: Path, plugin: Plugin, output: str
) -> None:
    plugin.prints(output)
    write_kubeconfig(config, plugin.user())
    with pytest.raises(LoginError) as error:
        await login.refresh()
    assert str(error.value) == (
        f"kubeconfig {config}: credential plugin {plugin.command}: printed no ExecCredential with a status"
    )
    assert not login.kubeconfig.exists()


@pytest.mark.parametrize(
    "status", [{}, {"clientCertificateData": "c"}, {"clientKeyData": "k"}, {"token": ""}], ids=json.dumps
)
async def test_a_plugin_that_gives_no_credentials(
    login: Login, config: Path, plugin: Plugin, status: dict[str, str]
) -> None:
    plugin.prints({"status": status})
    write_kubeconfig(config, plugin.user())
    with pytest.raises(LoginError):
        await login.refresh()


async def test_an_expiration_without_a_zone_does_not_end_the_renewal(
    login: Login, config: Path, plugin: Plugin
) -> None:
    plugin.prints({"status": {"token": "t", "expirationTimestamp": "2031-05-06T07:08:09"}})
    write_kubeconfig(config, plugin.user())
    try:
        credentials = await login.refresh()
    except LoginError:
        return  # just as well
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(login.keep_fresh(credentials), 0.05)


# --- renewal ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The sleeps that were asked for; none takes its time, and the fourth is the last."""
    asked: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        if seconds <= 1:
            return await real(seconds)
        asked.append(seconds)
        if len(asked) == 4:
            raise asyncio.CancelledError
        return await real(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return asked


def in_seconds(seconds: float) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)).isoformat()


async def test_a_plugins_credentials_are_renewed_before_they_end(
    login: Login, config: Path, plugin: Plugin, slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    write_kubeconfig(config, plugin.user())
    plugin.prints({"status": {"token": "one", "expirationTimestamp": in_seconds(3600)}})
    credentials = await login.refresh()
    plugin.prints("broken", code=1)
    real = login.refresh

    async def refresh() -> Credentials:
        try:
            return await real()
        finally:
            plugin.prints({"status": {"token": "two", "expirationTimestamp": in_seconds(7200)}})

    login.refresh = refresh  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await login.keep_fresh(credentials)
    first, again, second, _ = slept
    assert 3500 < first <= 3540, "a minute before their end"
    assert 3500 < again <= 3540, "after a failure the old ones count"
    assert 7100 < second <= 7140
    assert (login.kubeconfig.parent / "token").read_text() == "two"
    assert caplog.records[0].getMessage().startswith("renewing the credentials: ")


async def test_what_was_asked_for_later_counts(login: Login, config: Path, tmp_path: Path) -> None:
    """kopf, nuvop's client and the renewal ask by themselves; who was asked first may answer last."""
    text = f"""
        cd '{tmp_path}'
        if mkdir first; then
            while ! test -e go; do sleep 0.05; done
            token=older
        fi
        printf '{{"status": {{"token": "%s"}}}}' "${{token:-newer}}"
    """
    plugin = {"apiVersion": API_VERSION, "command": script(tmp_path / "plugin", text), "interactiveMode": "Never"}
    write_kubeconfig(config, {"exec": plugin})
    first = asyncio.create_task(login.refresh())
    async with asyncio.timeout(10):
        while not (tmp_path / "first").exists():  # noqa: ASYNC110 – nobody tells
            await asyncio.sleep(0.01)
    second = asyncio.create_task(login.refresh())
    await asyncio.wait([second], timeout=1)
    (tmp_path / "go").touch()
    await asyncio.gather(first, second)
    assert (login.kubeconfig.parent / "token").read_text() == "newer"


async def test_credentials_that_have_ended_are_not_asked_for_without_a_pause(
    login: Login, config: Path, plugin: Plugin, slept: list[float]
) -> None:
    write_kubeconfig(config, plugin.user())
    plugin.prints({"status": {"token": "one", "expirationTimestamp": in_seconds(-60)}})
    with pytest.raises(asyncio.CancelledError):
        await login.keep_fresh(await login.refresh())
    assert slept == [10, 10, 10, 10]


async def test_a_plugin_that_goes_on_failing_is_told_once(
    login: Login, config: Path, plugin: Plugin, slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    write_kubeconfig(config, plugin.user())
    plugin.prints({"status": {"token": "one", "expirationTimestamp": in_seconds(-60)}})
    credentials = await login.refresh()
    plugin.prints("broken", code=1)
    with pytest.raises(asyncio.CancelledError):
        await login.keep_fresh(credentials)
    assert len(slept) == 4
    assert len(caplog.records) == 1


async def test_credentials_without_an_end_need_no_renewal(login: Login, config: Path) -> None:
    write_kubeconfig(config, {"token": "t"})
    await asyncio.wait_for(login.keep_fresh(await login.refresh()), 1)


# --- the private folder ----------------------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


HOLD = "from nuvop import login; print(login.make_private_folder(), flush=True); input()"


def test_the_private_folder_is_private(temporary: Path) -> None:
    before = os.umask(0)
    try:
        folder = make_private_folder()
    finally:
        os.umask(before)
    assert folder.parent == temporary
    assert mode(folder) == 0o700
    (folder / "kubeconfig").write_text("x")
    shutil.rmtree(folder)
    assert list(temporary.iterdir()) == []


def test_what_a_killed_operator_left_is_removed(temporary: Path) -> None:
    operator = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    with operator:
        assert operator.stdout is not None
        held = Path(operator.stdout.readline().strip())
        (held / "kubeconfig").write_text("hunter2")
        mine = make_private_folder()
        assert set(temporary.iterdir()) == {held, mine}, "an operator that lives keeps its folder"
        operator.kill()
    another = make_private_folder()
    assert set(temporary.iterdir()) == {mine, another}


def test_what_is_not_nuvops_is_left_alone(temporary: Path, tmp_path: Path) -> None:
    def folder(path: Path) -> Path:
        path.mkdir()
        (path / "lock").touch()
        return path

    kept = {temporary / "nuvop-others", temporary / "nuvop-file", temporary / "nuvop-link", temporary / "other"}
    (temporary / "nuvop-others").mkdir()
    (temporary / "nuvop-others" / "file").touch()  # and no lock
    (temporary / "nuvop-file").touch()
    target = folder(tmp_path / "target")
    (temporary / "nuvop-link").symlink_to(target)
    folder(temporary / "other")
    folder(temporary / "nuvop-abandoned")
    made = make_private_folder()
    assert set(temporary.iterdir()) == {*kept, made}
    assert (target / "lock").exists()


def test_one_who_was_killed_before_it_had_locked_its_folder_leaves_none(temporary: Path) -> None:
    (temporary / "nuvop-empty").mkdir()
    made = make_private_folder()
    assert set(temporary.iterdir()) == {made}


def test_one_whose_folder_another_took_for_abandoned_makes_another(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = tempfile.mkdtemp
    removed: list[str] = []

    def and_remove_the_first(*, prefix: str) -> str:
        folder = make(prefix=prefix)
        if not removed:
            removed.append(folder)
            os.rmdir(folder)
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", and_remove_the_first)
    made = make_private_folder()
    assert str(made) != removed[0]
    assert set(temporary.iterdir()) == {made}


def test_a_folder_of_another_user_is_left_alone(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = temporary / "nuvop-others"
    others.mkdir()
    (others / "lock").touch()
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    make_private_folder()
    assert (others / "lock").exists()
