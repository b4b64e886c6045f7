"""An archive, by what it is on disk: a file, a gzip file, or the folder that one was extracted to.

Each kind knows what binds an index to it, how its members are listed, and how the engine opens it.
The engine sees every one as a source of bytes by their offset; in a folder the files lie end to
end.
"""

from __future__ import annotations

from fastinet.archives.file_archive import FileArchive
from fastinet.archives.folder_archive import FolderArchive
from fastinet.archives.gzip_archive import GzipArchive

__all__ = ["Archive"]

Archive = FileArchive | GzipArchive | FolderArchive
