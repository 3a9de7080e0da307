"""What `harness ab` compares: its arguments as two sides, with the files of each, made where they must be.

Whatever is compared, two lists of files remain, each with the interpreter that runs them and the options that
they are run with; the measuring is then the same.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.commands import _files
from harness.errors import HarnessError
from harness.machine import checkouts, commit_environments, interpreters, progress
from harness.machine.checkouts import Checkout
from harness.machine.interpreters import HERE, Interpreter
from harness.networks import catalog
from harness.runs import choices, exports_elsewhere, option_sets, sides
from harness.runs.exports_elsewhere import BOTH, Asked, Exported
from harness.runs.folder import Settings
from harness.runs.option_sets import OptionSet
from harness.runs.sides import File, Missing, Side

LETTERS = ("a", "b")
KINDS = ("environment", "commit", "options")
USUAL = OptionSet()


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Two sides, and their files pair by pair; a file that one side does not have is :class:`Missing`."""

    sides: tuple[Side, Side]
    files: Sequence[tuple[File, File]]


def parse(args: argparse.Namespace, place: Path) -> Contest:
    """The contest that the arguments ask for; what is made for it lies in the folder ``place``.

    Raises :class:`HarnessError` where they ask for none, or for one that cannot be.
    """
    kind = _kind(args)
    networks, own = _files.split(args.names)
    if networks and own:
        raise HarnessError(f"{own[0]} is a file and {networks[0]} a network: expected files alone, or networks alone.")
    if own and (kind in ("framework", "commit") or args.framework):
        raise HarnessError(
            f"{own[0]} is a file: --{'commit' if kind == 'commit' else 'framework'} is for networks of the catalogue."
        )
    if kind == "files":
        return _checked(_of_two_files(args, networks, own))
    maker: dict[str, Callable[..., Contest]] = {
        "framework": _of_frameworks,
        "environment": _of_environments,
        "commit": _of_commits,
        "options": _of_options,
    }
    return _checked(maker[kind](args, networks, own, place))


def _kind(args: argparse.Namespace) -> str:
    """What is compared, by the one argument that says so."""
    given = [kind for kind in KINDS if getattr(args, kind)]
    if len(given) > 1:
        raise HarnessError(f"--{given[0]} and --{given[1]}: one thing is compared at a time; expected one of them.")
    if args.framework and len(set(args.framework)) != (1 if given else 2):
        expected = "one whose files are taken" if given else "two, like --framework keras torch"
        raise HarnessError(f"--framework {' '.join(args.framework)}: expected {expected}.")
    return given[0] if given else "framework" if args.framework else "files"


def _checked(contest: Contest) -> Contest:
    """Raise :class:`HarnessError` where the sides have other numbers of ways to time a file."""
    a, b = contest.sides
    for file_a, file_b in contest.files:
        if len(a.ways(file_a)) != len(b.ways(file_b)):
            raise HarnessError(
                f"A is timed {len(a.ways(file_a))} times, B {len(b.ways(file_b))} times: "
                "name threads=N in both --options."
            )
    return contest


def _side(
    number: int, label: str, args: argparse.Namespace, own: Sequence[Path], options: OptionSet = USUAL, **more: Any
) -> Side:
    target = options.target
    data = choices.choose_data(args.data, (), own)
    settings = Settings(
        architectures=(),
        data=data,
        seed=args.seed,
        threads=choices.choose_threads(args.threads) if options.threads is None else (options.threads,),
        providers=(target.provider,),
        device=target.device,
        cuda_graph=target.cuda_graph,
        batches=(options.batch,),
        files=_files.settings(args, own, data),
    )
    return Side(name=LETTERS[number], label=label, settings=settings, session=options.session, **more)


def _of_two_files(args: argparse.Namespace, networks: Sequence[str], own: Sequence[Path]) -> Contest:
    if networks or len(own) != 2:
        raise HarnessError(
            f"expected two different .onnx files, or what is compared of {networks[0] if networks else 'networks'} by "
            "--framework, --environment, --commit or --options; `harness ab --help` has an example of each."
        )
    labels = [path.name for path in own] if own[0].name != own[1].name else [str(path) for path in own]
    a, b = (_side(number, labels[number], args, [path]) for number, path in enumerate(own))
    (one,), (other,) = sides.users(a), sides.users(b)
    if why := sides.unlike(one, other):
        raise HarnessError(f"{why}.")
    return Contest(sides=(a, b), files=[(one, other)])


def _of_frameworks(args: argparse.Namespace, networks: Sequence[str], own: Sequence[Path], place: Path) -> Contest:
    names, both = _names(args, networks), args.framework
    made = exports_elsewhere.exported(_asked(args, networks, BOTH), place / "exported")
    a, b = (_side(number, framework, args, own) for number, framework in enumerate(both))
    return Contest(sides=(a, b), files=[_pair((a, b), (name, name), tuple(both), (made, made)) for name in names])


