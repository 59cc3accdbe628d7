"""What to know of a frame before its gaps are filled."""
