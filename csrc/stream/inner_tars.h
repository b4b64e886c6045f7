// Which inner tars of a stream count.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "tar/member_stream.h"

namespace fastinet {

/// Says of the inner tars of a stream whether they count. A class tar, "n01440764.tar", always
/// does. Another one does not where images lie in none: those may be what it was extracted to, and
/// a folder with both is read without it, too (fastinet/datasets/inner_tars.py has the rule). What
/// has gone by cannot be taken back, so that an image in none behind one in such a tar is an error.
class InnerTars {
 public:
  /// Whether what is in `tar` counts; "" is no inner tar.
  bool Counts(std::string_view tar) const;

  /// Takes note of an image that counts, which is of the split that is `wanted` or not.
  /// kUnsupported where it shows that images that have gone by should not have counted.
  Status Take(const StreamedMember& image, bool wanted);

 private:
  std::string first_;     // of the images taken from a tar that is no class tar
  std::string tar_;       // that it was in
  bool outside_ = false;  // an image has come that is in none
};

}  // namespace fastinet
