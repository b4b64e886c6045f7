# cython: language_level=3, freethreading_compatible=True
# distutils: language = c++
"""What paths of members tell of splits and classes."""

from collections import namedtuple

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy
from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "stream/split_names.h" namespace "fastinet" nogil:
    cdef cppclass string_view "std::string_view":
        string_view()
        string_view(const char* data, size_t size)
        const char* data()
        size_t size()

    cdef cppclass Telling "fastinet::FolderTelling":
        string_view split
        string split_folder
        string root
        int64_t wnid

    string_view KnownSplit(string_view name) except +
    Telling TellOfFolder(string_view folder) except +


cdef extern from "stream/folder_table.h" namespace "fastinet" nogil:
    cdef cppclass Numbers "std::span<const int64_t>":
        Numbers(const int64_t* data, size_t size)

    cdef cppclass FolderTable:
        vector[int32_t] of_names
        vector[string] folders

    FolderTable FoldersOf(
        string_view text, Numbers starts, Numbers ends
    ) except +


FolderTelling = namedtuple("FolderTelling", "split split_folder root wnid")


def known_split(name):
    """The stub ``_paths.pyi`` documents it."""
    cdef bytes encoded = name.encode("utf-8", "surrogateescape")
    return as_text(KnownSplit(string_view(encoded, len(encoded))))


def tell_of_folder(folder):
    """The stub ``_paths.pyi`` documents it."""
    cdef bytes encoded = folder.encode("utf-8", "surrogateescape")
    cdef Telling telling = TellOfFolder(string_view(encoded, len(encoded)))
    return FolderTelling(
        as_text(telling.split),
        telling.split_folder.decode("utf-8", "surrogateescape"),
        telling.root.decode("utf-8", "surrogateescape"),
        telling.wnid,
    )


def folders_of(const uint8_t[::1] text, const int64_t[::1] starts, const int64_t[::1] ends):
    """The stub ``_paths.pyi`` documents it."""
    cdef FolderTable table
    cdef size_t count = starts.shape[0]
    cdef int32_t[::1] of_names
    numbers = np.empty(count, np.int32)
    if count == 0:
        return numbers, []
    with nogil:
        table = FoldersOf(
            string_view(<const char*> &text[0], text.shape[0]),
            Numbers(&starts[0], count),
            Numbers(&ends[0], count),
        )
    of_names = numbers
    cdef int32_t* first = &of_names[0]
    with nogil:
        memcpy(first, table.of_names.data(), count * sizeof(int32_t))
    cdef size_t i
    return numbers, [
        table.folders[i].decode("utf-8", "surrogateescape") for i in range(table.folders.size())
    ]


cdef as_text(string_view text):
    return text.data()[:text.size()].decode("ascii") if text.size() else ""
