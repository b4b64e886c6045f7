// The names in a tar that have arrived, and what its links make of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tar/scan.h"

namespace fastinet {

/// The names of one tar as it arrives. An opened archive reads a link as the member that it points
/// to, and of several members of one name the last. A stream can do neither, since the bytes have
/// gone by; so it has to know when it comes to that.
///
/// A name is kept as a hash of 64 bits, in a table of up to twice as many: 16 MB for the 1.28
/// million names of ImageNet-1K. Among 14 million, all of ImageNet-21K, two share a hash once in
/// 200,000 times.
class ArrivedNames {
 public:
  /// Adds the name of a member, or of an inner tar; false if it has been there.
  bool Add(std::string_view name);
  bool Has(std::string_view name) const;

  /// Adds a symbolic link, and with it a name; false if that has been there.
  bool AddLink(const PassedEntry& link);

  struct Link {
    std::string name;
    uint64_t offset;  // [bytes]
    bool is_member;   // whether what it points to may be a member
  };
  /// The links, by name, once the tar is over.
  std::vector<Link> Links() const;

  /// Forgets all: another tar begins.
  void Clear();

 private:
  bool MayBeMember(std::string target) const;
  void Grow();

  std::vector<uint64_t> table_;  // open addressing; 0: free
  size_t count_ = 0;
  std::map<std::string, PassedEntry, std::less<>> links_;
};

/// Where the symbolic link `name` with this `target` points to, as a name in the tar; "" where that
/// is outside, or the top.
std::string PointedTo(std::string_view name, std::string_view target);

}  // namespace fastinet
