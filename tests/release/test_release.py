"""`task release`, with container engines that only pretend: what they are told, and that nobody sees the password."""

import os
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lab import deployer, image, kinds
from lab.image.engines import STAND_IN
from lab.release import account
from lab.release.__main__ import command
from lab.release.account import Account
from lab.release.errors import ReleaseError
from tests.e2e.harness import ROOT

CHECK = kinds.check
PASSWORD = "swordfish with spaces # and more"
DIGEST = f"sha256:{'0' * 64}"

ENGINE = f"""\
#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
env >> "$ENVIRONMENTS"
for argument in "$@"; do
  case "$argument" in
    login) cat > "$STDIN" ;;
    build) for folder; do :; done; ls "$folder/kustomize" > "$KINDS" ;;
    --type=image) echo '{{"OCIv1": {{"config": {{"Labels": '"$LABELS"'}}}}}}' ;;
    --digestfile=*) echo {DIGEST} > "${{argument#--digestfile=}}" ;;
    --format=*RepoDigests*) echo "[\\"elsewhere/nuvop@sha256:1\\", \\"$REPOSITORY@{DIGEST}\\"]" ;;
    $FAILS) echo "denied: no such account" >&2; exit 7 ;;
  esac
done
"""
BROKEN = "#!/bin/sh\nexit 1\n"


