"""The PixelCNN."""

from __future__ import annotations

from typing import ClassVar

from anomalib_vae.models.encoder_decoder import EncoderDecoderModel
from anomalib_vae.networks.encoder_decoder import Architecture
from anomalib_vae.networks.pixel_cnn import PixelCNNNetwork
from anomalib_vae.parameters import parameter


class PixelCNN(EncoderDecoderModel):
    """PixelCNN: p(x) = Π p(xᵢ | x₁ ... xᵢ₋₁), row after row, pixel after pixel, and a pixel's channels in their order.

    van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks"; van den Oord et al. 2016,
    "Conditional image generation with PixelCNN decoders", whose gated convolutions these are.  A table's columns, and
    images with backbone="dense", are taken one after the other by a masked dense network (Germain et al. 2015, "MADE").

    `score_samples` is log p(x), exactly, in nats, and `column_scores` its terms log p(xᵢ | x₁ ... xᵢ₋₁); of several
    members it is the mean of theirs.  It is a probability of labels, booleans and, with likelihood="bernoulli", of
    pixels that are black or white (of grey ones the cross-entropy); of other pixels, between 0 and 1, and of
    standardised numbers a density under the likelihood, whose scales are learned.  What is missing has no term: those
    after it read that it is missing.

    A Gaussian for each pixel drifts off where an image is drawn pixel after pixel: for samples of images that are
    nearly black and white take likelihood="bernoulli" with augmentation="binarize".

    `reconstruct` gives the mean of each pixel given those before it.  There is no bottleneck: the code, a number for
    each column, is the noise that would make `sample` draw this row (Rosenblatt 1952), 0 where a cell is what the model
    held for the middle of what might come.  So `inverse_transform` gives back the row itself, and `interpolate` goes
    from one row to the other.  It and `sample` decide pixel after pixel.
    """

    channels: tuple[int, ...] = parameter(
        default=(16,) * 6, at_least=1, doc="Of the gated convolutions, in both stacks; then come hidden_dims."
    )

    hidden_dims = (64,)
    batch_size = 16
    learning_rate = 0.01

    unused: ClassVar = {
        "latent_dim": "the code has a number for each column or pixel",
        "n_bins": "a column is drawn as it is read, as one number",
    }
    network_class = PixelCNNNetwork
    architecture_class = Architecture

    def _latent_dims(self, columns):
        return (columns,)
