"""Between what people hold (frames, arrays) and what networks take (batches of tensors)."""
