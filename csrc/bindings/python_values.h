// Values and calls between pybind11 and the core: columns, texts, statuses, the GIL.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "bindings/let_go.h"
#include "bindings/raise_status.h"

namespace fastinet {

namespace py = pybind11;

/// An argument that Python gives as an array of any type or a sequence: converted to a contiguous
/// array of T.
template <class T>
using Column = py::array_t<T, py::array::c_style | py::array::forcecast>;

/// The elements of `column`, valid as long as it is.
template <class T>
std::span<const T> View(const Column<T>& column) {
  return {column.data(), static_cast<size_t>(column.size())};
}

/// An array with a copy of `values`.
template <class T>
Column<T> ColumnOf(const std::vector<T>& values) {
  return Column<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

/// Raises the Python exception that `status`, a failure, stands for.
[[noreturn]] inline void Raise(const Status& status) {
  RaiseStatus(status);
  throw py::error_already_set();
}

/// Raises unless `status` is ok.
inline void Check(const Status& status) {
  if (!status.ok()) Raise(status);
}

/// The value of `result`; raises where there is none.
template <class T>
T Unwrap(Result<T> result) {
  Check(result.status());
  return std::move(result).value();
}

/// `bytes` as a Python text. Paths and names may hold bytes that are no UTF-8, which Python writes
/// as surrogates.
inline py::str Text(std::string_view bytes) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "surrogateescape"));
}

/// (code, cause, archive, offset), for whoever makes an exception of it later.
inline py::tuple PartsOf(const Status& status) {
  return py::make_tuple(Text(StatusCodeName(status.code())), Text(status.cause()),
                        Text(status.archive()), status.offset_bytes());
}

/// The bytes that Text() has made `text` of.
inline std::string TextBytes(const py::object& text) {
  const auto bytes = py::reinterpret_steal<py::bytes>(
      PyUnicode_AsEncodedString(py::str(text).ptr(), "utf-8", "surrogateescape"));
  if (!bytes) throw py::error_already_set();
  return bytes;
}

/// Result of `work`, which runs without the GIL and must not touch Python objects.
///
/// py::gil_scoped_release would take the GIL back in its destructor. When the interpreter is about
/// to end, CPython answers a daemon thread that asks for the GIL by unwinding it (pthread_exit),
/// and unwinding out of a destructor aborts the process. Out of this function it harms nobody.
template <class Work>
auto WithoutGil(const Work& work) {
  std::optional<decltype(work())> result;
  std::exception_ptr error;
  PyThreadState* const thread = PyEval_SaveThread();
  try {
    result = work();
  } catch (const std::exception&) {
    error = std::current_exception();
  }
  PyEval_RestoreThread(thread);
  DropLetGo();
  if (error) std::rethrow_exception(error);
  return *std::move(result);
}

}  // namespace fastinet
