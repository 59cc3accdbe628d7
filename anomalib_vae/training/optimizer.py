"""Adam as torch has it, less torch's compiler, whose import takes one or two seconds and which nothing here uses."""

from __future__ import annotations

import inspect

import torch


class AdamW(torch.optim.AdamW):
    """Loshchilov & Hutter 2019, "Decoupled weight decay regularization".

    Torch wraps these methods for its compiler to leave them alone, and so imports it at the first call.
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.AdamW.zero_grad)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))
