"""Archives on disk as sources of bytes by offset, and what arrives from a Python file object.

An archive is a tar, a gzipped tar that is entered through its seek index, or a folder that one was
extracted to.
"""
