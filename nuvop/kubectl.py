"""The only door to processes: argv lists, a minimal environment, a time-out, a limit to the output, a sure kill.

`Processes` runs any command so; `Kubectl` knows kubectl's commands and turns its output into values. No manifest
passes through an argument, a log line or an error here but kubectl's own words.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import orjson

from nuvop import kustomize_words, reaper
from nuvop.errors import ApplyFailed, BuildFailed, KubectlCrashed, KubectlError, KubectlTimeout, KubectlUnusable
from nuvop.objects import FIELD_MANAGER, Body
from nuvop.shallow import shallow

MINIMUM_VERSION = (1, 27)
"""The first kubectl with kustomize 5, whose namePrefix and labels the overlays rely on."""

OUTPUT_LIMIT = 64 * 1024 * 1024
"""Bytes of standard output after which a command is taken for gone mad and killed."""

ERROR_LIMIT = 64 * 1024
"""Bytes of standard error that are kept; the rest is read and dropped."""

DESCRIPTORS = 7
"""File descriptors that it takes to start a process: for three pipes and /dev/null."""

BUILD_TIMEOUT = 30.0
REQUEST_TIMEOUT = 20.0
VERSION_TIMEOUT = 30.0
"""Seconds. What is asked needs hardly any, but a first start from a disk that is cold or stalls may take many."""

KILLED_MOST = 5
"""How often a command that an operator cannot start without may be killed until that is an error."""

KILLED_PAUSE = 0.2
"""Seconds until it is run again."""

ERROR = 1
"""The exit code of a kubectl that has an error to tell; that of a Go program that crashes is another one."""

GARBAGE = "400"
MEMORY = 34 * 1024 * 1024
MEMORY_PER_BYTE = 32
"""How kubectl collects garbage (https://go.dev/doc/gc-guide): hardly ever, until it holds that many bytes and that many
more for each byte of manifests. Saves a seventh of its processor time at about the same memory."""

_PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
"""What kubectl may know of the operator's environment: how to reach the API server, and nothing else."""


@dataclass(frozen=True)
class Completed:
    """What a command left: its exit code, its output, the first part of its standard error."""

    returncode: int
    stdout: bytes
    stderr: str


class Processes:
    """Runs commands, and sees to it that none outlives the operator.

    Each is the leader of its own process group, which is killed as a whole on a time-out, on too much output, when
    the caller is cancelled, and, by the reaper, when the operator itself is killed.
    """

    def __init__(self, private: Path | None = None) -> None:
        """Start the reaper, which removes the folder ``private`` at the end, whether the operator ends or is killed."""
        self._private = private
        self._reaper: subprocess.Popen[bytes] | None = _start_reaper(private)
        """None where somebody has killed it, until another one is needed."""
        self._groups: set[int] = set()
        self._closed = False

    async def run(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        timeout: float,  # noqa: ASYNC109 – the kill on time-out is what this function is for
        output_limit: int = OUTPUT_LIMIT,
    ) -> Completed:
        """Run a command to its end.

        ``timeout`` is in seconds. Raises KubectlTimeout after it, KubectlError where the output exceeds
        ``output_limit`` bytes, KubectlUnusable where the command cannot be started.
        """
        try:
            _see_that_there_is_room()
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            raise KubectlUnusable(f"{argv[0]} cannot be started: {error.strerror or error}") from error
        try:
            self._begin(process.pid)
            async with asyncio.timeout(timeout):
                stdout, stderr = await asyncio.gather(
                    _read(process.stdout, output_limit, argv), _read_start(process.stderr)
                )
                returncode = await process.wait()
        except TimeoutError as error:
            raise KubectlTimeout(f"{_name(argv)} took longer than {timeout:g} s and was killed") from error
        finally:
            # Also after a normal end: what the command started must not outlive it.
            self._kill(process.pid)
            # asyncio waits until the pipes are closed, too: one that nobody reads any more, or that a process outside
            # of the group holds, never is.
            process._transport.close()  # type: ignore[attr-defined]
            await asyncio.shield(process.wait())
            self._end(process.pid)
        return Completed(returncode, stdout, stderr)

    async def run_unless_killed(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        timeout: float,  # noqa: ASYNC109 – as in run
    ) -> Completed:
        """Run a command as `run` does, and again where somebody has killed it: for want of memory, say.

        It is for what an operator cannot start without. Raises KubectlError also where each time it was killed.
        """
        for _ in range(KILLED_MOST):
            done = await self.run(argv, environment=environment, timeout=timeout)
            if done.returncode >= 0:
                return done
            await asyncio.sleep(KILLED_PAUSE)
        raise KubectlError(f"{_name(argv)} was killed by signal {-done.returncode}, {KILLED_MOST} times")

    def close(self) -> None:
        """Kill what still runs and end the reaper."""
        self._closed = True
        for group in list(self._groups):
            self._kill(group)
        self._tell_reaper(reaper.FAREWELL)
        self._end_reaper()

    def _begin(self, group: int) -> None:
        """See to it that a group ends with the operator. Raises KubectlUnusable where nobody could."""
        self._groups.add(group)
        if self._closed:
            self._kill(group)  # it was being started while all others were killed
        elif not self._tell_reaper(reaper.begun(group)):
            try:
                self._reaper = _start_reaper(self._private)
            except OSError as error:
                raise KubectlUnusable(f"{sys.executable} cannot be started: {error.strerror or error}") from error
            # It has to know of all that runs.
            for running in self._groups:
                _tell(self._reaper, reaper.begun(running))

    def _end(self, group: int) -> None:
        self._groups.discard(group)
        self._tell_reaper(reaper.ended(group))

    def _tell_reaper(self, line: bytes) -> bool:
        """Tell the reaper something; return whether there is one."""
        if self._reaper is None:
            return False
        try:
            _tell(self._reaper, line)
        except BrokenPipeError:
            self._end_reaper()
            return False
        return True

    def _end_reaper(self) -> None:
        reaper_, self._reaper = self._reaper, None
        if reaper_ is not None:
            assert reaper_.stdin is not None  # noqa: S101 – opened as a pipe
            reaper_.stdin.close()
            reaper_.wait()

    @staticmethod
    def _kill(group: int) -> None:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # already gone (macOS says EPERM of a group of zombies)


def _see_that_there_is_room() -> None:
    """Raise OSError where too few file descriptors are left to start a process.

    Where one of several cannot be opened, Python 3.11.2, which is Debian 12's, leaks the others:
    https://github.com/python/cpython/issues/87474.
    """
    opened: list[int] = []
    try:
        while len(opened) < DESCRIPTORS:
            opened.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _start_reaper(private: Path | None) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", reaper.__file__, *([str(private)] if private else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        bufsize=0,
    )


