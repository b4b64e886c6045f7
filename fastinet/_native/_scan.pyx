# cython: language_level=3, freethreading_compatible=True
# distutils: language = c++
"""Scans of archives: where each member lies, as arrays; and where gzip data can be entered."""

from collections import namedtuple
import os

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from libcpp cimport bool as cpp_bool
from libcpp.string cimport string
from libcpp.vector cimport vector

from fastinet._native._core cimport Bytes, Status, check, take_text
from fastinet.base.limits import check_member_count
from fastinet.errors import FastinetError, OutOfMemoryError, ReadError


cdef extern from "tar/scan.h" namespace "fastinet" nogil:
    cdef cppclass Head "fastinet::TarMembers::Head":
        pass

    cdef cppclass PassedKind:
        pass

    cdef cppclass PassedEntry:
        PassedKind kind
        string name
        string target
        uint64_t offset

    cdef cppclass TarNoteKind:
        pass

    cdef cppclass TarNote:
        TarNoteKind kind
        string name
        uint64_t offset

    cdef cppclass TarMembers:
        vector[uint64_t] offsets
        vector[uint64_t] sizes
        vector[int32_t] containers
        vector[Head] heads
        string names
        vector[uint64_t] name_ends
        vector[string] container_names
        vector[PassedEntry] passed
        vector[TarNote] notes
        size_t count()


cdef extern from "tar/member_name.h" namespace "fastinet" nogil:
    cdef cppclass string_view "std::string_view":
        string_view(const char* text, size_t length)

    size_t JunkEnd(string_view path)
    uint64_t HashOfName(string_view name)


cdef extern from "bindings/archive_scan.h" namespace "fastinet" nogil:
    cdef cppclass ArchiveScan:
        Status Open(string path, string folder, cpp_bool end_marker_required) except +
        Status Step(int64_t max_blocks) except +
        void Recover() except +
        cpp_bool searching()
        vector[uint8_t] Save() except +
        Status Restore(Bytes saved, vector[string] container_names) except +
        cpp_bool done()
        uint64_t size_bytes()
        uint64_t position_bytes()
        const TarMembers& members()

    cdef cppclass GzipScan:
        Status Open(
            string path, string folder, uint64_t spacing, cpp_bool end_marker_required
        ) except +
        Status Resume(Bytes state, vector[string] container_names) except +
        Status Step(uint64_t compressed_bytes) except +
        cpp_bool done()
        uint64_t size_bytes()
        uint64_t position_bytes()
        uint64_t inflated_bytes()
        uint64_t waiting_members()
        vector[uint8_t] md5() except +
        FoundPart Take() except +
        TarMembers Rest() except +


cdef extern from "gzip/seek_points.h" namespace "fastinet" nogil:
    const uint64_t kSeekSpacingBytes
    const uint64_t kMinSeekSpacingBytes

    cdef cppclass SeekColumns:
        vector[uint64_t] bit_offsets
        vector[uint64_t] offsets
        vector[uint32_t] window_sizes
        vector[uint8_t] windows
        size_t count()


cdef extern from "passes/seek_pass.h" namespace "fastinet" nogil:
    cdef cppclass FoundPart "fastinet::SeekPart":
        SeekColumns points
        TarMembers members
        vector[uint8_t] state


SEEK_SPACING = kSeekSpacingBytes
MIN_SEEK_SPACING = kMinSeekSpacingBytes

# Blocks between two looks at signals and the progress report: some ten milliseconds of a warm scan,
# and still a moment where each block is a seek on a disk.
cdef int64_t BLOCKS_PER_STEP = 4096

Members = namedtuple(
    "Members",
    "offsets sizes containers heads names name_ends container_names special_entries passed outside"
    " notes",
    defaults=[(), (0, ()), ()],
)
Passed = namedtuple("Passed", "kind name target offset")
Note = namedtuple("Note", "kind name offset")

# As PassedKind in csrc/tar/scan.h numbers them; the last one is of folders alone.
PASSED_KINDS = (
    HARD_LINK, SYMBOLIC_LINK, DEVICE, VENDOR_RECORD, LEFTOVER, SPARSE_FILE, CONTINUATION,
    FOLDER_LINK
) = (
    "hard link", "symbolic link", "device", "vendor record", "leftover", "sparse file",
    "continuation", "folder link"
)

