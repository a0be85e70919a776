"""``nuvop run``, which always serves nuvop's kinds, and ``kopf run``, which does where nothing else is named.

Both are kopf's own command with nuvop's handlers registered before it loads others.
"""

import copy
import traceback
import warnings
from pathlib import Path
from types import FrameType
from typing import Any

import click
import kopf
import kopf.cli

from nuvop import handlers, logs
from nuvop.commands import common
from nuvop.errors import NuvopError

_KOPFS = kopf.cli.main.commands["run"]

_LOGGING = ("verbose", "debug", "quiet", "log_format", "log_prefix", "log_refkey")
"""kopf's parameters that are about the log."""

_LOADER = "kopf._cogs.helpers.loaders"
"""kopf's module that loads the files and modules that are named."""

_HELP = {
    "verbose": "Log more.",
    "debug": "Log everything, also what Python's event loop says.",
    "quiet": "Log warnings and errors only.",
    "log_format": "How a line of the log looks.  [default: full]",
    "log_refkey": "With --log-format json: the key under which a line names its object.",
    "log_prefix": "Whether a line about an object begins with its namespace and name.",
    "clusterwide": "Serve all namespaces.",
    "namespaces": "Serve this namespace, or those that match a pattern such as team-*; may be repeated.",
    "standalone": "Do not look for other operators to coordinate with.",
    "dev": "With a peering: take priority 666, so that all others stand still.",
    "liveness_endpoint": "Where to answer a liveness probe, such as http://0.0.0.0:8080/healthz.",
    "peering_name": "Coordinate with the other operators of this peering.",
    "priority": "With a peering: of several operators the one with the highest number works.",
    "modules": "Load a Python module beside nuvop's kinds; may be repeated.",
}


class _NuvopRun(click.Command):
    def invoke(self, ctx: click.Context) -> Any:
        folders: tuple[Path, ...] = ctx.params.pop("folders")
        for path in map(Path, ctx.params["paths"]):
            _see_that_it_can_be_loaded(path)
        return _serve(ctx, folders, super().invoke)


class _KopfRun(click.Command):
    def invoke(self, ctx: click.Context) -> Any:
        is_named = ctx.params["modules"] or ctx.params["paths"]
        return super().invoke(ctx) if is_named else _serve(ctx, (), super().invoke)


def _see_that_it_can_be_loaded(path: Path) -> None:
    """Say of a file of handlers what is wrong with it, in the words of a user."""
    if path.is_dir():
        raise click.UsageError(f"{path} is a folder; PATHS are Python files with handlers (--kinds {path} for kinds)")
    if not path.exists():
        raise click.UsageError(f"{path}: there is no such file")
    if path.suffix != ".py":
        raise click.UsageError(f"{path}: the name of a Python file ends in .py")


def _serve(ctx: click.Context, folders: tuple[Path, ...], invoke: Any) -> Any:
    """Run kopf with nuvop's handlers; an error that nuvop knows is one line and exit code 1."""
    # kopf does so later again; what is said of the folders comes before.
    kopf.configure(**{name: ctx.params[name] for name in _LOGGING})
    logs.leave_start_errors_to_cli()
    # kopf's own tasks that a failed start never gets to; not those of a handler that forgets an `await`.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning, r"kopf\.")
    try:
        handlers.Handlers(common.read_settings(folders)).register()
        return invoke(ctx)
    except (kopf.LoginError, NuvopError) as error:
        raise click.ClickException(str(error)) from error
    except Exception as error:
        if told := _not_loaded(error):
            raise click.ClickException(told) from error
        # How kopf ends when a startup handler says that it cannot work.
        if isinstance(error.__cause__, kopf.PermanentError):
            raise click.ClickException(str(error.__cause__)) from error
        raise


def _not_loaded(error: Exception) -> str:
    """What is wrong with a user's Python, and how it came there; empty where it was not its loading that failed."""
    frames = list(traceback.walk_tb(error.__traceback__))
    loading = [index for index, (frame, _) in enumerate(frames) if frame.f_globals.get("__name__") == _LOADER]
    if not loading:
        return ""
    own = [
        traceback.FrameSummary(str(common.here(Path(frame.f_code.co_filename))), line, frame.f_code.co_name)
        for frame, line in frames[loading[-1] + 1 :]
        if not _is_import(frame)
    ]
    at, text, way = "", str(error), own if len(own) > 1 else []
    if isinstance(error, SyntaxError) and error.filename:
        at, text, way = f"{common.here(Path(error.filename))}:{error.lineno or 1}: ", error.msg, own
    elif own:
        at = f"{own[-1].filename}:{own[-1].lineno}: "
    return f"{at}{type(error).__name__}: {text}\n{''.join(traceback.format_list(way))}".rstrip()


def _is_import(frame: FrameType) -> bool:
    """Whether it is Python's own work at an import."""
    return frame.f_code.co_filename.startswith("<frozen ") or frame.f_globals.get("__name__") == "importlib"


def _described(parameter: click.Parameter) -> click.Parameter:
    described = copy.copy(parameter)
    if isinstance(described, click.Option):
        described.help = _HELP[str(described.name)]
    return described


run = common.kinds_option(
    _NuvopRun(
        "run",
        params=[_described(parameter) for parameter in _KOPFS.params],
        callback=_KOPFS.callback,
        context_settings={"auto_envvar_prefix": "KOPF_RUN"},
        help="""
    Serve the kinds until asked to stop, and with them the kopf handlers in PATHS, Python files.

    Each change of a custom resource, of its children and of the kinds' folders is carried out at once. Your own
    handlers (timers, daemons, webhooks and so on) run in the same process; docs/extending.md says what they leave on
    a resource. With neither -n nor -A, all namespaces are served.

    Exit code 0 where it was asked to stop (SIGTERM, Ctrl-C), 1 where it cannot start (no credentials, no usable
    kubectl, no kind that can be served, Python that cannot be loaded) or an error ends it.

    \b
    nuvop run -n demo
    nuvop run -A --kinds ./my-kinds --kinds ./more/gadgets
    nuvop run -n demo examples/backup_timer.py

    `kopf run` is kopf's own command: it runs nuvop's kinds where no PATHS and no modules are named, otherwise only
    those. Options may also be set by environment variables, as KOPF_RUN_NAMESPACES=demo.
    """,
    )
)

kopf_run = _KopfRun(
    "run",
    params=_KOPFS.params,
    callback=_KOPFS.callback,
    help="""
    Serve nuvop's kinds, those in $NUVOP_KINDS (kustomize/). Where PATHS or modules are named, run their handlers and
    not nuvop's; `nuvop run` has both.
    """,
)
