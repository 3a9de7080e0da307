"""The tables: exact for programs, harmless and readable for people."""

import csv
import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measurements.rows import Row
from harness.report.run_table import summary
from harness.report.tables import format_count, format_percent, format_range, format_seconds, plain, print_table

COLUMNS = ("[bold]name", "value")
HOSTILE = '[red]a[/red],"b"\n\x1b[31mc\x1b[0m\x1b]8;;http://x\x07 – é\x00'


def _printed(capsys: pytest.CaptureFixture[str], rows: list[dict[str, object]], format: str) -> str:  # noqa: A002
    print_table(COLUMNS, rows, format)
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize("value", [0.1 + 0.2, 138_357_544, True, None, 1e-300])
def test_machine_formats_hold_values_exactly(capsys: pytest.CaptureFixture[str], value: object) -> None:
    rows: list[dict[str, object]] = [{"[bold]name": HOSTILE, "value": value}]
    assert json.loads(_printed(capsys, rows, "json")) == rows
    header, line = csv.reader(io.StringIO(_printed(capsys, rows, "csv"), newline=""))
    assert tuple(header) == COLUMNS
    assert line == [HOSTILE.replace("\n", " "), "" if value is None else str(value)]  # one line in a CSV


def test_json_stays_json_where_a_number_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    text = _printed(capsys, [{"value": math.nan}, {"value": -math.inf}], "json")
    assert [line["value"] for line in json.loads(text)] == ["nan", "-inf"]
    assert "NaN" not in text


def test_table_shows_texts_as_they_are_and_nothing_that_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    out = _printed(capsys, [{"[bold]name": HOSTILE, "value": None}], "table")
    header, _, line = out.splitlines()
    assert header.split() == ["[bold]name", "value"]
    assert line.rstrip() == '[red]a[/red],"b" c – é   –'
    assert all(sign.isprintable() for sign in out.replace("\n", ""))


def test_table_cuts_nothing_off_and_aligns_numbers_right(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 500
    out = _printed(capsys, [{"[bold]name": long, "value": 7}, {"[bold]name": "y", "value": 1_000_000}], "table")
    first, second = out.splitlines()[2:]
    assert first == f"{long}           7"
    assert second.endswith("1,000,000")
    assert len(second) == len(first)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12).map(lambda text: plain(text).strip())


@given(st.lists(st.fixed_dictionaries({"a": TEXTS, "b": st.integers() | st.none(), "c": TEXTS | st.floats()})))
def test_a_table_beside_a_terminal_is_the_one_on_a_terminal_that_is_wide_enough(rows: list[dict[str, object]]) -> None:
    """rich draws the second, and measures the width of every letter."""
    shown = []
    for stream in (io.StringIO(), _Terminal()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdout", stream)
            patch.setenv("COLUMNS", "1000")
            patch.setenv("NO_COLOR", "1")
            patch.setenv("TERM", "dumb")
            print_table(("a", "b", "c"), rows, "table")
        shown.append([line.rstrip() for line in stream.getvalue().splitlines()])
    assert shown[0] == shown[1]


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="table, csv, json"):
        print_table(COLUMNS, [], "xml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format_count(6_522_000), "6.52 M"),
        (format_count(999_999), "1.00 M"),
        (format_count(999), "999"),
        (format_count(0), "0"),
        (format_count(None), "–"),
        (format_seconds(0.000_999_9), "1.00 ms"),
        (format_seconds(4.2e-6), "4.20 µs"),
        (format_seconds(0.00123, 0.00121, 0.00126), "1.23 ms [1.21, 1.26]"),
        (format_seconds(0.001234, 0.001233, 0.001236), "1.234 ms [1.233, 1.236]"),
        (format_seconds(math.nan), "–"),
        (format_percent(0.892, 0.8771, 0.9044), "89.2 % [87.7, 90.4]"),
        (format_percent(None), "–"),
        (format_range([66_123_456, 66_400_000], "B"), "66 MB"),
        (format_range([0.0015, 0.0012, 0.0013], "J"), "1.2 to 1.5 mJ"),
        (format_range([999_999.0, -5e3], "B"), "-0.0050 to 1.0 MB"),
        (format_range([], "B"), "–"),
    ],
)
def test_units_for_people(text: str, expected: str) -> None:
    assert text == expected


