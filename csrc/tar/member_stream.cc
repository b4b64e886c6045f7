#include "tar/member_stream.h"

namespace fastinet {

Result<bool> MemberStream::Next() {
  scanner_.ForgetMembers();
  const TarMembers& found = scanner_.members();
  while (found.count() == 0) {
    if (scanner_.done()) return false;
    FASTINET_RETURN_IF_ERROR(scanner_.Step(1));
  }
  member_ = {found.names, found.offsets[0], found.sizes[0], found.heads[0]};
  return true;
}

}  // namespace fastinet
