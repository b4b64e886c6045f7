"""Annotations: bounding boxes, label maps and semantic trees, matched to a dataset's items."""
