// Memory for zlib's streams, asked for as all else in the core asks for it.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <new>

namespace fastinet {

/// Lets `stream`, before its init, take memory from operator new in place of malloc: where that
/// fails in a test, zlib meets it, too.
inline void UseOperatorNew(z_stream& stream) {
  stream.zalloc = [](voidpf /*self*/, uInt count, uInt size) noexcept -> voidpf {
    return ::operator new(std::size_t{count} * size, std::nothrow);
  };
  stream.zfree = [](voidpf /*self*/, voidpf memory) noexcept { ::operator delete(memory); };
}

}  // namespace fastinet