class Stage:
    """A folder with an `.env`, and a PATH that begins with engines."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._programs = folder / "programs"
        self._programs.mkdir()
        self.deployed: list[deployer.Wanted] = []
        for name in ("CALLS", "ENVIRONMENTS", "STDIN", "KINDS"):
            (folder / name).touch()
            monkeypatch.setenv(name, str(folder / name))
        monkeypatch.setenv("PATH", f"{self._programs}:{os.environ['PATH']}")
        monkeypatch.setenv("FAILS", "nothing")
        monkeypatch.setenv("LABELS", "null")
        monkeypatch.setenv("REPOSITORY", "jane/nuvop")
        monkeypatch.setattr("os.geteuid", lambda: 0)
        monkeypatch.setattr(kinds, "check", lambda _: None)  # it takes seconds
        monkeypatch.setattr(deployer, "install", lambda wanted, patience: self.deployed.append(wanted))
        monkeypatch.chdir(folder)

    def has(self, engine: str) -> None:
        """This is the first engine that works."""
        for name in ("docker", "podman", "buildah"):
            (self._programs / name).write_text(ENGINE if name == engine else BROKEN)
            (self._programs / name).chmod(0o755)

    def write(self, *lines: str) -> None:
        (self._folder / ".env").write_text("\n".join(lines))

    def text(self, name: str) -> str:
        return (self._folder / name).read_text()

    def calls(self, *of: str) -> list[str]:
        """The command lines with one of these words in them."""
        return [line for line in self.text("CALLS").splitlines() if set(of) & set(line.split())]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


def release(*arguments: str) -> None:
    command.main(arguments, standalone_mode=False)


@pytest.mark.parametrize(
    ("engine", "repository"), [("docker", "jane/nuvop"), ("podman", "docker.io/jane/nuvop"), ("buildah", "")]
)
def test_the_image_is_built_pushed_and_deployed_by_its_digest(
    stage: Stage, engine: str, repository: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    stage.has(engine)
    monkeypatch.setenv("REPOSITORY", repository)
    stage.write("# mine", "DOCKER_USER=jane", f"export DOCKER_PASSWORD='{PASSWORD}'  # a token")
    release("--namespace", "ops", "--watch-namespaces", "a,b")
    name = f"docker.io/jane/nuvop:{image.version()}"
    assert stage.deployed == [deployer.Wanted("ops", f"{name}@{DIGEST}", ("a", "b"))]
    assert any(f"--tag={name}" in line for line in stage.calls("build"))
    (login,) = stage.calls("login")
    assert login.endswith("login --username=jane --password-stdin docker.io")
    (push,) = stage.calls("push")
    assert name in push.split()
    assert stage.text("STDIN") == PASSWORD
    shown = capfd.readouterr()
    for text in (stage.text("CALLS"), stage.text("ENVIRONMENTS"), shown.out, shown.err):
        assert PASSWORD not in text
    assert f"{name}@{DIGEST} is pushed" in shown.err


def test_kinds_of_ones_own_are_built_in_and_deployed(stage: Stage) -> None:
    stage.has("docker")
    stage.write("DOCKER_USER=jane")
    own = ROOT / "tests/golden/tiers"
    release("--kinds", str(own))
    assert stage.text("KINDS").split() == ["tiers"]
    assert [wanted.kinds for wanted in stage.deployed] == [(own,)]


def test_kinds_with_errors_are_not_built(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kinds, "check", CHECK)
    stage.has("docker")
    stage.write("DOCKER_USER=jane")
    kind = shutil.copytree(ROOT / "kustomize/samples", tmp_path / "samples")
    (kind / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    with pytest.raises(kinds.KindsError, match="nuvop check finds errors in the kinds"):
        release("--kinds", str(kind))
    assert "samples" in capfd.readouterr().err
    assert stage.calls("build") == []
    assert stage.deployed == []


def test_what_stands_upon_a_stand_in_is_not_pushed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.has("buildah")
    stage.write("DOCKER_USER=jane")
    monkeypatch.setenv("LABELS", f'{{"{STAND_IN}": "true"}}')
    with pytest.raises(ReleaseError, match="is built upon a stand-in for it"):
        release()
    assert stage.calls("push") == []
    assert stage.deployed == []


def test_who_is_logged_in_already_needs_no_password(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.has("docker")
    stage.write("DOCKER_USER=jane", "DOCKER_PASSWORD=", "DOCKER_REGISTRY=registry.example.org:5000")
    monkeypatch.setenv("REPOSITORY", "registry.example.org:5000/jane/nuvop")
    release()
    assert stage.calls("login") == []
    assert [wanted.image for wanted in stage.deployed] == [
        f"registry.example.org:5000/jane/nuvop:{image.version()}@{DIGEST}"
    ]


@pytest.mark.parametrize(
    ("fails", "told"),
    [
        ("push", "docker push failed with exit code 7"),
        ("--password-stdin", "docker login --username=jane --password-stdin docker.io: denied: no such account"),
    ],
)
def test_what_fails_is_told_and_nothing_is_deployed(
    stage: Stage, fails: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.has("docker")
    stage.write("DOCKER_USER=jane", f'DOCKER_PASSWORD="{PASSWORD}"')
    monkeypatch.setenv("FAILS", fails)
    with pytest.raises(ReleaseError) as raised:
        release()
    assert str(raised.value).startswith(told)
    assert PASSWORD not in str(raised.value)
    assert stage.deployed == []
    assert bool(stage.calls("build")) == (fails == "push"), "a wrong password is told before the build"


def test_an_image_without_a_digest_is_not_deployed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.has("docker")
    stage.write("DOCKER_USER=jane")
    monkeypatch.setenv("REPOSITORY", "john/nuvop")
    with pytest.raises(ReleaseError, match="docker tells no digest of"):
        release()
    assert stage.deployed == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "DOCKER_USER is missing"),
        ("DOCKER_USER=\n", "DOCKER_USER is missing"),
        (f"DOCKER_USER=jane\nDOCKER_PASSWORD={PASSWORD}", ":2: a line reads NAME=value; a value with spaces"),
        (f"DOCKER_USER=jane\nDOCKER_PASSWORD='{PASSWORD}", ":2: No closing quotation"),
        (PASSWORD.split()[0], ":1: a line reads NAME=value"),
    ],
)
def test_what_is_wrong_with_the_file_is_told_without_what_stands_in_it(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(text)
    with pytest.raises(ReleaseError, match=told) as raised:
        account.read(tmp_path / ".env")
    assert PASSWORD.split()[0] not in str(raised.value)


def test_a_file_of_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(f"DOCKER_PASSWORD={PASSWORD}\xe9".encode("latin-1"))
    with pytest.raises(ReleaseError, match=r"\.env: is no text in UTF-8: .* at byte 48") as raised:
        account.read(tmp_path / ".env")
    assert PASSWORD not in str(raised.value)


def test_without_the_file_it_says_what_to_copy(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"copy \.env\.example"):
        account.read(tmp_path / ".env")


def test_a_password_does_not_show_in_a_traceback() -> None:
    assert PASSWORD not in repr(Account("jane", PASSWORD))


def test_the_example_lacks_only_what_nobody_else_knows(tmp_path: Path) -> None:
    example = (ROOT / ".env.example").read_text()
    (tmp_path / ".env").write_text(example.replace("DOCKER_USER=", "DOCKER_USER=jane"))
    assert account.read(tmp_path / ".env") == Account("jane")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--namespace", "No_Such", "'No_Such' is no namespace's name"),
        ("--watch-namespaces", "a,No_Such", "'No_Such' is no namespace's name, and no pattern for any"),
        ("--watch-namespaces", "*,!team-a-*", "'!team-a-*' takes nothing away from the others"),
        ("--watch-namespaces", "!team-a-*,!team-b-*", "'!team-a-*' takes nothing away from the others"),
    ],
)
def test_what_names_no_namespaces_is_refused(option: str, value: str, told: str) -> None:
    done = CliRunner().invoke(command, [option, value])
    assert done.exit_code == click.UsageError.exit_code
    assert told in " ".join(done.stderr.split())
