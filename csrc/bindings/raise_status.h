// From a Status to the Python exception that fastinet.errors has for it, for Cython and pybind11.
#pragma once

#include <Python.h>

#include <string_view>

#include "base/status.h"

namespace fastinet {

/// Sets the Python error that says what `status` says; `status` must not be ok. Needs the GIL. The
/// caller then leaves by its own road: `return NULL`, `throw py::error_already_set()`, or Cython's
/// `except *`.
inline void RaiseStatus(const Status& status) {
  const auto text = [](std::string_view bytes) {
    // Paths and member names are bytes; surrogates carry what is not UTF-8, as in os.fsdecode.
    return PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()),
                                "surrogateescape");
  };
  PyObject* errors = PyImport_ImportModule("fastinet.errors");
  if (errors == nullptr) return;
  // "N" hands the new strings over; a NULL among them makes the call fail with its error set.
  PyObject* exception = PyObject_CallMethod(
      errors, "from_status", "NNNNL", text(StatusCodeName(status.code())), text(status.cause()),
      text(status.archive()), text(status.member()), static_cast<long long>(status.offset_bytes()));
  Py_DECREF(errors);
  if (exception == nullptr) return;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception);
  Py_DECREF(exception);
}

}  // namespace fastinet
