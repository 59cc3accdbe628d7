"""The one training loop.  It knows batches, players, schedules and callbacks, and no model by name."""
