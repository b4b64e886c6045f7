"""What binds a sidecar to its archive: the probe sees changes that size and time do not show."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastinet.sidecars.identity import Identity, check_identities, identify_file
from fastinet.sidecars.schema import UnusableSidecarError

X = Identity("x.tar", 7, 0, "ab", "cd")


def test_the_probe_sees_the_ends_and_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    content = bytearray(1_000_000)
    path.write_bytes(content)
    before = identify_file(path)
    for position in (0, 999_999, 996_000 * 3 // 7):
        content[position] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(before.mtime_ns, before.mtime_ns))
        now = identify_file(path)
        assert now.probe != before.probe
        assert now._replace(probe=before.probe) == before
        content[position] ^= 1


@pytest.mark.parametrize(
    ("present", "cause"),
    [
        (
            [X._replace(name="y.tar")],
            "it was made when 'y.tar', whose content is the same, was called 'x.tar'; a name may",
        ),
        ([X._replace(name="y.tar", size=8)], "it is of an archive 'x.tar', and this is 'y.tar'"),
        ([X, X], "it lists 1 archives, and these are 2"),
        ([X._replace(size=8)], "archive 'x.tar' had 7 bytes when it was made and has 8 now"),
    ],
)
def test_why_a_sidecar_does_not_fit(present: list[Identity], cause: str) -> None:
    with pytest.raises(UnusableSidecarError) as caught:
        check_identities([X], present)
    assert str(caught.value).startswith(f"is stale: {cause}")


def test_several_archives_with_other_names() -> None:
    now = [X._replace(name=name) for name in ("a.tar", "b.tar", "x.tar")]
    with pytest.raises(UnusableSidecarError, match="and 1 more have other names; a name may tell"):
        check_identities([X, X, X], now)
    check_identities([X], [X._replace(mtime_ns=1)])
