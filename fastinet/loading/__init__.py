"""Batches: from a dataset or a stream to what a training loop takes."""
