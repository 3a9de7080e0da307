"""The raw samples of a run, as they lie in its folder."""

from pathlib import Path

FOLDER = "samples"

Medians = dict[str, dict[int, dict[int, float]]]  # by subject, launch and round: the median of a call, in nanoseconds


def round_medians(path: Path) -> Medians:
    """What a file of samples holds, warm-up left out."""
    import pandas

    table = pandas.read_parquet(path)
    table = table[table["round"] >= 0]
    table["call"] = table["nanoseconds"] / table["calls"]
    medians = table.groupby(["subject", "launch", "round"], observed=True)["call"].median().reset_index()
    found: Medians = {}
    for subject, launch, number, value in medians.itertuples(index=False, name=None):
        found.setdefault(str(subject), {}).setdefault(int(launch), {})[int(number)] = float(value)
    return found
