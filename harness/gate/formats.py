"""What the gate found, for people, for programs, for the page of a pull request and for a CI's list of tests."""

import json
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from harness.gate import judging
from harness.gate.findings import Finding, Judgement
from harness.gate.pairs import RunPair
from harness.gate.settings import GateSettings
from harness.measurements.verdicts import Verdict
from harness.report import markup
from harness.report.markup import PaperTable
from harness.report.tables import plain, print_table

FORMATS = ("table", "json", "markdown", "junit", "github")
COLUMNS = ("subject", "verdict", "latency", "accuracy", "what was found")
NOT_COMPARED = "not compared"
RUNS = "both runs"
DECIDED = {
    Verdict.PASS: "no regression was found",
    Verdict.FAIL: "HEAD is worse than BASE, or differs where it must not",
    Verdict.CANT_TELL: "neither a regression nor its absence is shown",
}


def show(runs: RunPair, found: Judgement, settings: GateSettings, format: str) -> None:  # noqa: A002
    """Print what was found on standard output, in one of :data:`FORMATS`."""
    if format == "table":
        _table(runs, found)
    elif format == "json":
        print(_json(runs, found, settings))
    elif format == "markdown":
        print(_markdown(runs, found, settings))
    elif format == "junit":
        print(_junit(runs, found))
    else:
        print("\n".join(_annotations(runs, found)))


def _table(runs: RunPair, found: Judgement) -> None:
    print_table(COLUMNS, _lines(found), "table")
    told = [*runs.notes, *(f"differs: {one}" for one in _differences(runs))]
    print("\n".join(["", *told, f"{found.verdict}: {_summary(found)}"]))


def _json(runs: RunPair, found: Judgement, settings: GateSettings) -> str:
    told = {
        "verdict": found.verdict,
        "base": str(runs.base.path),
        "head": str(runs.head.path),
        "interleaved": runs.interleaved,
        "notes": runs.notes,
        "settings": {name: getattr(settings, name) for name in settings.__dataclass_fields__},
        "environment": {name: {"base": base, "head": head} for name, (base, head) in runs.differences.items()},
        "subjects": [
            {
                "subject": subject,
                "verdict": _verdict(findings),
                "checks": [
                    {name: getattr(one, name) for name in ("check", "verdict", "base", "head", "detail")}
                    for one in findings
                ],
            }
            for subject, findings in found.by_subject.items()
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def _markdown(runs: RunPair, found: Judgement, settings: GateSettings) -> str:
    sign = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.CANT_TELL: "❔"}
    table = PaperTable(
        caption=f"{sign[found.verdict]} {found.verdict}: {_summary(found)}",
        columns=COLUMNS,
        lines=tuple(tuple(str(line[name] or "") for name in COLUMNS) for line in _lines(found)),
        notes=(*runs.notes, *(f"The environments differ: {one}" for one in _differences(runs)), _promise(settings)),
    )
    return markup.markdown(table).rstrip()


def _junit(runs: RunPair, found: Judgement) -> str:
    """One suite a subject, one case a check; what cannot be told, or was not compared, is skipped with the reason."""
    root = ElementTree.Element("testsuites", name="harness gate")
    told = tuple(Finding(subject=RUNS, check="whole", verdict=None, detail=note) for note in runs.notes)
    for subject, findings in (({RUNS: told} if told else {}) | found.by_subject).items():
        cases = [_case(subject, one) for one in findings]
        counts = {tag: str(sum(case.find(tag) is not None for case in cases)) for tag in ("failure", "skipped")}
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=plain(subject),
            tests=str(len(cases)),
            failures=counts["failure"],
            skipped=counts["skipped"],
            errors="0",
        )
        suite.extend(cases)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _case(subject: str, one: Finding) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=plain(subject), name=one.check)
    if one.verdict == Verdict.FAIL:
        ElementTree.SubElement(case, "failure", message=plain(one.detail))
    elif one.verdict != Verdict.PASS:
        said = f"{one.verdict}: {one.detail}" if one.verdict else one.detail
        ElementTree.SubElement(case, "skipped", message=plain(said))
    return case


def _annotations(runs: RunPair, found: Judgement) -> Iterator[str]:
    """Lines that GitHub shows as annotations, when a step of a workflow prints them: the answer, then each reason."""
    yield f"::notice title=harness gate::{_escaped(f'{found.verdict}: {_summary(found)}')}"
    yield from (f"::warning title=harness gate::{_escaped(note)}" for note in runs.notes)
    for kind, verdict in (("error", Verdict.FAIL), ("warning", Verdict.CANT_TELL)):
        for one in (one for one in found.findings if one.verdict == verdict):
            title = _escaped(one.subject).replace(":", "%3A").replace(",", "%2C")
            yield f"::{kind} title={title}::{_escaped(one.detail or one.check)}"


def _escaped(text: str) -> str:
    """As a workflow's command takes a text: it ends at no line end, and begins no command of its own."""
    return plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _lines(found: Judgement) -> list[dict[str, object]]:
    """A line a subject: those that fail first."""
    order = [Verdict.FAIL, Verdict.CANT_TELL, Verdict.PASS, NOT_COMPARED]
    lines = [_line(subject, findings) for subject, findings in found.by_subject.items()]
    return sorted(lines, key=lambda line: order.index(str(line["verdict"])))


def _line(subject: str, findings: Sequence[Finding]) -> dict[str, object]:
    by_check = {one.check: one for one in findings}
    notable = [one.detail for one in findings if one.verdict in (Verdict.FAIL, Verdict.CANT_TELL)]
    notable += [one.detail for one in findings if one.verdict == Verdict.PASS and one.detail.startswith("accepted")]
    notable += [one.detail for one in findings if one.check == "status" and one.verdict is None]
    return {
        "subject": subject,
        "verdict": _verdict(findings),
        "latency": _change(by_check.get("latency")),
        "accuracy": _change(by_check.get("accuracy")),
        "what was found": "; ".join(notable) or None,
    }


def _change(one: Finding | None) -> str | None:
    return f"{one.base} → {one.head}" if one and one.base and one.head else None


def _summary(found: Judgement) -> str:
    verdicts = [_verdict(findings) for findings in found.by_subject.values()]
    counts = ", ".join(f"{verdicts.count(one)} {one}" for one in (*Verdict, NOT_COMPARED) if one in verdicts)
    compared = len(verdicts) - verdicts.count(NOT_COMPARED)
    return f"{DECIDED[found.verdict]} ({compared} subject{'s' if compared != 1 else ''} compared: {counts})"


def _verdict(findings: Sequence[Finding]) -> str:
    """The verdict on a subject in words; of one that was not compared, that."""
    return str(judging.together(findings) or NOT_COMPARED)


def _promise(settings: GateSettings) -> str:
    return (
        f"A gate run without a regression fails in at most {settings.false_alarms:.1%} of cases, over all subjects "
        f"together; a slowdown of {settings.slowdown:.0%} passes in at most {settings.misses:.0%}. Up to "
        f"{settings.tolerated:.0%} is tolerated, and a loss of accuracy under {settings.accuracy_loss:.1%}."
    )


def _differences(runs: RunPair) -> list[str]:
    return [f"{name}: {base} → {head}" for name, (base, head) in runs.differences.items()]
