// The members of a tar that arrives as a stream, one by one, with their content.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "base/forward_source.h"
#include "tar/scan.h"

namespace fastinet {

/// A member whose header has just gone by.
struct StreamedMember {
  std::string name;     // inner tars count as folders, see TarMembers
  uint64_t offset = 0;  // of its first content byte in the stream [bytes]
  uint64_t size = 0;    // [bytes]
  TarMembers::Head head{};
  std::string inner_tar;  // that it is in, as the outer tar spells it: "n01440764.tar"; "": none
};

/// What has gone by before a member and is no member.
struct StreamedAside {
  std::optional<PassedEntry> passed;  // nothing where an inner tar has begun
  std::string inner_tar;              // the one that has begun, or that `passed` is in; "": none
  uint64_t offset = 0;                // in the stream [bytes]
  uint64_t tar = 0;                   // that it is in: how many had ended before
};

/// What was odd about the tars, in memory that does not grow: of each kind how often, and the first.
struct TarNotes {
  std::array<uint64_t, kTarNoteKinds> counts{};
  std::vector<TarNote> first;  // one of each kind that there was

  void Add(const TarNote& note) {
    if (counts[static_cast<size_t>(note.kind)]++ == 0) first.push_back(note);
  }
};

/// Walks a tar as it arrives, as strictly as TarScanner walks a file, and further tars behind it.
class MemberStream {
 public:
  /// `stream` must outlive this. Names start with `folder` and a slash unless it is empty.
  MemberStream(ByteStream& stream, std::string_view folder,
               EndMarker end_marker = EndMarker::kRequired)
      : source_(stream), scanner_(source_, folder, Concatenated::kFollowed, end_marker) {}

  /// Goes to the next member; false at the archive's end, which has then been seen to be complete.
  Result<bool> Next();
  /// Of the member that Next() went to.
  const StreamedMember& member() const { return member_; }
  /// Its content. At most once for each member.
  Result<std::vector<uint8_t>> ReadContent();

  /// How many of the tars, one behind the other, have come to their end-of-archive markers.
  uint64_t tars_ended() const { return tars_ended_; }

  /// What has gone by between the member before and the one that Next() went to, or the end.
  const std::vector<StreamedAside>& asides() const { return asides_; }

  /// What was odd so far.
  const TarNotes& notes() const { return notes_; }

 private:
  void TakeAsides();
  Status ReadInto(std::vector<uint8_t>* content);

  ForwardSource source_;
  TarScanner scanner_;
  StreamedMember member_;
  std::vector<StreamedAside> asides_;
  TarNotes notes_;
  size_t containers_ = 0;    // that have been told
  bool behind_end_ = false;  // of the tar that the walk is in
  uint64_t tars_ended_ = 0;
};

}  // namespace fastinet