# As TarNoteKind in csrc/tar/scan.h numbers them.
NOTE_KINDS = (
    CUT_MARKER, NO_MARKER, LONE_ZEROS, STALE_PADDING, UNKNOWN_TYPE
) = ("cut marker", "no marker", "lone zeros", "stale padding", "unknown type")


cdef bytes encoded(text):
    """The bytes of a name."""
    return text.encode("utf-8", "surrogateescape")


cdef int take_texts(vector[string]& texts, names) except -1:
    cdef string text
    for name in names:
        take_text(text, encoded(name))
        texts.push_back(text)
    return 0


def scan(path, folder="", progress=None, bint end_marker_required=True):
    """Walks the headers of the tar at ``path``; the stub ``_scan.pyi`` documents it."""
    cdef ArchiveScan archive
    cdef Status status
    cdef string path_bytes, folder_bytes
    take_text(path_bytes, os.fsencode(path))
    take_text(folder_bytes, encoded(folder))

    with nogil:
        status = archive.Open(path_bytes, folder_bytes, end_marker_required)
    check(status)
    while not archive.done():
        with nogil:
            status = archive.Step(BLOCKS_PER_STEP)
        check(status)
        check_member_count(archive.members().count(), os.fsdecode(path))
        PyErr_CheckSignals()
        if progress is not None:
            progress(archive.position_bytes(), archive.size_bytes())
    return as_arrays(archive.members())


def survey(
    path,
    folder="",
    progress=None,
    keep=None,
    begun=None,
    max_errors=1000,
    bint end_marker_required=True,
):
    """Walks on where ``scan`` would give up; the stub ``_scan.pyi`` documents it."""
    cdef ArchiveScan archive
    cdef Status status
    cdef string path_bytes, folder_bytes
    take_text(path_bytes, os.fsencode(path))
    take_text(folder_bytes, encoded(folder))
    cdef const uint8_t[::1] saved
    cdef Bytes state
    cdef vector[string] names

    with nogil:
        status = archive.Open(path_bytes, folder_bytes, end_marker_required)
    check(status)
    if begun is not None:
        saved, container_names = begun
        take_texts(names, container_names)
        state = Bytes(&saved[0], saved.shape[0])
        with nogil:
            status = archive.Restore(state, names)
        check(status)
    errors = []
    while not archive.done() and len(errors) < max_errors:
        with nogil:
            status = archive.Step(BLOCKS_PER_STEP)
        try:
            check(status)
        except (OutOfMemoryError, ReadError):  # they say nothing of the archive
            raise
        except FastinetError as error:
            errors.append(error)
            archive.Recover()
        check_member_count(archive.members().count(), os.fsdecode(path))
        PyErr_CheckSignals()
        if keep is not None and not archive.done() and not archive.searching() and keep.is_due():
            keep.save(as_arrays(archive.members()), list(errors), bytes(archive.Save()))
        if progress is not None:
            progress(archive.position_bytes(), archive.size_bytes())
    return as_arrays(archive.members()), errors


SeekPart = namedtuple(
    "SeekPart", "bit_offsets offsets window_sizes windows members state"
)


cdef class SeekPass:
    """The pass over a gzipped tar; the stub ``_scan.pyi`` documents it."""

    cdef GzipScan pass_

    def __init__(
        self, path, folder="", uint64_t spacing=kSeekSpacingBytes, bint end_marker_required=True
    ):
        cdef string path_bytes, folder_bytes
        take_text(path_bytes, os.fsencode(path))
        take_text(folder_bytes, encoded(folder))
        cdef Status status
        with nogil:
            status = self.pass_.Open(path_bytes, folder_bytes, spacing, end_marker_required)
        check(status)

    def resume(self, const uint8_t[::1] state, container_names):
        cdef vector[string] names
        take_texts(names, container_names)
        cdef Bytes saved = Bytes(&state[0], state.shape[0])
        cdef Status status
        with nogil:
            status = self.pass_.Resume(saved, names)
        check(status)

    def step(self, uint64_t compressed_bytes):
        cdef Status status
        with nogil:
            status = self.pass_.Step(compressed_bytes)
        check(status)

    @property
    def done(self):
        return self.pass_.done()

    @property
    def size_bytes(self):
        return self.pass_.size_bytes()

    @property
    def position_bytes(self):
        return self.pass_.position_bytes()

    @property
    def inflated_bytes(self):
        return self.pass_.inflated_bytes()

    @property
    def waiting_members(self):
        return self.pass_.waiting_members()

    @property
    def md5(self):
        cdef vector[uint8_t] digest = self.pass_.md5()
        return bytes(digest).hex()

    def take(self):
        cdef FoundPart part = self.pass_.Take()
        return SeekPart(
            copy_of(part.points.bit_offsets.data(), np.empty(part.points.count(), np.uint64)),
            copy_of(part.points.offsets.data(), np.empty(part.points.count(), np.uint64)),
            copy_of(part.points.window_sizes.data(), np.empty(part.points.count(), np.uint32)),
            copy_of(part.points.windows.data(), np.empty(part.points.windows.size(), np.uint8)),
            as_arrays(part.members),
            copy_of(part.state.data(), np.empty(part.state.size(), np.uint8)),
        )

    def rest(self):
        return as_arrays(self.pass_.Rest())


