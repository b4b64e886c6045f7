#include "tar/member_stream.h"

#include <algorithm>
#include <utility>

namespace fastinet {
namespace {

// [bytes] More than nearly all images have. Memory for more is taken as the bytes arrive, since a
// header's word for the size may be all there is.
constexpr uint64_t kFirstBytes = uint64_t{4} << 20;

}  // namespace

Result<bool> MemberStream::Next() {
  scanner_.ForgetMembers();
  asides_.clear();
  const TarMembers& found = scanner_.members();
  while (found.count() == 0) {
    if (scanner_.done()) return false;
    FASTINET_RETURN_IF_ERROR(scanner_.Step(1));
    TakeAsides();
    if (scanner_.behind_end() && !behind_end_) ++tars_ended_;
    behind_end_ = scanner_.behind_end();
  }
  member_ = {found.names, found.offsets[0], found.sizes[0], found.heads[0],
             std::string(scanner_.inner_tar())};
  return true;
}

/// Takes what the last step has found beside members.
void MemberStream::TakeAsides() {
  const TarMembers& found = scanner_.members();
  for (; containers_ < found.container_names.size(); ++containers_) {
    const std::string& name = found.container_names[containers_];
    if (name.ends_with('/')) continue;  // a directory
    asides_.push_back({{}, name, scanner_.position_bytes(), tars_ended_});
  }
  for (const PassedEntry& entry : found.passed) {
    asides_.push_back({entry, std::string(scanner_.inner_tar()), entry.offset, tars_ended_});
  }
  for (const TarNote& note : found.notes) notes_.Add(note);
  scanner_.ForgetPassed();
}

Result<std::vector<uint8_t>> MemberStream::ReadContent() {
  std::vector<uint8_t> content;
  Status status = ReadInto(&content);
  if (status.ok()) return content;
  // Where the stream has ended the member is cut, or the tar that it is in.
  FASTINET_RETURN_IF_ERROR(scanner_.CheckCut());
  return std::move(status).InMember(member_.name);
}

Status MemberStream::ReadInto(std::vector<uint8_t>* content) {
  while (content->size() < member_.size) {
    const uint64_t begin = content->size();
    content->resize(std::min(member_.size, std::max(kFirstBytes, 2 * begin)));
    FASTINET_RETURN_IF_ERROR(
        source_.ReadAt(member_.offset + begin, MutableBytes(*content).subspan(begin)));
  }
  return {};
}

}  // namespace fastinet
