// Room for what is to be appended to several containers, so that all of them get it or none.
#pragma once

#include <algorithm>
#include <cstddef>

namespace fastinet {

/// Lets `count` more elements be appended to `container`, a vector or a string, without an
/// allocation. Where it must grow it doubles, so that many calls copy each element a few times.
template <class Container>
void MakeRoom(Container& container, size_t count) {
  if (container.capacity() - container.size() >= count) return;
  container.reserve(std::max(2 * container.capacity(), container.size() + count));
}

}  // namespace fastinet
