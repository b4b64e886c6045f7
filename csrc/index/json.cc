#include "index/json.h"

#include <cstddef>

#include "base/checked.h"

namespace fastinet {
namespace {

constexpr int kMostLevels = 32;
// ImageNet-21K as 19,167 class tars has some 150,000; each takes 150 bytes.
constexpr size_t kMostValues = size_t{1} << 21;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Json> Whole() {
    Json value;
    FASTINET_RETURN_IF_ERROR(Value(0, &value));
    SkipSpace();
    if (at_ != text_.size()) return Wrong("there is more than one value");
    return value;
  }

 private:
  Status Wrong(const char* cause) const {
    return Corrupt(std::string("it is no JSON: ") + cause).AtOffset(static_cast<int64_t>(at_));
  }
  bool AtEnd() const { return at_ == text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  bool Take(char wanted) {
    if (Peek() != wanted || AtEnd()) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void SkipSpace() {
    while (Peek() == ' ' || Peek() == '\n' || Peek() == '\t' || Peek() == '\r') ++at_;
  }

  Status Value(int level, Json* value) {
    if (level > kMostLevels) return Wrong("it is nested too deeply");
    if (++values_ > kMostValues) return Wrong("it has too many values");
    SkipSpace();
    if (Take('{')) return Object(level, value);
    if (Take('[')) return Array(level, value);
    if (Take('"')) {
      value->kind = Json::Kind::kText;
      return Text(&value->text);
    }
    if (TakeWord("null")) return {};
    value->kind = Json::Kind::kBool;
    value->truth = true;
    if (TakeWord("true")) return {};
    value->truth = false;
    if (TakeWord("false")) return {};
    return Number(value);
  }

  Status Object(int level, Json* value) {
    value->kind = Json::Kind::kObject;
    SkipSpace();
    if (Take('}')) return {};
    for (;;) {
      SkipSpace();
      if (!Take('"')) return Wrong("a member has no name");
      FASTINET_RETURN_IF_ERROR(Text(&value->names.emplace_back()));
      SkipSpace();
      if (!Take(':')) return Wrong("a member has no value");
      FASTINET_RETURN_IF_ERROR(Value(level + 1, &value->elements.emplace_back()));
      SkipSpace();
      if (Take('}')) return {};
      if (!Take(',')) return Wrong("an object does not end");
    }
  }

  Status Array(int level, Json* value) {
    value->kind = Json::Kind::kArray;
    SkipSpace();
    if (Take(']')) return {};
    for (;;) {
      FASTINET_RETURN_IF_ERROR(Value(level + 1, &value->elements.emplace_back()));
      SkipSpace();
      if (Take(']')) return {};
      if (!Take(',')) return Wrong("an array does not end");
    }
  }

  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }

  Status Number(Json* value) {
    const size_t start = at_;
    value->kind = Json::Kind::kInteger;
    value->negative = Take('-');
    const size_t digits = at_;
    bool fits = true;
    while (IsDigit(Peek())) {
      const auto tens = CheckedMul<uint64_t>(value->magnitude, 10);
      const auto sum = CheckedAdd<uint64_t>(tens.value_or(0), static_cast<uint64_t>(Peek() - '0'));
      fits = fits && tens && sum;
      value->magnitude = sum.value_or(0);
      ++at_;
    }
    if (at_ == digits) return Wrong("a value is missing");
    if (at_ - digits > 1 && text_[digits] == '0') return Wrong("a number begins with 0");
    const size_t whole = at_;
    if (Take('.')) {
      if (!IsDigit(Peek())) return Wrong("a number is not complete");
      while (IsDigit(Peek())) ++at_;
    }
    if (Take('e') || Take('E')) {
      if (!Take('-')) (void)Take('+');
      if (!IsDigit(Peek())) return Wrong("a number is not complete");
      while (IsDigit(Peek())) ++at_;
    }
    if (at_ != whole) {
      value->kind = Json::Kind::kReal;
      value->text = text_.substr(start, at_ - start);
    } else if (!fits) {
      return Wrong("a number has more than 64 bits");
    }
    return {};
  }

  std::optional<uint32_t> FourDigits() {
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = Peek();
      const int digit = IsDigit(c)               ? c - '0'
                        : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                        : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                                 : -1;
      if (digit < 0 || AtEnd()) return std::nullopt;
      code = code * 16 + static_cast<uint32_t>(digit);
    }
    return code;
  }

  static void AppendUtf8(uint32_t code, std::string* text) {
    const auto add = [&](uint32_t byte) { *text += static_cast<char>(byte); };
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xC0 | (code >> 6));
      add(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      add(0xE0 | (code >> 12));
      add(0x80 | ((code >> 6) & 0x3F));
      add(0x80 | (code & 0x3F));
    } else {
      add(0xF0 | (code >> 18));
      add(0x80 | ((code >> 12) & 0x3F));
      add(0x80 | ((code >> 6) & 0x3F));
      add(0x80 | (code & 0x3F));
    }
  }

  Status Escape(std::string* text) {
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    const size_t simple = kFrom.find(Peek());
    if (!AtEnd() && simple != std::string_view::npos) {
      *text += kTo[simple];
      ++at_;
      return {};
    }
    if (!Take('u')) return Wrong("an escape is none");
    auto code = FourDigits();
    if (!code) return Wrong("an escape is none");
    if (*code >= 0xDC80 && *code <= 0xDCFF) {
      // A byte that is no UTF-8, as Python's file names carry it (PEP 383).
      *text += static_cast<char>(*code - 0xDC00);
      return {};
    }
    if (*code >= 0xD800 && *code < 0xDC00) {
      const auto low = TakeWord("\\u") ? FourDigits() : std::nullopt;
      if (!low || *low < 0xDC00 || *low > 0xDFFF) return Wrong("half a character is missing");
      code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
    } else if (*code >= 0xDC00 && *code <= 0xDFFF) {
      return Wrong("half a character is missing");
    }
    AppendUtf8(*code, text);
    return {};
  }

  Status Text(std::string* text) {
    while (!AtEnd()) {
      if (Take('"')) return {};
      if (static_cast<unsigned char>(Peek()) < 0x20) return Wrong("a text has a control character");
      if (Take('\\')) {
        FASTINET_RETURN_IF_ERROR(Escape(text));
      } else {
        *text += text_[at_++];
      }
    }
    return Wrong("a text does not end");
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t values_ = 0;
};

}  // namespace

Result<Json> Json::Parse(std::string_view text) { return Parser(text).Whole(); }

const Json* Json::Find(std::string_view name) const {
  for (size_t i = names.size(); i > 0; --i) {
    if (names[i - 1] == name) return &elements[i - 1];
  }
  return nullptr;
}

std::optional<uint64_t> Json::Unsigned() const {
  if (kind != Kind::kInteger || (negative && magnitude != 0)) return std::nullopt;
  return magnitude;
}

std::optional<int64_t> Json::Count() const {
  const auto number = Unsigned();
  if (!number || *number > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<int64_t>(*number);
}

}  // namespace fastinet
