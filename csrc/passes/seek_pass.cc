#include "passes/seek_pass.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/packing.h"
#include "base/room.h"

namespace fastinet {
namespace {

// Inflated at once [bytes]; blocks of photographs are half as long.
constexpr size_t kPieceBytes = size_t{1} << 16;

// Of data that end early: of the archive, of a tar in it, and of what is behind that.
constexpr int kMaxScans = 3;

// Of a saved state's form.
constexpr uint64_t kStateVersion = 1;

}  // namespace

/// The file, of which every byte goes through MD5 when it is read for the first time.
class SeekPass::HashedFile final : public Source {
 public:
  explicit HashedFile(std::unique_ptr<const Source> file) : file_(std::move(file)) {}

  uint64_t size_bytes() const override { return file_->size_bytes(); }

  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override {
    FASTINET_RETURN_IF_ERROR(file_->ReadAt(offset_bytes, out));
    const uint64_t hashed = md5_.length_bytes();
    if (offset_bytes <= hashed && hashed - offset_bytes < out.size()) {
      md5_.Update(Bytes(out).subspan(hashed - offset_bytes));
    }
    return {};
  }

  void Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const override {
    file_->Prefetch(offset_bytes, length_bytes);
  }

  Md5& md5() const { return md5_; }

 private:
  std::unique_ptr<const Source> file_;
  mutable Md5 md5_;  // one thread reads
};

/// The end of the inflated data: what the scanner still has to read, and what the next seek point
/// has to know of the bytes before it.
class SeekPass::RecentData final : public Source {
 public:
  /// Until the end is known, more than it can be.
  uint64_t size_bytes() const override { return ended_ ? end() : kFarthestEnd; }

  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override {
    if (offset_bytes < start_ || offset_bytes > end() || out.size() > end() - offset_bytes) {
      return {StatusCode::kInternal, "the scan asks for inflated data that the pass does not keep"};
    }
    if (!out.empty()) std::memcpy(out.data(), At(offset_bytes), out.size());
    return {};
  }

  void Prefetch(uint64_t /*offset_bytes*/, uint64_t /*length_bytes*/) const override {}

  uint64_t start() const { return start_; }
  uint64_t end() const { return start_ + size_; }
  void End() { ended_ = true; }

  /// The bytes from `offset` to the end.
  Bytes From(uint64_t offset) const { return {At(offset), static_cast<size_t>(end() - offset)}; }

  /// Room for `count` bytes at the end. Those before `needed` may go.
  MutableBytes Room(size_t count, uint64_t needed) {
    if (bytes_.size() - size_ < count) {
      const Bytes kept = From(std::clamp(needed, start_, end()));
      if (!kept.empty()) std::memmove(bytes_.data(), kept.data(), kept.size());
      start_ = end() - kept.size();
      size_ = kept.size();
      // Twice what is kept, so that little is moved for each byte that comes.
      bytes_.resize(std::max(bytes_.size(), 2 * (kept.size() + count)));
    }
    return MutableBytes(bytes_).subspan(size_, count);
  }
  void Grow(size_t count) { size_ += count; }

  void Reset(uint64_t start, Bytes content) {
    bytes_.assign(content.begin(), content.end());
    start_ = start;
    size_ = content.size();
  }

 private:
  // As far as file offsets go, and a multiple of a tar's blocks. It is not kUnknownSize, which
  // tells a scanner to read no further than it must, since reading might have to wait: here
  // the pass has made sure before each step that all that a TarScanner reads ahead is there.
  static constexpr uint64_t kFarthestEnd =
      std::numeric_limits<int64_t>::max() / kTarBlockBytes * kTarBlockBytes;

  const uint8_t* At(uint64_t offset) const { return bytes_.data() + (offset - start_); }

