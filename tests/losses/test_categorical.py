"""The grouped softmax is torch's softmax, group by group."""

from __future__ import annotations

import pytest
import torch

from anomalib_vae.losses.categorical import GroupedSoftmax


@pytest.mark.parametrize("widths", [[3], [1], [2, 5, 1, 3], [1, 1], [40, 2], [2, 2, 3, 3, 2], []])
def test_is_a_softmax_within_each_group(widths):
    logits = 10 * torch.randn(2, 7, sum(widths), generator=torch.Generator().manual_seed(0))
    parts = logits.split(widths, -1) if widths else ()
    expected = torch.cat([logits[..., :0], *(torch.log_softmax(part, -1) for part in parts)], -1)
    torch.testing.assert_close(GroupedSoftmax(widths).log_prob(logits), expected)


def test_probabilities_of_a_group_sum_to_one_even_for_huge_logits():
    log_prob = GroupedSoftmax([2, 3]).log_prob(torch.tensor([1e4, -1e4, 0.0, 1e4, 1e4], dtype=torch.float64))
    torch.testing.assert_close(log_prob.exp().split([2, 3])[0].sum(), torch.tensor(1.0, dtype=torch.float64))
    torch.testing.assert_close(log_prob.exp().split([2, 3])[1].sum(), torch.tensor(1.0, dtype=torch.float64))


def test_groups_do_not_feel_each_other():
    softmax, logits = GroupedSoftmax([2, 3]), torch.randn(5, generator=torch.Generator().manual_seed(0))
    changed = torch.cat([logits[:2], logits[2:] + torch.tensor([5.0, -2.0, 0.0])])
    assert torch.equal(softmax.log_prob(logits)[:2], softmax.log_prob(changed)[:2])
