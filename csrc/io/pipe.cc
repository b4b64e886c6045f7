#include "io/pipe.h"

#include <fcntl.h>
#include <unistd.h>

namespace fastinet {

bool OpenPipe(std::array<int, 2>& ends) noexcept {
#ifdef __APPLE__  // which has no pipe2: a program that is started just here inherits the ends
  if (::pipe(ends.data()) != 0) return false;
  for (const int end : ends) {
    (void)::fcntl(end, F_SETFD, FD_CLOEXEC);
    (void)::fcntl(end, F_SETFL, O_NONBLOCK);
  }
  return true;
#else
  return ::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0;
#endif
}

}  // namespace fastinet