def _tell(process: "subprocess.Popen[bytes]", line: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 – opened as a pipe
    process.stdin.write(line)


async def _read(stream: asyncio.StreamReader | None, limit: int, argv: Sequence[str]) -> bytes:
    assert stream is not None  # noqa: S101 – opened as a pipe
    chunks: list[bytes] = []
    size = 0
    while chunk := await stream.read(1 << 16):
        size += len(chunk)
        if size > limit:
            chunks.clear()  # the error's traceback would keep them for as long as somebody keeps the error
            raise KubectlError(f"{_name(argv)} printed more than {limit} bytes and was killed")
        chunks.append(chunk)
    return b"".join(chunks)


async def _read_start(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None  # noqa: S101 – opened as a pipe
    kept = b""
    while chunk := await stream.read(1 << 16):
        kept += chunk[: ERROR_LIMIT - len(kept)]
    return kept.decode(errors="replace")


def _name(argv: Sequence[str]) -> str:
    """A command as errors name it: the program and its verb, without paths."""
    return " ".join([Path(argv[0]).name, *argv[1:2]])


class Kubectl:
    """kubectl with nuvop's own kubeconfig, HOME and cache, all under one private folder."""

    def __init__(self, processes: Processes, program: str, private: Path) -> None:
        """``private`` is a folder of mode 0700 with the ``kubeconfig``; HOME, cache, temporary files go there."""
        self._processes = processes
        self._program = program
        self.kubeconfig = private / "kubeconfig"
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._environment = {
            **passed_on,
            "HOME": str(private),
            "TMPDIR": str(private),
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(private / "cache"),
            "GOGC": GARBAGE,
        }
        # kustomize would fetch a remote base with git or HTTP. Kinds that name one are refused; should one get past
        # that check, there is nothing to fetch it with.
        nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:1")
        self._offline = {**self._environment, **nowhere, "NO_PROXY": "", "no_proxy": "", "GIT_ALLOW_PROTOCOL": "none"}

    async def build(self, folder: Path) -> str:
        """Return what kustomize makes of a folder, as YAML.

        Raises BuildFailed, which tells why it cannot; KubectlCrashed, KubectlTimeout and KubectlError, which say
        nothing of the folder.
        """
        argv = [self._program, "kustomize", str(folder)]
        done = await self._processes.run(argv, environment=self._offline, timeout=BUILD_TIMEOUT)
        if done.returncode < 0:
            raise KubectlError(f"kubectl kustomize was killed by signal {-done.returncode}")
        if done.returncode != 0:
            # Always one error, whose text may go over several lines.
            reason = without_values(" ".join(_lines(done.stderr)).removeprefix("error: ")) or SILENCE
            if done.returncode != ERROR and not kustomize_words.is_broken_down(reason):
                # What follows the first line is the stack.
                first = without_values((_lines(done.stderr) or [SILENCE])[0])
                raise KubectlCrashed(f"kubectl kustomize crashed: {first}")
            raise BuildFailed(kustomize_words.told(without_path(reason, folder)))
        # What is not all of it may well be YAML: objects would be missing, or have half a name.
        if done.stdout and not done.stdout.endswith(b"\n"):
            raise KubectlError("kubectl kustomize printed half a line")
        if not done.stdout and done.stderr:
            raise KubectlError(f"kubectl kustomize ended well but printed nothing: {_messages(done.stderr)}")
        return done.stdout.decode()

    async def apply(self, folder: Path, *, size: int, timeout: float) -> list[Body]:  # noqa: ASYNC109 – as in run
        """Apply a kustomize folder server-side; return the live objects, managedFields and all.

        ``size`` is about how many bytes kustomize reads and makes of it.
        Raises ApplyFailed when any object was refused: then it is not known which of the others were applied;
        KubectlTimeout after ``timeout`` seconds; KubectlError where somebody has killed kubectl.
        """
        argv = [
            self._program, "apply", "-k", str(folder),
            "--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}",
            # With server-side apply the server rejects unknown fields and wrong types all the same.
            "--validate=false", "-o", "json", "--show-managed-fields", f"--request-timeout={REQUEST_TIMEOUT:g}s",
        ]  # fmt: skip
        environment = {**self._environment, "GOMEMLIMIT": str(MEMORY + MEMORY_PER_BYTE * size)}
        done = await self._processes.run(argv, environment=environment, timeout=timeout)
        if done.returncode < 0:
            raise KubectlError(f"kubectl apply was killed by signal {-done.returncode}")
        if done.returncode != 0:
            raise ApplyFailed(
                _messages(done.stderr),
                terminal=_is_terminal(done.stderr),
                unreachable=bool(_UNREACHABLE.search(done.stderr)),
                immutable=is_immutable(done.stderr),
            )
        try:
            printed = orjson.loads(shallow(done.stdout))
            objects: list[Body] = printed["items"] if printed["kind"] == "List" else [printed]
        except (ValueError, KeyError, TypeError) as error:
            raise ApplyFailed(
                f"kubectl apply ended well but printed no objects: {_messages(done.stderr)}", terminal=False
            ) from error
        return objects


async def find_kubectl(processes: Processes) -> str:
    """Return the path of a usable kubectl on PATH; raise KubectlUnusable when it is missing or too old."""
    program = shutil.which("kubectl")
    wanted = ".".join(map(str, MINIMUM_VERSION))
    if program is None:
        raise KubectlUnusable(f"kubectl is not on PATH; nuvop needs {wanted} or newer")
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    done = await processes.run_unless_killed(
        [program, "version", "--client", "-o", "json"], environment=environment, timeout=VERSION_TIMEOUT
    )
    try:
        version = orjson.loads(done.stdout)["clientVersion"]["gitVersion"]
        found = tuple(map(int, re.findall(r"\d+", version)[:2]))
    except (ValueError, KeyError, TypeError) as error:
        raise KubectlUnusable(
            f"{program} does not tell its version (exit code {done.returncode}): {_messages(done.stderr)}"
        ) from error
    if found < MINIMUM_VERSION:
        raise KubectlUnusable(f"{program} is {version}; nuvop needs {wanted} or newer")
    return program


async def user_config(processes: Processes, program: str, context: str | None = None) -> dict[str, Any]:
    """Return the user's kubeconfig as kubectl sees it: files merged, certificates inlined, only the context that is
    asked for, or the current one where none is.

    This alone runs with the operator's own environment: it is the user's configuration that is asked for.
    """
    argv = [program, "config", "view", "--minify", "--flatten", "--raw", "-o", "json"]
    argv += [f"--context={context}"] if context else []
    done = await processes.run_unless_killed(argv, environment=os.environ, timeout=VERSION_TIMEOUT)
    if done.returncode != 0:
        raise KubectlError(_messages(done.stderr))
    try:
        config: dict[str, Any] = orjson.loads(done.stdout)
    except ValueError as error:
        raise KubectlError(f"kubectl config printed no kubeconfig: {_messages(done.stderr)}") from error
    return config


_TERMINAL = re.compile(
    r"is invalid|\((Invalid|Forbidden|BadRequest|MethodNotAllowed|RequestEntityTooLarge)\)|denied the request"
    r"|not declared in schema|failed to create typed patch|field is immutable|strict decoding error"
    r"|unable to decode|failed to convert new object"
    # kustomize's own
    r"|accumulating resources|updating name reference|visit traversal on path"
)
_UNREACHABLE = re.compile(
    r"Unable to connect to the server|The connection to the server|couldn't get current server API group list"
    r"|the server was unable to return a response|etcdserver|You must be logged in to the server|\(Unauthorized\)"
)
"""What all requests meet alike. A webhook that cannot be reached is told in other words."""

_IMMUTABLE = re.compile(r"field is immutable|updates to statefulset spec for fields other than")
_NAMED_FILE = re.compile(
    r'(?:error when (?:creating|applying patch|patching|retrieving current configuration of)[^"]*"[^"]*"|'
    r'unable to (?:decode|recognize) "[^"]*"): | from "[^"]*"(?=: no matches for kind)'
)
_QUOTED_VALUE = re.compile(r", got &(?:value\.\w+)?\{.*?\}+(?=;|$)|map\[string\]interface ?\{\}\{.*\}: ")
"""How a value of the wrong type, or a whole manifest, is quoted. It may be a Secret's."""

_QUOTED_NODE = re.compile(r":? node contents:.*", re.DOTALL)
"""How kustomize quotes a value of the wrong kind, over several lines, as the last of what it says."""

_NO_MESSAGE = re.compile(r"Warning:|# Warning:|[EWIF]\d{4} [\d:.]+ +\d+ \S+\]|ensure CRDs are installed first")
"""Lines that are no error: warnings, kubectl's own log with time and process id, advice."""

_ADVICE_ON_CONFLICTS = "Please review the fields above"
"""What follows is advice on kubectl's options."""

SILENCE = "it said nothing"

_TOLD = 900
"""Characters of messages; a condition and an Event hold little more."""


def is_immutable(message: str) -> bool:
    """Whether the API server refuses a change because the field may never change."""
    return bool(_IMMUTABLE.search(message))


def without_values(message: str) -> str:
    """An API server's message without the values that it quotes where one has the wrong type."""
    return _QUOTED_VALUE.sub("", message)


THE_FOLDER = "the folder"
"""What is said for the folder that is built."""


def without_path(text: str, folder: Path) -> str:
    """A text that names files by their place in a folder; kustomize follows links."""
    for named in (folder, folder.resolve()):
        text = text.replace(f"{named}/", "").replace(str(named), THE_FOLDER)
    return text


def _is_terminal(stderr: str) -> bool:
    """Whether trying again cannot help. A namespace that is going away answers Forbidden, but it is."""
    return bool(_TERMINAL.search(stderr)) and "being terminated" not in stderr


def _messages(stderr: str) -> str:
    """The messages of an error on one line, each once; how many there are beyond what a condition holds."""
    found: list[tuple[str, list[str]]] = []
    for line in _lines(stderr):
        # An error's list of causes follows it, a line each.
        if found and line.startswith(("* ", "  ")):
            found[-1][1].append(line.strip().removeprefix("* "))
        else:
            found.append((line.removeprefix("error: "), []))
    whole = (f"{first} {'; '.join(causes)}".strip() for first, causes in found)
    texts = list(dict.fromkeys(without_values(_NAMED_FILE.sub("", text)) for text in whole))
    if not texts:
        return SILENCE
    sizes = accumulate(len(text) + 2 for text in texts)
    told = max(sum(size <= _TOLD for size in sizes), 1)
    others = len(texts) - told
    return "; ".join(texts[:told]) + (f" (and {others} more)" if others else "")


def _lines(stderr: str) -> list[str]:
    """The lines of an error that are messages; all of them where none is."""
    told = _QUOTED_NODE.sub("", stderr.split(_ADVICE_ON_CONFLICTS)[0])
    lines = [line.rstrip() for line in told.splitlines() if line.strip()]
    lines = lines if not lines or not lines[0].startswith(" ") else [line.strip() for line in lines]
    return [line for line in lines if not _NO_MESSAGE.match(line)] or lines
