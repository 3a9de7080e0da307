"""The key of a subject: one text for each, the older one still found, and both sides of a comparison in one."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.measurements.configurations import PRECISIONS
from harness.measurements.kept_samples import KeptSamples
from harness.measurements.providers import PROVIDERS
from harness.measurements.run_folder import RunFolder
from harness.measurements.runtimes import RUNTIMES
from harness.measurements.subject_key import CONTROLS, SubjectKey
from tests import gated_runs
from tests.gated_runs import ROW

KEYS = st.builds(
    SubjectKey,
    made_by=st.sampled_from(["keras", "torch", "onnx", *CONTROLS, "call floor"]),
    runtime=st.sampled_from(RUNTIMES),
    threads=st.none() | st.integers(1, 3),
    provider=st.sampled_from(list(PROVIDERS)),
    precision=st.sampled_from(PRECISIONS),
    image_size=st.none() | st.tuples(st.integers(1, 3), st.integers(1, 3)),
    batch=st.integers(1, 3),
)


@given(KEYS, KEYS)
def test_two_keys_have_one_text_only_if_they_are_one(one: SubjectKey, other: SubjectKey) -> None:
    assert (one.text == other.text) == (one == other)
    assert one.beside(one) == one.text
    assert ("/" in one.beside(other)) == (one != other)


def test_a_thread_is_one_thread_and_what_older_runs_called_threads_is_found(tmp_path: Path) -> None:
    assert SubjectKey(made_by="torch", threads=1).text == "torch, 1 thread"
    assert SubjectKey(made_by="torch", threads=2).beside(SubjectKey(made_by="torch", threads=1)) == (
        "torch, 2 threads/1 thread"
    )
    older = replace(ROW, sampled_as="one/torch, 1 threads")
    newer = replace(ROW, architecture="two", sampled_as="two/torch, 1 thread")
    samples = KeptSamples(RunFolder(gated_runs.write(tmp_path, [older, newer])))
    for row in (older, newer, replace(older, sampled_as=None)):
        assert samples.of(row)
        assert list(samples.of_controls(row)) == list(CONTROLS)
        assert all(rounds.keys() == samples.of(row).keys() for rounds in samples.of_controls(row).values())
