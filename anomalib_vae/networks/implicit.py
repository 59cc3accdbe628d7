"""What networks share that generate rows from noise, without a density of them."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.losses.bernoulli import Bernoulli
from anomalib_vae.losses.divergences import gaussian_log_density
from anomalib_vae.networks.encoder_decoder import EncoderDecoder
from anomalib_vae.networks.inversion import FeatureResidual, Inversion


class ImplicitNetwork(EncoderDecoder):
    """A generator x = G(z), z ~ N(0, I), and an encoder that is trained once the generator stands.

    Pixels lie between black and white, so the generator of images ends in a logistic function.
    """

    def build_latents(self, generator):
        self.residual: FeatureResidual | None = None  # of features, where a subclass has some
        self.encoder = self.reader(self.code_width, generator)
        bernoulli = isinstance(self.architecture.likelihood, Bernoulli)  # its mean is bounded already
        self.bounded = isinstance(self.layout, ImageLayout) and not bernoulli

    def decode(self, code, generator=None):
        output = self.generator_output(code, generator)
        return torch.sigmoid(output) if self.bounded else output

    def generator_output(self, code: Tensor, generator: Generator | None) -> Tensor:
        """What the generator makes of codes, before pixels are bounded: (members, rows, targets)."""
        return self.decoder(code, generator)

    def prior(self, rows: int, generator: Generator) -> Tensor:
        """Codes from N(0, I): (members, rows, code width)."""
        like = self.observation.raw_log_scale
        shape = (self.n_members, rows, self.code_width)
        return torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)

    def fake_like(self, real: Batch, generator: Generator) -> Batch:
        """As many targets from the generator, with the same cells missing: these shall not give a row away."""
        return self.fake_at(self.prior(real.values.shape[1], generator), real, generator)

    def fake_at(self, code: Tensor, real: Batch, generator: Generator) -> Batch:
        """`fake_like` of these codes."""
        values = self.observation.relaxed_sample(self.decode(code, generator), generator)
        return Batch(values * real.observed, real.observed)

    def features(self, targets: Batch) -> Tensor:
        """In which a row is compared with what the generator makes of its code, where there is a `residual`."""
        raise NotImplementedError

    def inversion(self) -> Inversion:
        """The training of the encoder."""
        return Inversion(self, self.features, self.residual) if self.residual else Inversion(self)

    # ------------------------------------------------------------------ use
    def encode(self, batch: Batch) -> Tensor:
        return self.encoder(self.inputs(batch))

    def score(self, batch: Batch) -> Tensor:
        """log p(x | G(E(x))), and that of its features where there are some, in nats."""
        output = self.decode(self.encode(batch))
        return self.observation.log_prob(output, batch).sum(-1) + self.inversion().feature_log_prob(output, batch)

    def column_scores(self, batch: Batch) -> Tensor:
        return self.observation.by_column(self.observation.log_prob(self.decode(self.encode(batch)), batch))

    def predictive(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.observation.moments(self.decode(self.encode(batch)))

    def code_log_prob(self, code: Tensor, batch: Batch) -> Tensor:
        """log N(z; 0, I) of codes of the rows, without its constant, (members, rows)."""
        return gaussian_log_density(code).sum(-1)

    def generate(self, rows: int, generator: Generator) -> Tensor:
        return self.rows_at(self.prior(-(-rows // self.n_members), generator), generator)[:rows]

    def rows_at(self, code: Tensor, generator: Generator) -> Tensor:
        """Targets of codes (members, codes, code width), the members in turn: (rows, targets)."""
        return self.observation.relaxed_sample(self.decode(code), generator).movedim(0, 1).flatten(0, 1)
