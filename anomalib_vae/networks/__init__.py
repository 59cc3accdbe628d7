"""Networks: what players, loss, encode, decode and score mean.  They see batches and layouts, never frames."""
