// What must hold for JSON texts of any bytes whatever; shared by the fuzzer and its replay.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "fuzz/demand.h"
#include "index/json.h"

namespace fastinet::fuzz {

inline void AppendText(std::string_view text, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  *out += '"';
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte < 0x20) {
      *out += "\\u00";
      *out += kDigits[byte >> 4];
      *out += kDigits[byte & 15];
    } else {
      if (each == '"' || each == '\\') *out += '\\';
      *out += each;
    }
  }
  *out += '"';
}

/// A text of this value.
inline void AppendJson(const Json& value, std::string* out) {
  switch (value.kind) {
    case Json::Kind::kNull:
      *out += "null";
      break;
    case Json::Kind::kBool:
      *out += value.truth ? "true" : "false";
      break;
    case Json::Kind::kInteger:
      if (value.negative) *out += '-';
      *out += std::to_string(value.magnitude);
      break;
    case Json::Kind::kReal:
      *out += value.text;
      break;
    case Json::Kind::kText:
      AppendText(value.text, out);
      break;
    case Json::Kind::kArray:
    case Json::Kind::kObject: {
      const bool is_object = value.kind == Json::Kind::kObject;
      *out += is_object ? '{' : '[';
      for (size_t i = 0; i < value.elements.size(); ++i) {
        if (i > 0) *out += ',';
        if (is_object) {
          AppendText(value.names[i], out);
          *out += ':';
        }
        AppendJson(value.elements[i], out);
      }
      *out += is_object ? '}' : ']';
    }
  }
}

/// What a text says is what the value's own text says; what is no JSON has a byte.
inline void CheckJson(Bytes input) {
  const std::string text(input.begin(), input.end());
  const Result<Json> parsed = Json::Parse(text);
  if (!parsed.ok()) {
    const Status& status = parsed.status();
    Demand(status.code() == StatusCode::kCorrupt && status.offset_bytes() >= 0 &&
               status.offset_bytes() <= std::ssize(text),
           "what is no JSON is corrupt, and says where");
    return;
  }
  std::string first, second;
  AppendJson(parsed.value(), &first);
  const Result<Json> again = Json::Parse(first);
  Demand(again.ok(), "the text of a value is JSON");
  AppendJson(again.value(), &second);
  Demand(first == second, "and says the same");
}

}  // namespace fastinet::fuzz
