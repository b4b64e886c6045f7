#include "io/owners.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <vector>

namespace fastinet {
namespace {

constexpr const char* kVariable = "FASTINET_TRUSTED_OWNERS";

Status Unknown(const std::string& path) {
  return Status(StatusCode::kIo, "cannot stat: " + std::generic_category().message(errno))
      .InArchive(path);
}

/// The user's name; the number where there is none.
std::string NameOf(uint32_t user) {
  std::vector<char> room(size_t{1} << 14);
  struct passwd entry;
  struct passwd* found = nullptr;
  const bool is_known =
      ::getpwuid_r(user, &entry, room.data(), room.size(), &found) == 0 && found != nullptr;
  return is_known ? std::string(entry.pw_name) : std::to_string(user);
}

/// Whether the environment names `wanted`, with commas between names.
bool IsNamed(std::string_view wanted) {
  const char* const given = std::getenv(kVariable);  // NOLINT(concurrency-mt-unsafe): as all do
  std::string_view rest = given == nullptr ? "" : given;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    std::string_view name = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (name == wanted) return true;
  }
  return false;
}

bool IsBelieved(uint32_t user, std::span<const Ownership> archives) {
  if (user == 0 || user == ::geteuid()) return true;
  const auto is_theirs = [user](const Ownership& archive) { return archive.user == user; };
  if (!archives.empty() && std::ranges::all_of(archives, is_theirs)) return true;
  return IsNamed("*") || IsNamed(std::to_string(user)) || IsNamed(NameOf(user));
}

}  // namespace

Result<Ownership> OwnershipOf(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return Unknown(path);
  return Ownership{.user = info.st_uid, .everybody = (info.st_mode & S_IWOTH) != 0};
}

Status CheckOwner(const File& sidecar, std::span<const Ownership> archives) {
  struct stat info;
  if (::stat(sidecar.path().c_str(), &info) != 0) return Unknown(sidecar.path());
  if (static_cast<uint64_t>(info.st_dev) != sidecar.stamp().device ||
      static_cast<uint64_t>(info.st_ino) != sidecar.stamp().inode) {
    return Status(StatusCode::kIo, "it was replaced while it was opened; open it again")
        .InArchive(sidecar.path());
  }
  if (!IsBelieved(info.st_uid, archives)) {
    const std::string name = NameOf(info.st_uid);
    return Unsupported("it belongs to the user " + name +
                       ", who is neither you nor the owner of the archive, and is not believed (" +
                       kVariable + "=" + name + " allows it)")
        .InArchive(sidecar.path());
  }
  const bool is_for_everybody = (info.st_mode & S_IWOTH) != 0;
  if (is_for_everybody && !IsNamed("*") &&
      (archives.empty() || !std::ranges::all_of(archives, &Ownership::everybody))) {
    return Unsupported(std::string("it can be written by everybody, which the archive cannot, and "
                                   "is not believed (`chmod o-w`, or ") +
                       kVariable + "=*, allows it)")
        .InArchive(sidecar.path());
  }
  return {};
}

}  // namespace fastinet
