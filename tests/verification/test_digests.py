"""The digest of a file, piece by piece: hashlib's, also where another process goes on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.datasets.published import PublishedArchive
from fastinet.errors import ReadError
from fastinet.verification.digests import FileDigest, published_digest

ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(data=st.binary(max_size=300), shares=st.lists(st.floats(0, 1), max_size=4))
def test_any_pieces_give_hashlibs_digest(
    tmp_path_factory: pytest.TempPathFactory, algorithm: str, data: bytes, shares: list[float]
) -> None:
    path = tmp_path_factory.getbasetemp() / "digested"
    path.write_bytes(data)
    digest = FileDigest(path, algorithm)
    furthest = 0
    for end in [int(len(data) * share) for share in shares]:
        digest.advance(end)  # to where it is already, too
        furthest = max(furthest, end)
        assert digest.position == furthest
        expected = hashlib.new(ALGORITHMS[algorithm], data[:furthest])
        assert digest.hexdigest() == expected.hexdigest()
        again = FileDigest(path, algorithm, digest.state, digest.position)
        assert again.position == (furthest if algorithm == "MD5" else 0)
        again.advance(len(data))
        whole = hashlib.new(ALGORITHMS[algorithm], data)
        assert again.hexdigest() == whole.hexdigest()


def test_pieces_larger_than_what_is_read_at_once(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    (tmp_path / "a").write_bytes(data)
    for algorithm, name in ALGORITHMS.items():
        digest = FileDigest(tmp_path / "a", algorithm)
        digest.advance(len(data))
        assert digest.hexdigest() == hashlib.new(name, data).hexdigest()


def test_a_file_that_became_shorter_or_vanished(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(b"abc")
    digest = FileDigest(path, "MD5")
    with pytest.raises(ReadError, match="has become shorter") as caught:
        digest.advance(5)
    assert (caught.value.archive, caught.value.offset) == (str(path), 3)
    with pytest.raises(ReadError, match="cannot be read: No such file"):
        FileDigest(tmp_path / "none", "SHA-256").advance(1)


def test_md5_goes_before_sha256() -> None:
    def archive(**digests: str) -> PublishedArchive:
        return PublishedArchive("a.tar", "train", "", **digests)

    assert published_digest(archive(md5="0a", sha256="0b")) == ("MD5", "0a")
    assert published_digest(archive(sha256="0b")) == ("SHA-256", "0b")
    assert published_digest(archive()) is None
