"""Are the tables of AutoAugment those that were published?"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from fastinet.augment.auto_augment_policies import CIFAR10, IMAGENET, SVHN, V0, Policy

WITHOUT_MAGNITUDE = ("AutoContrast", "Equalize", "Invert")
# Beginnings of the SHA-256 of what torchvision 0.29 and timm 1.0.31 have.
DIGESTS = [
    (IMAGENET, "c402f0382727652a"),
    (CIFAR10, "d787769f9cf7f771"),
    (SVHN, "43612224d7ba353f"),
    (V0, "f04561ff4c557455"),
]


def digest_of(policy: Policy) -> str:
    return hashlib.sha256(repr(policy).encode()).hexdigest()[:16]


@pytest.mark.parametrize(("policy", "digest"), DIGESTS)
def test_tables_are_as_they_were_copied(policy: Policy, digest: str) -> None:
    assert len(policy) == 25
    assert {len(pair) for pair in policy} == {2}
    assert digest_of(policy) == digest


def comparable(pairs: Any) -> Policy:
    """With the magnitude 0 where an operation takes none."""
    return tuple(
        tuple((name, p, 0 if name in WITHOUT_MAGNITUDE else level) for name, p, level in pair)
        for pair in pairs
    )


@pytest.mark.parametrize(
    ("name", "policy"), [("imagenet", IMAGENET), ("cifar10", CIFAR10), ("svhn", SVHN)]
)
def test_tables_are_torchvisions(name: str, policy: Policy) -> None:
    transforms = pytest.importorskip("torchvision.transforms.v2")
    theirs = transforms.AutoAugment(transforms.AutoAugmentPolicy(name))._policies
    assert comparable(theirs) == policy


@pytest.mark.parametrize(
    ("name", "policy", "renamed"),
    [("original", IMAGENET, "PosterizeOriginal"), ("v0", V0, "TranslateYRel")],
)
def test_tables_are_timms(name: str, policy: Policy, renamed: str) -> None:
    timm = pytest.importorskip("timm.data.auto_augment")
    plain = {renamed: renamed.removesuffix("Original").removesuffix("Rel")}
    theirs = [
        [(plain.get(op.name, op.name), op.prob, op.magnitude) for op in pair]
        for pair in timm.auto_augment_policy(name, {})
    ]
    assert comparable(theirs) == policy
