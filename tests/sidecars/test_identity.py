"""What binds a sidecar to its archive: the probe sees changes that size and time do not show."""

from __future__ import annotations

import os
from pathlib import Path

from fastinet.sidecars.identity import identify_file


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
