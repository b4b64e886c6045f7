"""From an image to a row: transforms, output formats, and the one-shot functions."""
