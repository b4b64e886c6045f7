"""A dataset: which items there are, where they lie, and what they are labelled."""
