"""What may happen to the pixels of a row after its crop was resized.

A :class:`Step` is one operation with the numbers that it was drawn with: what was done to one
image. :func:`fastinet.apply_steps` does it again.
"""

from fastinet.augment.steps import STEP_ARGUMENTS, Sampling, Step

__all__ = ["STEP_ARGUMENTS", "Sampling", "Step"]