def _of_environments(args: argparse.Namespace, networks: Sequence[str], own: Sequence[Path], place: Path) -> Contest:
    path = interpreters.harness_linked(_made(place / "path"))
    found, made = [], []
    for number, folder in enumerate(args.environment):
        worker = Interpreter(executable=interpreters.executable(folder), path=path)
        facts = _facts(worker, str(folder))
        if not own:
            exporter = replace(worker, path="")
            facts["commit"] = _own_facts(exporter, folder)["commit"]
            made.append(exports_elsewhere.exported(_asked(args, networks), place / str(number), exporter))
        found.append(_side(number, str(folder), args, own, interpreter=worker, facts=facts))
    a, b = found
    files = _same_files(a, b) if own else _pairs(args, networks, (a, b), made)
    return Contest(sides=(a, b), files=files)


def _of_commits(args: argparse.Namespace, networks: Sequence[str], own: Sequence[Path], place: Path) -> Contest:
    repository = checkouts.repository()
    head = checkouts.resolve(repository, "HEAD")
    path = interpreters.harness_linked(_made(place / "path"))
    sides, exports = [], []
    with checkouts.checked_out(repository, args.commit) as both:
        if head in [checkout.commit for checkout in both] and checkouts.changed(repository):
            progress.say(f"{repository} has changes that HEAD has not: they are not measured.")
        for number, checkout in enumerate(both):
            python = commit_environments.python(checkout.folder, repository, progress.say)
            exporter = Interpreter(executable=python, path=str(checkout.folder))
            exports.append(exports_elsewhere.exported(_asked(args, networks), place / str(number), exporter))
            sides.append(_of_commit(number, checkout, args, own, python, path))
    a, b = sides
    return Contest(sides=(a, b), files=_pairs(args, networks, (a, b), exports))


def _of_commit(
    number: int, one: Checkout, args: argparse.Namespace, own: Sequence[Path], python: str, path: str
) -> Side:
    """The side of a commit, run by this interpreter where it asks for nothing else."""
    commit = one.commit[: checkouts.SHORT]
    if python == HERE.executable:
        return _side(number, one.label, args, own, facts={"commit": commit})
    worker = Interpreter(executable=python, path=path)
    return _side(number, one.label, args, own, interpreter=worker, facts=_facts(worker, one.label) | {"commit": commit})


def _of_options(args: argparse.Namespace, networks: Sequence[str], own: Sequence[Path], place: Path) -> Contest:
    sets = [option_sets.parse(text) for text in args.options]
    a, b = (_side(number, one.label, args, own, one) for number, one in enumerate(sets))
    if own:
        return Contest(sides=(a, b), files=_same_files(a, b))
    made = exports_elsewhere.exported(_asked(args, networks), place / "exported")
    return Contest(sides=(a, b), files=_pairs(args, networks, (a, b), (made, made)))


def _asked(args: argparse.Namespace, networks: Sequence[str], framework: str | None = None) -> Asked:
    framework = framework or (args.framework[0] if args.framework else BOTH)
    return Asked(
        names=list(_names(args, networks).values()),
        framework=framework,
        data=choices.choose_data(args.data, networks),
        seed=args.seed,
    )


def _names(args: argparse.Namespace, networks: Sequence[str]) -> dict[str, str]:
    """The networks that were chosen, by name: what any process finds them by."""
    return {one.name: catalog.reference(one) for one in catalog.select(networks, args.set)}


def _same_files(a: Side, b: Side) -> list[tuple[File, File]]:
    """The user's files on both sides."""
    return list(zip(sides.users(a), sides.users(b), strict=True))


def _pairs(
    args: argparse.Namespace, networks: Sequence[str], both: tuple[Side, Side], made: Sequence[Exported]
) -> list[tuple[File, File]]:
    """Every file that a side has exported, beside the other's of the same network and framework."""
    wanted = args.framework or catalog.FRAMEWORKS
    paired = []
    for name in _names(args, networks):
        known = [each for each in wanted if any(isinstance(exported.get((name, each)), Path) for exported in made)]
        for framework in known or wanted[:1]:
            paired.append(_pair(both, (name, name), (framework, framework), (made[0], made[1])))
    return paired


def _pair(
    both: tuple[Side, Side], names: tuple[str, str], frameworks: tuple[str, ...], made: tuple[Exported, Exported]
) -> tuple[File, File]:
    """One network's files on both sides."""
    a, b = (
        sides.exported(side, name, framework, _of_one(exported, name, framework))
        for side, name, framework, exported in zip(both, names, frameworks, made, strict=True)
    )
    if why := sides.unlike(a, b):
        b = Missing(architecture=b.architecture, framework=b.framework, reason=why)
    return a, b


def _of_one(made: Exported, name: str, framework: str) -> Path | str:
    """The file, or why there is none: that of the network as a whole is under no framework."""
    return made.get((name, framework)) or made.get((name, ""), f"{name} is not defined in {framework}")


def _facts(worker: Interpreter, label: str) -> dict[str, Any]:
    """What an interpreter says of itself. Raises :class:`HarnessError` where it lacks what a worker needs."""
    found = interpreters.facts(worker)
    missing: dict[str, str] = found.pop("missing")
    for name, why in missing.items():
        raise HarnessError(f"{label} cannot import {name} ({why}): install it there.")
    return found


def _own_facts(exporter: Interpreter, place: Path) -> dict[str, Any]:
    """What the harness that is installed in an environment says."""
    try:
        return interpreters.facts(exporter)
    except HarnessError as error:
        raise HarnessError(
            f"{error}; networks are exported by the harness of each environment: install it in {place}, or name .onnx "
            "files."
        ) from error


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
