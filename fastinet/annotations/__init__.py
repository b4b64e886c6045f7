"""What goes with items: bounding boxes, label maps, semantic trees."""
