// The items of streams for Python one by one, as encoded bytes.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <optional>
#include <utility>

#include "bindings/python_values.h"
#include "engine/fork_safe.h"
#include "item/item_bytes.h"
#include "stream/descriptor_input.h"
#include "stream/item_stream.h"

namespace fastinet {

/// What came beside the item's image: [(extension, content, or None if it is too large), ...].
inline py::list CompanionsOf(const StreamItem& item) {
  py::list companions;
  for (const Companion& companion : item.companions) {
    py::object content = py::none();
    if (!companion.is_too_large) {
      content =
          py::bytes(reinterpret_cast<const char*>(companion.bytes.data()), companion.bytes.size());
    }
    companions.append(py::make_tuple(Text(companion.extension), content));
  }
  return companions;
}

inline py::list Texts(const std::vector<std::string>& texts) {
  py::list list;
  for (const std::string& text : texts) list.append(Text(text));
  return list;
}

/// What was odd, of each kind: [(number of the kind, how often, name, offset of the first), ...].
inline py::list NotesOf(const TarNotes& notes) {
  py::list list;
  for (const TarNote& note : notes.first) {
    const auto kind = static_cast<size_t>(note.kind);
    list.append(py::make_tuple(kind, notes.counts[kind], Text(note.name), note.offset));
  }
  return list;
}

/// The items of a stream one by one, as they are: what looks at an archive and does not train.
class PyStreamItems {
 public:
  PyStreamItems(int descriptor, const py::bytes& name, const ItemRules& rules, int64_t max_pixels)
      : input_(ShareWithinProcess(Unwrap(DescriptorInput::Make(descriptor, name)))),
        rules_(rules),
        max_bytes_(MaxItemBytes(max_pixels)) {}

  /// (key, companions as in StreamEpoch, size, bytes), or None at the end. The bytes of an item
  /// that has more than `max_pixels` allows are left out. Blocks until there is one, or until
  /// Interrupt() is called.
  py::object Next() {
    Result<std::optional<StreamItem>> found = WithoutGil([&] { return Read(); });
    if (!found.ok()) Check(Status(found.status()).InArchive(input_->name()));
    if (!found.value()) return py::none();
    const StreamItem& item = *found.value();
    return py::make_tuple(
        Text(item.key), CompanionsOf(item), item.size,
        py::bytes(reinterpret_cast<const char*>(item.bytes.data()), item.bytes.size()));
  }

  void Interrupt() { input_->Interrupt(); }
  /// First bytes of the stream, after Next() has read some.
  py::bytes Head() const {
    const Bytes head = input_->head();
    return {reinterpret_cast<const char*>(head.data()), head.size()};
  }
  uint64_t Skipped() const { return items_ ? items_->skipped() : 0; }
  py::list SkippedNames() const { return items_ ? Texts(items_->skipped_names()) : py::list(); }
  py::list Notes() const { return items_ ? NotesOf(items_->notes()) : py::list(); }

 private:
  Result<std::optional<StreamItem>> Read() {
    if (!items_) {
      FASTINET_ASSIGN_OR_RETURN(ByteStream* const stream, input_->Open());
      items_ = std::make_unique<ItemStream>(*stream, max_bytes_, rules_);
    }
    return items_->Next();
  }

  const std::shared_ptr<StreamInput> input_;
  const ItemRules rules_;
  const uint64_t max_bytes_;
  std::unique_ptr<ItemStream> items_;
};

}  // namespace fastinet
