"""A prior for each class, fitted after training: the mixture of the posteriors of some training rows of that class."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from anomalib_vae.losses.divergences import gaussian_log_density
from anomalib_vae.networks.aggregate_prior import AggregatePrior


class ConditionalAggregatePrior(AggregatePrior):
    """p(z|y) = the mean over reference rows r of the class y of q(z | x_r, y), and of N(0, I), which counts as one more
    row: a class of which there are no others keeps it.

    What z leaves to the label and what it tells of the class itself, no training on a finite sample keeps apart; a z
    from N(0, I), or from rows of another class, may contradict the label, and a decoder then shows either or none.

    A code here is z with the one-hot label beside it, (members, rows, z_width + classes).
    class_of: (members, references), the positions of the references' classes, which come in that order.
    """

    kept = (*AggregatePrior.kept, "class_of")
    class_of: Tensor

    def __init__(self, n_members: int, z_width: int, n_classes: int):
        super().__init__(n_members, z_width)
        self.z_width, self.n_classes = z_width, n_classes
        self.register_buffer("class_of", torch.zeros(n_members, 0, dtype=torch.long))

    def fit_classes(self, mean: Tensor, log_variance: Tensor, class_of: Tensor) -> None:
        """Take the posteriors of the reference rows, each given its class."""
        self.class_of, order = torch.sort(class_of, dim=-1, stable=True)
        self.fit(*(t.gather(1, order[..., None].expand_as(t)) for t in (mean, log_variance)))

    def log_density(self, code: Tensor) -> Tensor:
        """log p(z|y), without the constant log(2π)/2 a dimension: (members, rows)."""
        z, y = self._apart(code)
        logits = self.log_components(z).masked_fill_(y[..., None] != self.class_of[:, None], -torch.inf)
        rest = torch.logaddexp(self.without_the_best(logits), gaussian_log_density(z).sum(-1))
        return rest - self._counts().gather(1, y).clamp_min(1).to(code).log()

    def sample(self, noise: Tensor, generator: Generator) -> Tensor:
        """Standard-normal noise with labels beside it to codes with the same labels, each near a reference of its class
        drawn at random."""
        z, y = self._apart(noise)
        counts = self._counts()
        count, start = (t.gather(1, y) for t in (counts, counts.cumsum(-1) - counts))
        chance = torch.rand(y.shape, generator=generator, dtype=z.dtype, device=z.device)
        chosen = (chance * (count + 1)).long()
        place = (start + chosen).clamp_max(self.mean.shape[1] - 1)[..., None].expand_as(z)
        near = self.mean.gather(1, place) + torch.exp(0.5 * self.log_variance.gather(1, place)) * z
        return torch.cat([torch.where((chosen < count)[..., None], near, z), noise[..., self.z_width :]], -1)

    def _apart(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """z, and the position of the class, (members, rows)."""
        return code[..., : self.z_width], code[..., self.z_width :].argmax(-1)

    def _counts(self) -> Tensor:
        """References of each class, (members, classes)."""
        return torch.nn.functional.one_hot(self.class_of, self.n_classes).sum(1)
