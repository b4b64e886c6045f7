"""Archives as sources of bytes: files, gzip files by their seek index, folders, Python files."""
