"""Other people's file formats, read without their libraries."""
