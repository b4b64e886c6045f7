// The MD5 test suite of RFC 1321, A.5, in one piece and in every two; saved and taken up between.

#include "base/md5.h"

#include <string>

#include "base/test_checks.h"

namespace fastinet {
namespace {

std::string Hex(const Md5::Digest& digest) {
  std::string text;
  for (const uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

Bytes AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void Expect(const std::string& text, const std::string& digest) {
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    Md5 first;
    first.Update(AsBytes(text).first(cut));
    Md5 second;
    CHECK_OK(second.Restore(first.Save()));
    second.Update(AsBytes(text).subspan(cut));
    CHECK_EQ(Hex(second.digest()), digest);
  }
}

TEST_CASE("the digests of RFC 1321, in one piece and in every two") {
  Expect("", "d41d8cd98f00b204e9800998ecf8427e");
  Expect("a", "0cc175b9c0f1b6a831c399e269772661");
  Expect("abc", "900150983cd24fb0d6963f7d28e17f72");
  Expect("message digest", "f96b697d7cb7938d525a2f31aaf161d0");
  Expect("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b");
  Expect("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f");
  Expect("12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("a saved state of another length is refused") {
  Md5 md5;
  CHECK(!md5.Restore({}).ok());
  CHECK(!md5.Restore(std::vector<uint8_t>(25)).ok());
}

}  // namespace
}  // namespace fastinet
