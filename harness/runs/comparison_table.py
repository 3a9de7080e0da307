"""The table that ends `harness ab`: a line a subject, both sides beside each other."""

from collections.abc import Mapping, Sequence

from harness.measurements.verdicts import Judged, Thresholds, Verdict
from harness.report.tables import format_count, format_seconds, print_table
from harness.runs.output_agreement import Agreement
from harness.runs.paired_run import Compared
from harness.runs.sides import Side

FASTER = "faster"
WORDS = {Verdict.PASS: "not slower", Verdict.FAIL: "slower", Verdict.CANT_TELL: "can't tell"}
SIZES = {"params": "parameters", "macs": "MACs", "file_bytes": "bytes", "accuracy": "accuracy"}
COLUMNS = (
    "subject", "outputs_agree", "outputs_apart", "a_median_s", "b_median_s", "ratio", "ratio_low", "ratio_high",
    "verdict", "faster", "launches",
    *(f"{side}_{name}" for name in SIZES for side in "ab"), "a_status", "a_reason", "b_status", "b_reason",
)  # fmt: skip


def print_comparison(
    found: Sequence[Compared],
    sides: Sequence[Side],
    agreements: Sequence[Agreement],
    format: str,  # noqa: A002
) -> None:
    """Print what came out, for people with the columns that differ; ``agreements`` are of the pairs of files."""
    if format != "table":
        print_table(COLUMNS, [_exact(one, agreements[one.pair]) for one in found], format)
        return
    sizes = [name for name in SIZES if any(_differs(one, name) for one in found)]
    names = [f"{letter}: {side.label}" for letter, side in zip("AB", sides, strict=True)]
    columns = ["subject", *names, "B / A [95 %]", "verdict", "launches", "outputs", *map(SIZES.__getitem__, sizes)]
    lines = [{**_line(one, names, sizes), "outputs": _outputs(agreements[one.pair])} for one in found]
    print_table(columns, lines, format)


def correction(thresholds: Thresholds, looks: Sequence[int], subjects: int) -> str:
    """In words, how the verdicts are found and how often they are wrong."""
    *first, last = map(str, looks)
    after = f"{', '.join(first)} and {last}" if first else last
    slower, matters = (100 * share for share in (thresholds.tolerated, thresholds.slowdown))
    alarms, misses = (100 * rate for rate in (thresholds.false_alarms, thresholds.misses))
    return (
        f"Looks after {after} launches, each at 1/{len(looks)} of the error rates. slower: surely by more than "
        f"{slower:g} %, a false alarm in {alarms:g} % of such runs at most, over all {subjects} subjects together "
        f"(Holm). not slower: surely not by {matters:g} % or more, wrong of at most {misses:g} % of those that are. "
        f"faster: surely by more than {slower:g} %, wrong as seldom as slower."
    )


def smallest(told: Mapping[str, Mapping[int, float]]) -> list[str]:
    """In words, by subject, the slowdowns that the looks find."""
    lines = []
    for subject, found in told.items():
        parts = [f"{_percent(share)} after {look}" for look, share in found.items()]
        lines.append(f"  {subject}: {', '.join(parts)} launches")
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 1 else "over 100 %"


def _outputs(found: Agreement) -> str:
    if found.apart is None:
        return "not known"
    return "agree" if found.agree else f"DIFFER by {found.apart:.2g}"


def word(judged: Judged) -> str:
    """The verdict in words."""
    return FASTER if judged.verdict == Verdict.PASS and judged.faster else WORDS[judged.verdict]


def _line(one: Compared, names: Sequence[str], sizes: Sequence[str]) -> dict[str, object]:
    line: dict[str, object] = {"subject": one.subject, "B / A [95 %]": _ratio(one.judged)}
    for name, row in zip(names, (one.a, one.b), strict=True):
        median = format_seconds(row.latency_median_s)
        line[name] = median if row.latency_median_s is not None else f"{row.status}: {row.reason}"
    line["verdict"] = word(one.judged) if one.judged else "not measured"
    line["launches"] = one.judged.launches if one.judged else None
    for name in sizes:
        line[SIZES[name]] = _sizes(one, name) if _differs(one, name) else "the same"
    return line


def _ratio(judged: Judged | None) -> str | None:
    if judged is None:
        return None
    ratio = judged.ratio
    return f"{ratio.value:.4g} [{ratio.low:.4g}, {ratio.high:.4g}]"


def _differs(one: Compared, name: str) -> bool:
    values = [getattr(row, name) for row in (one.a, one.b)]
    return None not in values and values[0] != values[1]


def _sizes(one: Compared, name: str) -> str:
    values = [getattr(row, name) for row in (one.a, one.b)]
    if name == "accuracy":
        return " → ".join(f"{100 * value:.2f} %" for value in values)
    shown = [format_count(value) for value in values]
    return " → ".join(shown if shown[0] != shown[1] else (f"{value:,}" for value in values))


def _exact(one: Compared, outputs: Agreement) -> dict[str, object]:
    """Every value of a line, for programs."""
    judged = one.judged
    ratio = judged.ratio if judged else None
    line: dict[str, object] = {
        "subject": one.subject,
        "outputs_agree": None if outputs.apart is None else outputs.agree,
        "outputs_apart": outputs.apart,
        "ratio": ratio and ratio.value,
        "ratio_low": ratio and ratio.low,
        "ratio_high": ratio and ratio.high,
        "verdict": judged and str(judged.verdict),
        "faster": judged and judged.faster,
        "launches": judged and judged.launches,
    }
    for side, row in (("a", one.a), ("b", one.b)):
        line |= {f"{side}_{name}": getattr(row, name) for name in SIZES}
        line |= {f"{side}_median_s": row.latency_median_s, f"{side}_status": row.status, f"{side}_reason": row.reason}
    return line
