// Ownership of things that have threads, in a process that may fork.
#pragma once

#include <unistd.h>

#include <memory>
#include <utility>

namespace fastinet {

/// Shares `object` so that only the process that made it destroys it.
///
/// fork() copies the memory but not the threads: a child that joined its parent's workers, or took
/// a lock that one of them held, would wait forever. It abandons the object instead.
template <class T>
std::shared_ptr<T> ShareWithinProcess(std::unique_ptr<T> object) {
  const pid_t owner = getpid();
  return std::shared_ptr<T>(object.release(), [owner](T* pointer) {
    if (getpid() == owner) delete pointer;
  });
}

}  // namespace fastinet
