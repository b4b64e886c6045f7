#include "stream/arrived_names.h"

#include <algorithm>
#include <utility>

#include "tar/member_name.h"

namespace fastinet {
namespace {

constexpr size_t kFirstSlots = size_t{1} << 10;  // a power of two, as all sizes of the table are

// As many links in a row as Linux follows.
constexpr int kMostHops = 40;

uint64_t KeyOf(std::string_view name) { return std::max<uint64_t>(HashOfName(name), 1); }

/// The slot that has `key`, or the free one where it belongs.
size_t SlotOf(const std::vector<uint64_t>& table, uint64_t key) {
  const size_t mask = table.size() - 1;
  size_t slot = static_cast<size_t>(key) & mask;
  while (table[slot] != 0 && table[slot] != key) slot = (slot + 1) & mask;
  return slot;
}

}  // namespace

bool ArrivedNames::Add(std::string_view name) {
  if (4 * (count_ + 1) > 3 * table_.size()) Grow();
  const uint64_t key = KeyOf(name);
  uint64_t& slot = table_[SlotOf(table_, key)];
  if (slot == key) return false;
  slot = key;
  ++count_;
  return true;
}

bool ArrivedNames::Has(std::string_view name) const {
  if (table_.empty()) return false;
  const uint64_t key = KeyOf(name);
  return table_[SlotOf(table_, key)] == key;
}

bool ArrivedNames::AddLink(const PassedEntry& link) {
  if (!Add(link.name)) return false;
  links_.emplace(link.name, link);
  return true;
}

std::vector<ArrivedNames::Link> ArrivedNames::Links() const {
  std::vector<Link> links;
  links.reserve(links_.size());
  for (const auto& [name, link] : links_) {
    links.push_back({name, link.offset, MayBeMember(PointedTo(name, link.target))});
  }
  return links;
}

bool ArrivedNames::MayBeMember(std::string target) const {
  for (int hops = 0; hops < kMostHops && !target.empty(); ++hops) {
    const auto next = links_.find(target);
    if (next == links_.end()) {
      if (Has(target)) return true;
      // In a folder of leftovers, whose members count under the link's name.
      const size_t end = JunkEnd(target);
      if (end != 0 && Has(target.substr(0, end) + "/")) return true;
      // By way of a link to a folder it may be anything.
      for (size_t slash = target.find('/'); slash != std::string::npos;
           slash = target.find('/', slash + 1)) {
        if (links_.contains(std::string_view(target).substr(0, slash))) return true;
      }
      return false;
    }
    target = PointedTo(next->first, next->second.target);
  }
  return false;
}

void ArrivedNames::Clear() {
  std::fill(table_.begin(), table_.end(), 0);
  count_ = 0;
  links_.clear();
}

void ArrivedNames::Grow() {
  std::vector<uint64_t> larger(std::max(kFirstSlots, 2 * table_.size()));
  for (const uint64_t key : table_) {
    if (key != 0) larger[SlotOf(larger, key)] = key;
  }
  table_ = std::move(larger);
}

std::string PointedTo(std::string_view name, std::string_view target) {
  if (target.starts_with('/')) return {};
  const size_t slash = name.rfind('/');
  std::string joined(slash == std::string_view::npos ? "" : name.substr(0, slash + 1));
  joined.append(target);
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin < joined.size();) {
    const size_t end = std::min(joined.find('/', begin), joined.size());
    const std::string_view part = std::string_view(joined).substr(begin, end - begin);
    if (part == "..") {
      if (parts.empty()) return {};
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    begin = end + 1;
  }
  std::string path;
  for (const std::string_view part : parts) {
    if (!path.empty()) path.push_back('/');
    path.append(part);
  }
  return path;
}

}  // namespace fastinet
