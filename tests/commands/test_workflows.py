"""Continuous integration: steps are make targets that run locally, actions are pinned, the gate's answers arrive."""

import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(
    r"uses: (?P<action>actions/[\w-]+|pypa/gh-action-pypi-publish)@(?P<commit>[0-9a-f]{40}) "
    r"# (?P<version>v\d+\.\d+\.\d+)"
)
MADE = re.compile(r"make (?P<target>[\w-]+)(?: [A-Z]+=[\w./^-]+)*")


def in_workflows(pattern: str) -> list[str]:
    return [line.strip() for file in WORKFLOWS for line in file.read_text().splitlines() if re.search(pattern, line)]


def steps(file: Path) -> list[dict[str, str]]:
    return [step for job in yaml.safe_load(file.read_text())["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_every_step_that_runs_something_is_one_make_target(file: Path) -> None:
    commands = [step["run"] for step in steps(file) if "run" in step]
    assert commands
    for command in commands:
        assert MADE.fullmatch(command.strip()), f"{file.name} runs {command!r}"
        planned = subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True)
        assert planned.returncode == 0, planned.stderr


def test_every_action_is_githubs_or_pypas_own_and_pinned_to_one_commit_with_its_version() -> None:
    used = in_workflows(r"\buses:")
    assert used
    pins = {}
    for line in used:
        found = PINNED.fullmatch(line.removeprefix("- "))
        assert found, line
        pins.setdefault(found["action"], set()).add((found["commit"], found["version"]))
    assert all(len(versions) == 1 for versions in pins.values()), pins


def test_only_the_publishing_job_of_a_tag_may_name_itself_to_the_index_and_it_runs_nothing_of_ours() -> None:
    for file in WORKFLOWS:
        workflow = yaml.safe_load(file.read_text())
        for name, job in workflow["jobs"].items():
            allowed = {**workflow["permissions"], **job.get("permissions", {})}
            if (file.stem, name) != ("release", "publish"):
                assert allowed == {"contents": "read"}, (file.stem, name)
                continue
            assert (allowed, job["needs"], job["environment"]) == ({"id-token": "write"}, "build", {"name": "pypi"})
            assert [set(step) for step in job["steps"]] == [{"uses", "with"}] * 2
            assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads the word `on` so


def checked(folder: Path, text: str) -> list[int]:
    """The exit codes of check-jsonschema and of zizmor on a workflow."""
    file = folder / ".github" / "workflows" / "gate.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    beside = Path(sys.executable).parent
    commands = (
        [beside / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", file],
        [beside / "zizmor", "--offline", "--quiet", "--persona", "pedantic", file],
    )
    return [subprocess.run(command, capture_output=True).returncode for command in commands]


EXAMPLE = "".join(re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(), re.DOTALL))


def test_the_workflow_for_users_passes_the_checks_and_its_faults_do_not(tmp_path: Path) -> None:
    assert all(PINNED.search(line) for line in EXAMPLE.splitlines() if "uses:" in line)
    assert checked(tmp_path, EXAMPLE) == [0, 0]
    assert checked(tmp_path, EXAMPLE.replace("timeout-minutes", "timeout-minuets"))[0] != 0
    for fault in (
        re.sub(r"@[0-9a-f]{40} # ", "@", EXAMPLE),
        EXAMPLE.replace("persist-credentials: false", "fetch-depth: 1"),
        EXAMPLE.replace("python export.py my.onnx", "python export.py ${{ github.head_ref }}.onnx"),
        EXAMPLE.replace("contents: read", "contents: write"),
    ):
        assert fault != EXAMPLE
        assert checked(tmp_path, fault)[1] != 0, fault


HARNESS = """#!/usr/bin/env bash
echo "$*" >>"$ASKED"
case $1 in
    ab)
        [[ $AB != 0 ]] && exit "$AB"
        while [[ $1 != --out ]]; do shift; done
        mkdir -p "$2/a" "$2/b"
        echo "a table that is no part of the summary"
        ;;
    gate)
        [[ $GATE != [24] ]] && echo "a verdict as $5"
        exit "$GATE"
        ;;
esac
"""


class Gate:
    """`.ci/gate` with a `harness` on its path that exits as it is told and writes down what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out, self.asked, self.summary = (
            folder,
            folder / "out",
            folder / "asked",
            folder / "summary.md",
        )
        program = folder / "bin" / "harness"
        program.parent.mkdir()
        program.write_text(HARNESS)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run(self, command: list[str], ab: int, gate: int, **environment: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        path = f"{self.folder / 'bin'}:{kept['PATH']}"
        told = {"PATH": path, "AB": str(ab), "GATE": str(gate), "ASKED": str(self.asked), **environment}
        return subprocess.run(command, capture_output=True, text=True, cwd=self.folder, env={**kept, **told})

    def locally(self, ab: int, gate: int, **environment: str) -> "subprocess.CompletedProcess[str]":
        command = [str(ROOT / ".ci" / "gate"), "main", "HEAD", str(self.out), "lenet5_1x1", "--threads", "1"]
        return self.run(command, ab, gate, **environment)

    def on_github(self, ab: int, gate: int) -> "subprocess.CompletedProcess[str]":
        return self.locally(ab, gate, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(self.summary))


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


@pytest.mark.parametrize(
    ("code", "exits_with", "annotation"),
    [(0, 0, ""), (1, 1, "::error title=Gate::FAIL"), (3, 0, "::warning title=Gate::CAN'T TELL")],
    ids=["pass", "fail", "cannot-tell"],
)
def test_a_verdict_is_the_summary_and_a_comment_and_fails_the_job_only_where_it_says_so(
    gate: Gate, code: int, exits_with: int, annotation: str
) -> None:
    done = gate.on_github(0, code)
    assert done.returncode == exits_with, done.stderr
    assert done.stdout.startswith(annotation)
    assert done.stdout.count("::") == (2 if annotation else 0)
    assert gate.summary.read_text() == (gate.out / "gate.md").read_text() == "a verdict as markdown\n"
    assert (gate.out / "gate.xml").read_text() == "a verdict as junit\n"
    assert gate.asked.read_text().splitlines() == [
        f"ab lenet5_1x1 --threads 1 --commit main HEAD --out {gate.out}",
        f"gate {gate.out}/a {gate.out}/b --format markdown",
        f"gate {gate.out}/a {gate.out}/b --format junit",
    ]


@pytest.mark.parametrize(
    ("ab", "judged", "says"),
    [
        (0, 4, "Nothing was measured."),
        (0, 2, "could not be compared (harness gate: exit code 2)"),
        (4, 0, "Nothing was measured."),
        (2, 0, "could not be measured (harness ab: exit code 2)"),
        (1, 0, "could not be measured (harness ab: exit code 1)"),
        (3, 0, "could not be measured (harness ab: exit code 3)"),  # only the gate's 3 is CAN'T TELL
    ],
)
def test_without_a_verdict_the_job_fails_and_says_so(gate: Gate, ab: int, judged: int, says: str) -> None:
    done = gate.on_github(ab, judged)
    assert done.returncode == (ab or judged)
    assert done.stdout.startswith("::error title=Gate::")
    assert says in done.stdout
    assert says in gate.summary.read_text() == (gate.out / "gate.md").read_text()


@pytest.mark.parametrize("code", [1, 3])
def test_outside_github_the_summary_is_printed_and_nothing_is_annotated(gate: Gate, code: int) -> None:
    done = gate.locally(0, code)
    assert done.stdout == "a verdict as markdown\n"
    assert done.stderr.splitlines()[-1].startswith({1: "error: FAIL", 3: "warning: CAN'T TELL"}[code])
    assert not gate.summary.exists()


def test_the_gate_leaves_a_folder_that_is_there_alone(gate: Gate) -> None:
    gate.out.mkdir()
    done = gate.locally(0, 0)
    assert done.returncode == 2
    assert str(gate.out) in done.stderr
    assert not list(gate.out.iterdir())
    assert not gate.asked.exists()


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
def test_the_workflow_for_users_fails_where_the_gate_does_but_not_where_it_cannot_tell(gate: Gate, code: int) -> None:
    (judge,) = [step["run"] for step in yaml.safe_load(EXAMPLE)["jobs"]["gate"]["steps"] if step.get("name") == "Judge"]
    (gate.folder / "gate").mkdir()
    done = gate.run(["bash", "-e", "-c", judge], 0, code, GITHUB_STEP_SUMMARY=str(gate.summary))
    assert done.returncode == {3: 0}.get(code, code)
    assert done.stdout.startswith("::warning") == (code == 3)
    assert gate.summary.read_text() == {2: "", 4: ""}.get(code, "a verdict as markdown\n")


def test_make_hands_the_two_commits_to_the_gate() -> None:
    command = ["make", "--dry-run", "ci-gate", "BASE=HEAD^1", "HEAD=topic", "OUT=results/runs/x", "GATED=lenet5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if ".ci/gate" in line]
    assert shlex.split(line)[1:6] == [".ci/gate", "HEAD^1", "topic", "results/runs/x", "lenet5"]
