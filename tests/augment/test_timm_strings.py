"""Are timm's strings read as timm reads them?"""

from __future__ import annotations

import math
from typing import Any

import pytest

from fastinet.augment.timm_strings import AUTO_AUGMENT_NAMES, TimmPolicy, parse_timm_string

STRINGS = (
    "rand",
    "rand-m9-mstd0.5-inc1",
    "rand-m7-mstd0.5-inc1",
    "rand-m9-mstd0.5",
    "rand-m15-n2-mstd0.5-mmax20",
    "rand-m9-n3-mstd0.5",
    "rand-inc0",
    "rand-mstd1-tweights",
    "rand-m6-n4-mstd101-inc1",
    "rand-m9-mstd0-p0.3",
    "rand-m9-t3a",
    "rand-m9-inc1-t3aw-n3",
    "rand-m25-mmax0",
    "original",
    "original-mstd0.5",
    "originalr",
    "v0-mstd2",
    "v0r",
    "3a",
    "augmix",
    "augmix-m5-w4-d2",
    "augmix-m3-w3-mstd0.5",
    "augmix-m3-mstd0-a1-b0",
    "augmix-a0.5",
)


def test_strings_in_use() -> None:
    policy = parse_timm_string("rand-m9-mstd0.5-inc1")
    assert (policy.magnitude, policy.deviation, policy.most) == (9, 0.5, 10)
    assert (policy.layers, policy.p, policy.weights) == (2, 0.5, ())
    assert len(policy.names) == 15
    assert "SolarizeIncreasing" in policy.names
    assert parse_timm_string("rand-m9-mstd0.5-inc0") == parse_timm_string("rand-m9-mstd0.5")
    assert "Solarize" in parse_timm_string("rand-m9").names
    assert math.isinf(parse_timm_string("rand-mstd101").deviation)
    assert parse_timm_string("rand-mstd100").deviation == 100
    assert parse_timm_string("rand-m25-mmax30").most == 30
    assert parse_timm_string("augmix").magnitude == 3
    assert math.isinf(parse_timm_string("augmix").deviation)
    assert parse_timm_string("original-mstd0.5") == TimmPolicy("original", deviation=0.5)


@pytest.mark.parametrize("config", STRINGS)
def test_strings_mean_what_they_mean_to_timm(config: str) -> None:
    timm = pytest.importorskip("timm.data.auto_augment")
    policy = parse_timm_string(config)
    if policy.kind in AUTO_AUGMENT_NAMES:
        theirs = timm.auto_augment_transform(config, {})
        operations = [op for pair in theirs.policy for op in pair]
    elif policy.kind == "rand":
        theirs = timm.rand_augment_transform(config, {})
        operations = theirs.ops
        assert theirs.num_layers == policy.layers
        weights = policy.weights
        expected = None if not weights else [weight / sum(weights) for weight in weights]
        given = theirs.choice_weights
        assert (given is None) == (expected is None)
        assert given is None or list(given) == pytest.approx(expected)
    else:
        theirs = timm.augment_and_mix_transform(config, {})
        operations = theirs.ops
        assert (theirs.width, theirs.depth) == (policy.width, policy.depth)
    for op in operations:
        assert op.magnitude_std == policy.deviation
        assert (op.magnitude_max or 10) == policy.most
    if policy.names:
        assert tuple(op.name.removesuffix("Rel") for op in operations) == policy.names
        assert {op.magnitude for op in operations} == {policy.magnitude}
        assert {op.prob for op in operations} == {policy.p}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("", "timm has no policy ''.*begin with rand, original"),
        ("randm9", "timm has no policy 'randm9'"),
        ("v1", "timm has no policy 'v1'"),
        ("rand-inc", "'inc' has no number, so that timm passes it over"),
        ("rand-mstdinf", "'mstdinf' has no number"),
        ("rand-m9.5", "'m9.5' must have a whole number"),
        ("rand-mstd0.5.1", "'mstd0.5.1' must have a number"),
        ("rand-q3", "'q3' is no section.*there are m, n, p, mstd, mmax, inc, t"),
        ("rand-w0", "'w0' is no section"),
        ("rand-m9-m8", "has 'm' twice"),
        ("rand-p2", "p must be a probability"),
        ("rand-m9999999", "out of bounds"),
        ("rand-tfoo", "timm has no choice tfoo.*t3a, tweights, t3aw"),
        ("rand-tweights-t3a", "several sections that begin with t"),
        ("rand-tweights-n16", "16 different operations of 15"),
        ("3a-mstd0.5", "Leave out mstd"),
        ("original-m9", "'m9' is no section"),
        ("augmix-b1", "blend chain by chain"),
        ("augmix-a0", "must be 0.001 to 10000"),
        ("augmix-w0", "w1 or more"),
    ],
)
def test_other_strings_are_refused(config: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_timm_string(config)
