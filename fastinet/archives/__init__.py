"""Bytes on a disk or a wire: what an archive is, and how it is opened."""
