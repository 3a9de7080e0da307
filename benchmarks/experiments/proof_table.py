"""The tables of the experiment: how often the twin proof was wrong, beside the rule before."""

import math
from collections import Counter
from collections.abc import Sequence

from harness.report.tables import print_table

from .confusion import share
from .proof_records import Pair

LEAST_EFFECT = 1e-4  # of the scale: what a planted fault must change to count
PROOFS = {"this proof": "proof", "the proof before": "old_proof"}
VERDICTS = ("yes", "no", "cannot tell", "refused", "crashed")
MOST_WRONG_NO, MOST_UNTOLD = 0.01, 0.02  # of sound pairs: the targets
LEAST_SOUND, LEAST_FAULTY = 600, 300


def print_report(pairs: Sequence[Pair]) -> None:
    """Print the confusion table, what was said of each fault, and what came out beside what was aimed at."""
    sound, faulty, slight = divide(pairs)
    print_table(("proof", "pairs", "of", *VERDICTS), confusion_lines(pairs), "table")
    print_table(("fault", "pairs", "least effect", "largest", *PROOFS), fault_lines(faulty), "table")
    for title, column in PROOFS.items():
        for line in wrong_lines(sound, faulty, column):
            print(f"{title} was wrong: {line}")
    print(
        f"{len(sound)} sound pairs of {len({pair.construct for pair in sound})} constructs, at most "
        f"{max((pair.effect or 0 for pair in sound), default=0):.1g} of the scale apart in float64; "
        f"{len(faulty)} pairs with one of {len({pair.fault for pair in faulty})} faults; {len(slight)} with a fault "
        f"that changes less than {LEAST_EFFECT:g} of the scale, left out; "
        f"{sum(pair.seconds for pair in pairs) / 60:.0f} min in all"
    )
    for line in targets(sound, faulty):
        print(line)


def divide(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """Sound pairs, those with a fault that changes the outputs, and those with one that hardly does."""
    sound = [pair for pair in pairs if not pair.fault]
    planted = [pair for pair in pairs if pair.fault]
    faulty = [pair for pair in planted if changes(pair)]
    return sound, faulty, [pair for pair in planted if not changes(pair)]


def changes(pair: Pair) -> bool:
    """Whether the planted fault changes the outputs; one whose effect is not known does."""
    return pair.effect is None or not pair.effect <= LEAST_EFFECT


def confusion_lines(pairs: Sequence[Pair]) -> list[dict[str, object]]:
    """A line for each proof and each kind of pairs, with the count of each verdict."""
    sound, faulty, slight = divide(pairs)
    kinds = {"sound": sound, "planted fault": faulty, "fault without effect": slight}
    lines = []
    for title, column in PROOFS.items():
        for kind, chosen in kinds.items():
            counts = Counter(getattr(pair, column) for pair in chosen)
            lines.append({"proof": title, "pairs": kind, "of": len(chosen), **{one: counts[one] for one in VERDICTS}})
    return lines


def fault_lines(faulty: Sequence[Pair]) -> list[dict[str, object]]:
    """A line for each fault: its effects, and what either proof said."""
    lines = []
    for fault in dict.fromkeys(pair.fault for pair in faulty):
        chosen = [pair for pair in faulty if pair.fault == fault]
        effects = [math.inf if pair.effect is None else pair.effect for pair in chosen]
        said = {title: _counted(chosen, column) for title, column in PROOFS.items()}
        lines.append(
            {
                "fault": fault, "pairs": len(chosen),
                "least effect": f"{min(effects):.1g}", "largest": f"{max(effects):.1g}", **said,
            }
        )  # fmt: skip
    return lines


def wrong_lines(sound: Sequence[Pair], faulty: Sequence[Pair], column: str) -> list[str]:
    """Each network of which a verdict was wrong or none, with the number of pairs."""
    wrong = [(pair, getattr(pair, column)) for pair in sound if getattr(pair, column) != "yes"]
    wrong += [(pair, getattr(pair, column)) for pair in faulty if getattr(pair, column) in ("yes", "crashed")]
    counts = Counter((verdict, pair.fault or "sound", pair.construct, pair.size) for pair, verdict in wrong)
    return [
        f"{verdict!r} of {what}: {where}, {size} ({count})" for (verdict, what, where, size), count in counts.items()
    ]


def targets(sound: Sequence[Pair], faulty: Sequence[Pair]) -> list[str]:
    """What was aimed at, and what came out, with intervals of 95 %."""
    yes = sum(pair.proof == "yes" for pair in faulty)
    no = sum(pair.proof == "no" for pair in sound)
    untold = sum(pair.proof not in ("yes", "no") for pair in sound)
    met = {
        f'no "yes" of at least {LEAST_FAULTY} planted faults: {share(yes, len(faulty))}': (
            yes == 0 and len(faulty) >= LEAST_FAULTY
        ),
        f'at most 1 % "no" of at least {LEAST_SOUND} sound pairs: {share(no, len(sound))}': (
            no <= MOST_WRONG_NO * len(sound) and len(sound) >= LEAST_SOUND
        ),
        f'at most 2 % neither "yes" nor "no" of them: {share(untold, len(sound))}': (
            untold <= MOST_UNTOLD * len(sound) and len(sound) >= LEAST_SOUND
        ),
    }
    return [f"{line}: {'met' if reached else 'not met'}" for line, reached in met.items()]


def _counted(pairs: Sequence[Pair], column: str) -> str:
    counts = Counter(getattr(pair, column) for pair in pairs)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
