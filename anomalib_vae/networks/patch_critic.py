"""What tells images of training from made ones, patch by patch."""

from __future__ import annotations

import itertools

from torch import Generator, Tensor, nn

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.networks.image_backbone import STRIDE
from anomalib_vae.networks.layers import ACTIVATIONS
from anomalib_vae.networks.stacked_convolution import StackedConvolution
from anomalib_vae.networks.unet import KERNEL, maps_of, silence_flags


class PatchCritic(nn.Module):
    """Reads images, or several of one size that belong together; gives a logit for each patch, high for training.

    Isola et al. 2017, "Image-to-image translation with conditional adversarial networks": what is large is left to
    other losses.  channels: of convolutions that each halve height and width; with n of them a patch has a side of
    2^(n + 2) - 1 pixels.
    """

    def __init__(
        self,
        layouts: list[ImageLayout],
        channels: tuple[int, ...],
        n_members: int,
        activation: str,
        generator: Generator,
    ):
        super().__init__()
        depth = sum(layout.grid[2] for layout in layouts)
        self.size, self.activation = layouts[0].grid[:2], ACTIVATIONS[activation]
        pairs = itertools.pairwise([2 * depth, *channels])
        self.layers = nn.ModuleList(
            StackedConvolution(n_members, a, b, KERNEL, generator, stride=STRIDE) for a, b in pairs
        )
        silence_flags(self.layers[0], depth)
        self.head = StackedConvolution(n_members, channels[-1], 1, KERNEL, generator)

    def forward(self, *images: Batch) -> Tensor:
        """(members, rows, pixels) each, to the patches' verdicts, (members, rows, height, width)."""
        values = maps_of(list(images), self.size)
        for layer in self.layers:
            values = self.activation(layer(values))
        return self.head(values)[:, :, 0]