@given(st.floats(min_value=1e-12, max_value=1e5))
def test_a_time_for_people_is_within_half_a_percent(value: float) -> None:
    number, unit = format_seconds(value).split()
    size = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    assert float(number) * size == pytest.approx(value, rel=0.0051)


def test_summary_has_one_line_a_network_and_framework_with_thread_counts_side_by_side() -> None:
    known = {"run": "r", "architecture": "lenet", "framework": "keras", "macs": 6_522_000, "batch": 4}
    rows = [
        Row(**known, threads=1, latency_median_s=0.004, latency_low_s=0.0039, latency_high_s=0.0042),
        Row(**known, threads=2, latency_median_s=0.002),
        Row(run="r", architecture="lenet", framework="torch", status="failed", reason="no such operator"),
    ]
    columns, (keras, torch) = summary(rows)
    assert columns[columns.index("MACs") + 1 :][:2] == ["1 thread", "2 threads"]
    assert keras["1 thread"] == "1.00 ms [0.975, 1.05]"
    assert keras["2 threads"] == "500 µs"
    assert (keras["MACs"], keras["status"]) == ("6.52 M", "ok")
    assert torch["status"] == "failed: no such operator"
    assert "1 thread" not in torch


def test_summary_shows_memory_without_the_process_and_energy_of_an_image() -> None:
    known = {"run": "r", "architecture": "lenet", "latency_median_s": 0.1, "baseline_rss_bytes": 60_000_000}
    rows = [
        Row(**known, framework="keras", threads=1, peak_rss_bytes=66_000_000, batch=4, energy_j=0.4),
        Row(**known, framework="keras", threads=2, peak_rss_bytes=68_000_000, batch=4, energy_j=0.6),
        Row(**known, framework="torch", threads=1, batch=4),
    ]
    columns, (keras, torch) = summary(rows)
    assert (keras["memory"], keras["energy"]) == ("6.0 to 8.0 MB", "100 to 150 mJ")
    assert "memory" not in torch, "a peak that is not known is no zero"
    assert {"memory", "energy"} <= set(columns)
    columns, _ = summary(rows[2:])
    assert not {"memory", "energy"} & set(columns)


def test_two_providers_of_one_run_have_columns_and_call_floors_of_their_own() -> None:
    known = {"run": "r", "architecture": "lenet", "framework": "torch", "threads": 2}
    cuda = {"device": "gpu", "provider": "CUDAExecutionProvider", "options": "enable_cuda_graph=0"}
    rows = [
        Row(**known, provider="CPUExecutionProvider", latency_median_s=0.004, call_floor_s=1e-6),
        Row(**known, **cuda, latency_median_s=0.001, call_floor_s=1e-5),
    ]
    columns, (line,) = summary(rows)
    assert line["2 threads, cpu, CPUExecutionProvider"] == "4.00 ms"
    assert line["2 threads, gpu, CUDAExecutionProvider"] == "1.00 ms"
    assert line["call floor, CPUExecutionProvider"] == "1.00 µs"
    assert line["call floor, CUDAExecutionProvider"] == "10.0 µs"
    assert "call floor" not in columns
    graph = Row(**(known | cuda | {"run": "s", "options": "enable_cuda_graph=1"}), latency_median_s=0.0005)
    columns, (_, of_graph) = summary([*rows[1:], graph])
    assert of_graph["2 threads, enable_cuda_graph=1"] == "500 µs", "told apart by what the provider was told"
    skipped = Row(**known, **cuda, status="skipped", reason="no GPU")
    columns, (line,) = summary([rows[0], skipped])
    assert (line["call floor"], line["2 threads"], line["status"]) == ("1.00 µs", "4.00 ms", "ok; skipped: no GPU")
