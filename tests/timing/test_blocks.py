"""Which subjects take turns at once, as far as memory goes."""

from hypothesis import given
from hypothesis import strategies as st

from harness.timing import blocks

SIZES = st.dictionaries(st.text(max_size=3), st.integers(0, 2_000_000_000), max_size=40)


@given(sizes=SIZES, free=st.integers(0, 64_000_000_000))
def test_every_subject_is_in_one_block_and_no_block_takes_too_much(sizes: dict[str, int], free: int) -> None:
    found = list(blocks.split([(key,) for key in sizes], sizes, free))
    assert [group for block in found for group in block] == [(key,) for key in sizes]
    for block in found:
        taken = sum(blocks.PROCESS_BYTES + blocks.COPIES * sizes[key] for (key,) in block)
        assert len(block) == 1 or (len(block) <= blocks.MOST and taken <= free / 2)


def test_what_one_block_holds_is_not_divided() -> None:
    sizes = dict.fromkeys("abcdefghij", 1_000_000)
    assert list(blocks.split("abcdefgh", sizes, 16e9)) == [list("abcdefgh")]
    assert [len(block) for block in blocks.split("abcdefghij", sizes, 16e9)] == [8, 2]
    assert list(blocks.split("abc", dict.fromkeys("abc", 600_000_000), 8e9)) == [["a", "b"], ["c"]]


@given(sizes=SIZES, free=st.integers(0, 64_000_000_000), together=st.integers(1, 4))
def test_a_group_is_never_divided(sizes: dict[str, int], free: int, together: int) -> None:
    keys = list(sizes)
    groups = [tuple(keys[start : start + together]) for start in range(0, len(keys), together)]
    found = list(blocks.split(groups, sizes, free))
    assert [group for block in found for group in block] == groups
    assert all(sum(map(len, block)) <= blocks.MOST for block in found)