  std::vector<uint8_t> bytes_;
  uint64_t start_ = 0;  // of bytes_, in the inflated data
  size_t size_ = 0;     // how many of bytes_ there are
  bool ended_ = false;
};

Result<std::unique_ptr<SeekPass>> SeekPass::Start(std::unique_ptr<const Source> file,
                                                  std::string_view folder, uint64_t spacing,
                                                  EndMarker end_marker) {
  if (spacing < kMinSeekSpacingBytes) {
    return InvalidArgument("the spacing of seek points is " + std::to_string(spacing) +
                           " bytes; the least is " + std::to_string(kMinSeekSpacingBytes));
  }
  return std::unique_ptr<SeekPass>(new SeekPass(std::move(file), folder, spacing, end_marker));
}

SeekPass::SeekPass(std::unique_ptr<const Source> file, std::string_view folder, uint64_t spacing,
                   EndMarker end_marker)
    : spacing_(spacing),
      file_(std::make_unique<HashedFile>(std::move(file))),
      recent_(std::make_unique<RecentData>()),
      inflater_(*file_, &builder_),
      scanner_(*recent_, folder, Concatenated::kRefused, end_marker) {}

SeekPass::~SeekPass() = default;

uint64_t SeekPass::size_bytes() const { return file_->size_bytes(); }
uint64_t SeekPass::position_bytes() const { return inflater_.position_bytes(); }
uint64_t SeekPass::inflated_bytes() const { return inflater_.point().offset; }
Md5::Digest SeekPass::md5() const { return file_->md5().digest(); }

Status SeekPass::Step(uint64_t compressed_bytes) {
  if (broken_) return Status::OutOfMemory("the pass ran out of memory before");
  broken_ = true;
  Status status = GoOn(compressed_bytes);               // may throw
  broken_ = status.code() == StatusCode::kOutOfMemory;  // told, or thrown: it is half done
  return status;
}

Status SeekPass::GoOn(uint64_t compressed_bytes) {
  const uint64_t enough = position_bytes() + compressed_bytes;
  while (!inflater_.done() && position_bytes() < enough) {
    if (Status inflated = Inflate(); !inflated.ok()) {
      ScanToDamage();
      return inflated;
    }
    FASTINET_RETURN_IF_ERROR(Scan());
    if (inflater_.at_block() && inflater_.point().offset >= next_point_) {
      FASTINET_RETURN_IF_ERROR(BeginPoint());
    }
  }
  return inflater_.done() && !done_ ? Finish() : Status();
}

Status SeekPass::Inflate() {
  const uint64_t history = recent_->end() - std::min<uint64_t>(recent_->end(), kDeflateWindowBytes);
  const MutableBytes room =
      recent_->Room(kPieceBytes, std::min(history, scanner_.position_bytes()));
  size_t produced = 0;
  Status status = inflater_.Next(room, true, &produced);
  recent_->Grow(produced);
  return status;
}

/// Takes the scan as far as the data go.
Status SeekPass::Scan() {
  while (!scanner_.done()) {
    const uint64_t position = scanner_.position_bytes(), end = recent_->end();
    if (recent_->size_bytes() != end) {
      if (position > end) return {};
      if (end - position < TarScanner::kReachBytes) return {};
    }
    if (Status status = scanner_.Step(1); !status.ok()) {
      return Status(status.code(), "in the inflated data: " + std::string(status.cause()))
          .InMember(status.member())
          .AtOffset(status.offset_bytes());
    }
  }
  return {};
}

/// Finds what came before the damage of the gzip data, for Rest().
void SeekPass::ScanToDamage() {
  recent_->End();
  // The tar is cut there, and so is an inner one, of which the scan lists what it has when it is
  // told to go on.
  for (int scan = 0; scan < kMaxScans && !Scan().ok(); ++scan) scanner_.Recover();
}

/// From where on the block after a point at `offset` is to be one: a little before the next
/// multiple of the spacing. A blocked epoch reads the items that begin between two multiples at
/// once, and so enters at a point of their own, having inflated next to nothing that others inflate
/// too.
uint64_t SeekPass::NextPoint(uint64_t offset) const {
  const uint64_t before = spacing_ / 8;  // 64 KiB; a deflate block of photographs has some 35 KB
  const uint64_t regular = ((offset + before) / spacing_ + 1) * spacing_ - before;
  return std::max<uint64_t>(regular, offset + kMinSeekSpacingBytes);
}

Status SeekPass::BeginPoint() {
  const InflatePoint& point = inflater_.point();
  const auto history =
      static_cast<size_t>(std::min<uint64_t>(kDeflateWindowBytes, point.member_bytes));
  FASTINET_RETURN_IF_ERROR(builder_.Begin(point, recent_->From(point.offset - history)));
  next_point_ = NextPoint(point.offset);
  Collect(Save());
  return {};
}

Status SeekPass::Finish() {
  recent_->End();
  FASTINET_RETURN_IF_ERROR(Scan());
  FASTINET_RETURN_IF_ERROR(builder_.Finish());
  Collect({});
  done_ = true;
  return {};
}

/// Moves what was found into the part, and makes its state `state`, which is that of now. Where
/// memory runs out the part stays as it was, whose state knows nothing of what is new: it is kept
/// for a later pass.
void SeekPass::Collect(std::vector<uint8_t> state) {
  SeekColumns& points = builder_.points();
  SeekColumns& to = part_.points;
  MakeRoom(to.bit_offsets, points.bit_offsets.size());
  MakeRoom(to.offsets, points.offsets.size());
  MakeRoom(to.window_sizes, points.window_sizes.size());
  MakeRoom(to.windows, points.windows.size());
  part_.members.Append(scanner_.TakeMembers());  // the last that may fail
  const auto append = [](auto& column, const auto& more) {
    column.insert(column.end(), more.begin(), more.end());
  };
  append(to.bit_offsets, points.bit_offsets);
  append(to.offsets, points.offsets);
  append(to.window_sizes, points.window_sizes);
  append(to.windows, points.windows);
  points = {};
  part_.state = std::move(state);
}

std::vector<uint8_t> SeekPass::Save() const {
  const InflatePoint& point = inflater_.point();
  // The scan may be behind, and asks for what follows it; a point, for the window before it.
  const uint64_t needed =
      std::min(scanner_.position_bytes(),
               point.offset - std::min<uint64_t>(point.offset, kDeflateWindowBytes));
  const uint64_t start = std::clamp(needed, recent_->start(), recent_->end());
  Packer packer;
  packer.Put(kStateVersion);
  packer.Put(spacing_);
  packer.Put(point.bit_offset);
  packer.Put(point.offset);
  packer.Put(uint64_t{point.crc});
  packer.Put(point.member_bytes);
  packer.Put(Bytes(file_->md5().Save()));
  packer.Put(Bytes(scanner_.Save()));
  packer.Put(recent_->From(start));
  return packer.Take();
}

Status SeekPass::Resume(Bytes state, std::vector<std::string> container_names) {
  Unpacker unpacker(state);
  const bool same_form = unpacker.Number() == kStateVersion && unpacker.Number() == spacing_;
  InflatePoint point{.bit_offset = unpacker.Number(), .offset = unpacker.Number(), .checked = true};
  point.crc = static_cast<uint32_t>(unpacker.Number());
  point.member_bytes = unpacker.Number();
  const Bytes md5 = unpacker.ReadBytes(), scan = unpacker.ReadBytes(),
              content = unpacker.ReadBytes();
  const size_t history =
      static_cast<size_t>(std::min<uint64_t>(kDeflateWindowBytes, point.member_bytes));
  if (!same_form || !unpacker.at_end() || content.size() < history ||
      content.size() > point.offset || point.bit_offset / 8 >= file_->size_bytes()) {
    return Corrupt("the saved state of the pass is damaged");
  }
  FASTINET_RETURN_IF_ERROR(file_->md5().Restore(md5));
  FASTINET_RETURN_IF_ERROR(scanner_.Restore(scan, std::move(container_names)));
  recent_->Reset(point.offset - content.size(), content);
  FASTINET_RETURN_IF_ERROR(inflater_.StartAt(point, content.last(history)));
  return BeginPoint();
}

TarMembers SeekPass::Rest() { return broken_ ? TarMembers() : scanner_.TakeMembers(); }

SeekPart SeekPass::Take() {
  std::vector<uint8_t> state = part_.state;  // which may fail, before anything is taken
  return std::exchange(part_, SeekPart{.points = {}, .members = {}, .state = std::move(state)});
}

}  // namespace fastinet
