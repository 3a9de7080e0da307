"""Commits of this repository, each checked out in a worktree of its own for as long as it is needed."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.machine import installed, temporary

SHORT = 12  # digits of a commit, as runs name it


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """One commit: what it was asked for by, its hash, and the folder that it is checked out in."""

    asked: str
    commit: str
    folder: Path

    @property
    def label(self) -> str:
        return self.commit[:SHORT] if self.commit.startswith(self.asked) else f"{self.asked} {self.commit[:SHORT]}"


def repository() -> Path:
    """The checkout that this package is run from. Raises :class:`HarnessError` where it is installed without one."""
    folder = installed.ROOT.parent
    try:
        top = _git(folder, "rev-parse", "--show-toplevel")
    except HarnessError as error:
        raise HarnessError(f"--commit needs the repository of the harness, and {folder} is none: {error}") from error
    if Path(top) != folder:
        raise HarnessError(f"--commit needs the repository of the harness: {folder} lies inside another, {top}.")
    return folder


def resolve(repository: Path, name: str) -> str:
    """The hash of a commit. Raises :class:`HarnessError` where there is none of that name."""
    try:
        return _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except HarnessError:
        raise HarnessError(
            f"{repository} has no commit {name!r}: expected a branch, a tag or a hash that `git log` knows here."
        ) from None


def changed(repository: Path) -> bool:
    """Whether tracked files differ from HEAD."""
    return bool(_git(repository, "status", "--porcelain", "--untracked-files=no"))


@contextlib.contextmanager
def checked_out(repository: Path, names: Sequence[str]) -> Iterator[list[Checkout]]:
    """Worktrees of these commits, gone when the block is left, whatever happened in it."""
    commits = [resolve(repository, name) for name in names]
    with temporary.folder() as place:
        checkouts = [
            Checkout(asked=name, commit=commit, folder=place / str(number))
            for number, (name, commit) in enumerate(zip(names, commits, strict=True))
        ]
        try:
            for checkout in checkouts:
                _git(repository, "worktree", "add", "--quiet", "--detach", str(checkout.folder), checkout.commit)
            yield checkouts
        finally:
            for checkout in checkouts:
                with contextlib.suppress(HarnessError):  # one that was not made yet
                    _git(repository, "worktree", "remove", "--force", str(checkout.folder))
            _git(repository, "worktree", "prune")


def _git(folder: Path, *arguments: str) -> str:
    """What git answers. Raises :class:`HarnessError` with what it says where it fails."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True)
    except OSError as error:
        raise HarnessError(f"git cannot be run: {error.strerror}.") from error
    if done.returncode:
        said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise HarnessError(f"git {arguments[0]}: {said}")
    return done.stdout.strip()
