#include "index/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace fastinet {

Result<std::unique_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  const auto failure = [&](const char* what, int number) {
    const bool missing = number == ENOENT || number == ENOTDIR;
    return Status(missing ? StatusCode::kMissing : StatusCode::kIo,
                  what + std::generic_category().message(number))
        .InArchive(path);
  };
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return failure("cannot open: ", errno);
  struct stat info{};
  if (fstat(descriptor, &info) != 0) {
    const int number = errno;
    close(descriptor);
    return failure("cannot stat: ", number);
  }
  if (!S_ISREG(info.st_mode)) {
    close(descriptor);
    return Unsupported("not a regular file").InArchive(path);
  }
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) {  // which cannot be mapped
    close(descriptor);
    return std::unique_ptr<const MappedFile>(new MappedFile({}));
  }
  void* const memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  const int number = errno;
  close(descriptor);
  if (memory == MAP_FAILED) return failure("cannot map: ", number);
  return std::unique_ptr<const MappedFile>(
      new MappedFile({static_cast<const uint8_t*>(memory), size}));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace fastinet