cdef as_arrays(const TarMembers& found):
    cdef size_t count = found.count()
    cdef size_t i
    containers = [
        found.container_names[i].decode("utf-8", "surrogateescape")
        for i in range(found.container_names.size())
    ]
    passed = [
        Passed(
            PASSED_KINDS[<int> found.passed[i].kind],
            found.passed[i].name.decode("utf-8", "surrogateescape"),
            found.passed[i].target.decode("utf-8", "surrogateescape"),
            found.passed[i].offset,
        )
        for i in range(found.passed.size())
    ]
    return Members(
        copy_of(found.offsets.data(), np.empty(count, np.uint64)),
        copy_of(found.sizes.data(), np.empty(count, np.uint64)),
        copy_of(found.containers.data(), np.empty(count, np.int32)),
        copy_of(found.heads.data(), np.empty((count, sizeof(Head)), np.uint8)),
        copy_of(found.names.data(), np.empty(found.names.size(), np.uint8)),
        copy_of(found.name_ends.data(), np.empty(count, np.uint64)),
        containers,
        sum(entry.kind != LEFTOVER for entry in passed),
        passed,
        notes=[
            Note(
                NOTE_KINDS[<int> found.notes[i].kind],
                found.notes[i].name.decode("utf-8", "surrogateescape"),
                found.notes[i].offset,
            )
            for i in range(found.notes.size())
        ],
    )


def junk_ends(const uint8_t[::1] names, const uint64_t[::1] name_ends):
    """Where in each name junk ends; the stub ``_scan.pyi`` documents it."""
    ends = np.zeros(len(name_ends), np.uint64)
    look_at_names(names, name_ends, ends, False)
    return ends.view(np.int64)


def name_hashes(const uint8_t[::1] names, const uint64_t[::1] name_ends):
    """A hash of each name; the stub ``_scan.pyi`` documents it."""
    hashes = np.zeros(len(name_ends), np.uint64)
    look_at_names(names, name_ends, hashes, True)
    return hashes


cdef look_at_names(
    const uint8_t[::1] names, const uint64_t[::1] name_ends, uint64_t[::1] found, bint hashes
):
    """Fills ``found`` with a number for each name: its hash, or where in it junk ends."""
    cdef size_t count = name_ends.shape[0]
    cdef uint64_t total = names.shape[0]
    if count == 0:
        return
    cdef const char* text = NULL
    if total > 0:
        text = <const char*> &names[0]
    cdef const uint64_t* ends = &name_ends[0]
    cdef uint64_t* out = &found[0]
    cdef uint64_t start = 0
    cdef size_t i
    cdef bint sound = True
    with nogil:
        for i in range(count):
            if ends[i] < start or ends[i] > total:
                sound = False
                break
            if hashes:
                out[i] = HashOfName(string_view(text + start, ends[i] - start))
            else:
                out[i] = JunkEnd(string_view(text + start, ends[i] - start))
            start = ends[i]
    if not sound:
        raise ValueError("names end where there is no text")


cdef copy_of(const void* column, array):
    """Fills ``array`` from a C++ column of the same size [bytes] and returns it."""
    cdef uint8_t[::1] out = array.reshape(-1).view(np.uint8)
    cdef size_t size = out.shape[0]
    cdef uint8_t* first
    if size > 0:
        first = &out[0]
        with nogil:  # names of a million members are some 30 MB
            memcpy(first, column, size)
    return array
