# cython: language_level=3, freethreading_compatible=True
# distutils: language = c++
"""MD5 that can be interrupted."""

import threading

from libc.stdint cimport uint8_t
from libcpp.vector cimport vector

from fastinet._native._core cimport Bytes, Status, check


cdef extern from "base/md5.h" namespace "fastinet" nogil:
    cdef cppclass Digest "fastinet::Md5::Digest":
        const uint8_t* data()

    cdef cppclass CoreMd5 "fastinet::Md5":
        void Update(Bytes data)
        Digest digest()
        vector[uint8_t] Save() except +
        Status Restore(Bytes saved) except +


cdef class Md5:
    """MD5 of bytes that come piece by piece; the stub ``_digest.pyi`` documents it."""

    cdef CoreMd5 md5
    cdef object one_at_a_time  # also while the GIL is released, or where there is none

    def __cinit__(self):
        self.one_at_a_time = threading.Lock()

    def __init__(self, state=None):
        cdef const uint8_t[::1] saved
        if state is not None:
            saved = state
            with self.one_at_a_time:
                check(self.md5.Restore(view(saved)))

    def update(self, const uint8_t[::1] data):
        cdef Bytes piece = view(data)
        with self.one_at_a_time:
            with nogil:
                self.md5.Update(piece)

    def hexdigest(self):
        cdef Digest digest
        with self.one_at_a_time:
            digest = self.md5.digest()
        return (<const char*> digest.data())[:16].hex()

    def state(self):
        cdef vector[uint8_t] saved
        with self.one_at_a_time:
            saved = self.md5.Save()
        return bytes(saved)


cdef inline Bytes view(const uint8_t[::1] data):
    if data.shape[0] == 0:
        return Bytes()
    return Bytes(&data[0], data.shape[0])
