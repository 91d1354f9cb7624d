"""Pure: data -> plain JSON view models, the same for all viewers."""
