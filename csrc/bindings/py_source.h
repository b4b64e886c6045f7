// Sources for Python: archives opened for reading, handed to item tables and read by one-shot
// calls.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "base/checked.h"
#include "bindings/python_values.h"
#include "columns/item_table.h"
#include "engine/fork_safe.h"
#include "gzip/gzip_source.h"
#include "io/archive_file.h"
#include "io/file.h"
#include "io/folder.h"

namespace fastinet {

/// What a file must be, as Python has it (fastinet.sidecars.identity.Bound.native): size, probe,
/// blocks and samples of its identity; device, inode and the two times of its stamp.
using ExpectedFile =
    std::tuple<uint64_t, std::string, std::string, py::bytes, uint64_t, uint64_t, int64_t, int64_t>;

/// A source, its name for messages, and the arrays that it borrows.
class PySource {
 public:
  static std::shared_ptr<PySource> OpenFile(const py::bytes& path, bool briefly,
                                            const std::optional<ExpectedFile>& expected) {
    const std::string name = path;
    return std::make_shared<PySource>(OpenArchive{name, OpenSource(name, briefly, expected)});
  }

  static std::shared_ptr<PySource> OpenDescriptor(int descriptor, const py::bytes& path) {
    const std::string name = path;
    return std::make_shared<PySource>(
        OpenArchive{name, Unwrap(File::OfDescriptor(descriptor, name))});
  }

  static std::shared_ptr<PySource> OpenFolder(const py::bytes& path, const Column<uint8_t>& names,
                                              const Column<uint64_t>& name_ends,
                                              const Column<uint64_t>& offsets,
                                              const Column<uint64_t>& sizes) {
    const std::string name = path;
    const FolderFiles files{View(names), View(name_ends), View(offsets), View(sizes)};
    auto opened = std::make_shared<PySource>(
        OpenArchive{name, Unwrap(WithoutGil([&] { return Folder::Open(name, files); }))});
    opened->borrowed_ = py::make_tuple(names, name_ends, offsets, sizes);
    return opened;
  }

  static std::shared_ptr<PySource> OpenGzip(
      const py::bytes& path, const Column<uint64_t>& bit_offsets, const Column<uint64_t>& offsets,
      const Column<uint64_t>& window_starts, const Column<uint32_t>& window_sizes,
      const Column<uint8_t>& windows, uint64_t size_bytes, uint64_t cache_bytes, bool briefly,
      const std::optional<ExpectedFile>& expected) {
    const std::string name = path;
    const SeekPoints points{.bit_offsets = View(bit_offsets),
                            .offsets = View(offsets),
                            .window_starts = View(window_starts),
                            .window_sizes = View(window_sizes),
                            .windows = View(windows),
                            .size_bytes = size_bytes};
    std::unique_ptr<const Source> file = OpenSource(name, briefly, expected);
    Result<std::unique_ptr<GzipSource>> source =
        WithoutGil([&] { return GzipSource::Make(std::move(file), points, cache_bytes); });
    if (!source.ok()) Check(Status(source.status()).InArchive(name));
    auto opened = std::make_shared<PySource>(
        OpenArchive{name, ShareWithinProcess(std::move(source).value())});
    opened->borrowed_ = py::make_tuple(bit_offsets, offsets, window_starts, window_sizes, windows);
    return opened;
  }

  explicit PySource(OpenArchive archive) : archive_(std::move(archive)) {}

  const OpenArchive& archive() const { return archive_; }
  uint64_t size_bytes() const { return archive_.source->size_bytes(); }

  /// Bytes [offset, offset + size); an error's offset is one in the file.
  py::bytes Read(uint64_t offset, uint64_t size) const {
    const std::optional<uint64_t> end = CheckedAdd(offset, size);
    if (!end || *end > size_bytes()) {
      Check(Status(StatusCode::kIo, "the archive has " + std::to_string(size_bytes()) +
                                        " bytes: it was cut since it was indexed")
                .InArchive(archive_.name)
                .AtOffset(static_cast<int64_t>(size_bytes())));
    }
    const auto check = [&](Status status) {
      Check(std::move(status)
                .ShiftOffset(static_cast<int64_t>(archive_.source->OffsetInFile(offset)) -
                             static_cast<int64_t>(offset))
                .InArchive(archive_.name));
    };
    if (size > kUncheckedBytes) {
      check(WithoutGil([&] { return archive_.source->CheckRead(offset, size); }));
    }
    auto bytes = py::reinterpret_steal<py::bytes>(
        PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
    if (!bytes) throw py::error_already_set();
    const MutableBytes out(reinterpret_cast<uint8_t*>(PyBytes_AS_STRING(bytes.ptr())), size);
    // Nobody else knows the new bytes yet, and the caller holds a reference to the source.
    check(WithoutGil([&] { return archive_.source->ReadAt(offset, out); }));
    return bytes;
  }

 private:
  /// Reads of more are checked before memory is taken for them: a folder is asked on the disk.
  static constexpr uint64_t kUncheckedBytes = uint64_t{1} << 26;

  /// The file, which `briefly` opens for each read and not for good. Where it lies on a network
  /// that may take a while.
  static std::unique_ptr<const Source> OpenSource(const std::string& path, bool briefly,
                                                  const std::optional<ExpectedFile>& expected) {
    std::unique_ptr<ArchiveFile> file =
        Unwrap(WithoutGil([&] { return ArchiveFile::Open(path, briefly); }));
    if (expected) {
      const auto& [size, probe, blocks, samples, device, inode, modified_ns, changed_ns] =
          *expected;
      Identity identity{.name = {},
                        .size_bytes = size,
                        .probe = probe,
                        .blocks = blocks,
                        .names = {},
                        .samples = samples};
      const FileStamp stamp{.device = device,
                            .inode = inode,
                            .size_bytes = size,
                            .modified_ns = modified_ns,
                            .changed_ns = changed_ns};
      Check(WithoutGil([&] { return file->Expect(std::move(identity), stamp); }));
    }
    return file;
  }

  OpenArchive archive_;
  py::object borrowed_;
};

}  // namespace fastinet
