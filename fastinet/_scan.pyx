# cython: language_level=3
# distutils: language = c++
"""One-shot scan of an archive: where each member lies, as arrays."""

from collections import namedtuple
import os

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy
from libcpp cimport bool as cpp_bool
from libcpp.string cimport string
from libcpp.vector cimport vector

from fastinet._core cimport Status, check
from fastinet.errors import FastinetError, ReadError


cdef extern from "tar/scan.h" namespace "fastinet" nogil:
    cdef cppclass Head "fastinet::TarMembers::Head":
        pass

    cdef cppclass TarMembers:
        vector[uint64_t] offsets
        vector[uint64_t] sizes
        vector[int32_t] containers
        vector[Head] heads
        string names
        vector[uint64_t] name_ends
        vector[string] container_names
        uint64_t special_entries
        size_t count()


cdef extern from "bindings/archive_scan.h" namespace "fastinet" nogil:
    cdef cppclass ArchiveScan:
        Status Open(string path, string folder) except +
        Status Step(int64_t max_blocks) except +
        void Recover() except +
        cpp_bool done()
        uint64_t size_bytes()
        uint64_t position_bytes()
        const TarMembers& members()


# Blocks between two looks at signals and the progress report: some ten milliseconds of a warm scan,
# and still a moment where each block is a seek on a disk.
cdef int64_t BLOCKS_PER_STEP = 4096

Members = namedtuple(
    "Members",
    "offsets sizes containers heads names name_ends container_names special_entries",
)


def scan(path, folder="", progress=None):
    """Walks the headers of the tar at ``path``; the stub ``_scan.pyi`` documents it."""
    cdef ArchiveScan archive
    cdef Status status
    cdef string path_bytes = os.fsencode(path)
    cdef string folder_bytes = folder.encode("utf-8", "surrogateescape")

    with nogil:
        status = archive.Open(path_bytes, folder_bytes)
    check(status)
    while not archive.done():
        with nogil:
            status = archive.Step(BLOCKS_PER_STEP)
        check(status)
        PyErr_CheckSignals()
        if progress is not None:
            progress(archive.position_bytes(), archive.size_bytes())
    return as_arrays(archive.members())


def survey(path, folder="", progress=None, max_errors=1000):
    """Walks on where ``scan`` would give up; the stub ``_scan.pyi`` documents it."""
    cdef ArchiveScan archive
    cdef Status status
    cdef string path_bytes = os.fsencode(path)
    cdef string folder_bytes = folder.encode("utf-8", "surrogateescape")

    with nogil:
        status = archive.Open(path_bytes, folder_bytes)
    check(status)
    errors = []
    while not archive.done() and len(errors) < max_errors:
        with nogil:
            status = archive.Step(BLOCKS_PER_STEP)
        try:
            check(status)
        except ReadError:
            raise
        except FastinetError as error:
            errors.append(error)
            archive.Recover()
        PyErr_CheckSignals()
        if progress is not None:
            progress(archive.position_bytes(), archive.size_bytes())
    return as_arrays(archive.members()), errors


cdef as_arrays(const TarMembers& found):
    cdef size_t count = found.count()
    cdef size_t i
    containers = [
        found.container_names[i].decode("utf-8", "surrogateescape")
        for i in range(found.container_names.size())
    ]
    return Members(
        copy_of(found.offsets.data(), np.empty(count, np.uint64)),
        copy_of(found.sizes.data(), np.empty(count, np.uint64)),
        copy_of(found.containers.data(), np.empty(count, np.int32)),
        copy_of(found.heads.data(), np.empty((count, sizeof(Head)), np.uint8)),
        copy_of(found.names.data(), np.empty(found.names.size(), np.uint8)),
        copy_of(found.name_ends.data(), np.empty(count, np.uint64)),
        containers,
        found.special_entries,
    )


cdef copy_of(const void* column, array):
    """Fills ``array`` from a C++ column of the same size [bytes] and returns it."""
    cdef uint8_t[::1] out = array.reshape(-1).view(np.uint8)
    if out.shape[0] > 0:
        memcpy(&out[0], column, out.shape[0])
    return array
