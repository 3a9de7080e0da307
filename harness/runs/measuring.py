"""Measuring the networks and files of a run: timed in turns, and written down row by row."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.errors import CannotWriteError, HarnessError
from harness.measurements import rows
from harness.measurements.configurations import Way
from harness.measurements.providers import Target
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.runs import (
    consumption,
    places,
    second_opinion,
)
from harness.runs import (
    folder as run_folder,
)
from harness.runs.folder import Settings
from harness.runs.measurable import Measurable
from harness.runs.turns import Progress, Turns
from harness.timing import inspection, latency, stopping
from harness.timing.stopping import Aim


def unavailable(folder: Path, settings: Settings) -> dict[Target, str]:
    """The targets of a run that cannot be had here, with the reason; the CPU's own provider always can."""
    floor = latency.save_identity(folder / "identity.onnx")
    reasons = {target: inspection.unavailable(target, floor) for target in settings.targets if target.provider != "cpu"}
    return {target: reason for target, reason in reasons.items() if reason}


def measure(
    folder: Path,
    measured: Mapping[str, Measurable],
    settings: Settings,
    errors: dict[str, BaseException],
    absent: Mapping[Target, str],
    progress: Callable[[str, float], None],
    finished: Callable[[str], None],
) -> None:
    """Time every network and file that has no rows yet, and write its rows. Needs the machine to itself.

    Rows of the targets that are ``absent`` are skipped, with the reason. ``progress`` is told a name and the
    share of it that is done, ``finished`` that its rows are written.
    """
    table = RunFolder(folder).rows_file
    done = _finished(table, measured, settings, absent)
    identity = latency.save_identity(folder / "identity.onnx")
    begun, left = time.monotonic(), len(measured) - len(done)
    in_run = sum(len(one.ways(settings)) for one in measured.values())
    passes = consumption.Passes(meters=consumption.meters(settings))
    for number, (name, one) in enumerate(measured.items()):
        if name in done:
            continue
        run_folder.note_moment(folder, name)
        seed = settings.seed * 1000 + number
        aim = _aim(settings, len(measured), time.monotonic() - begun, left)
        ways = one.ways(settings)
        where = places.group(identity, ways, absent)
        if settings.control:
            where = places.controlled(where, latency.save_controls(folder), ways)
        turns = Turns(folder=folder, name=name, settings=settings, places=where, seed=seed, aim=aim)
        left -= 1
        found = _rows(one, turns, errors, partial(progress, name))
        found = passes.added(found, one.subject, where.floors)
        asked = settings.second_opinion
        found = second_opinion.added(found, one.question) if asked else second_opinion.unasked(found)
        rows.append(table, *(replace(row, rows_in_run=in_run) for row in found.values()))
        finished(name)


def _aim(settings: Settings, measured: int, spent_s: float, left: int) -> Aim | None:
    """What a network's launches aim at: what others have left of the time limit is for those that follow."""
    if settings.precision_target is None and settings.time_limit_s is None:
        return None
    limit_s = stopping.limit_s(settings.time_limit_s, measured)
    return Aim(half_width=settings.precision_target, limit_s=max(0.0, limit_s - spent_s) / left)


def _rows(one: Measurable, turns: Turns, errors: Mapping[str, BaseException], progress: Progress) -> dict[Way, Row]:
    """The rows of a network or file; what could not be measured is a row with the reason, never a hole."""
    try:
        one.check_made(errors)
        return one.measure(turns, errors, progress)
    except CannotWriteError:
        raise
    except Exception as error:
        return one.failed(turns.run, turns.settings, error)


def _finished(
    table: Path, measured: Mapping[str, Measurable], settings: Settings, absent: Mapping[Target, str]
) -> set[str]:
    """What the table has all rows of; rows of the others, and of those that failed, are dropped.

    So are those that were skipped for a provider that is no longer absent. Raises :class:`HarnessError` where data or
    code have changed since those rows were measured.
    """
    if not rows.is_begun(table):
        return set()
    found = rows.read(table)
    owner = {(one.architecture, of): name for name, one in measured.items() for of in one.frameworks}
    for row in found:
        one = measured.get(owner.get((row.architecture, row.framework), ""))
        if one is not None and not one.made(row):
            raise HarnessError(
                f"{table.parent} was begun with other data or code for {row.architecture}: its rows would not belong "
                "together. Begin another run."
            )
    skipped = {target.name for target in absent}
    final = [
        row
        for row in found
        if row.status != "failed"
        and (row.status != "skipped" or row.provider in skipped or _refused(row, measured, owner))
    ]
    counts = Counter(owner.get((row.architecture, row.framework)) for row in final)
    whole = {name for name, one in measured.items() if counts[name] == len(one.ways(settings))}
    kept = [row for row in found if owner.get((row.architecture, row.framework)) in whole]
    if len(kept) != len(found):
        rows.write(table, kept)
    return whole


def _refused(row: Row, measured: Mapping[str, Measurable], owner: Mapping[tuple[str, str], str]) -> bool:
    """Whether it is the row of a batch that its file cannot be fed: to try again would find the same."""
    one = measured.get(owner.get((row.architecture, row.framework), ""))
    return one is not None and bool(one.refusal(row.batch))
