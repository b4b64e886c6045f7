// SHA-256 of the texts that FIPS 180-4's examples have, in one piece and in any pieces.
#include "base/sha256.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

Bytes BytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST_CASE("Texts have their digests") {
  Sha256 hash;
  CHECK(hash.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hash.Update(BytesOf("abc"));
  CHECK(hash.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 longer;
  longer.Update(BytesOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"));
  CHECK(longer.hex() == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  Sha256 million;
  million.Update(std::vector<uint8_t>(1'000'000, 'a'));
  CHECK(million.hex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("Pieces do not matter") {
  const std::vector<uint8_t> bytes(300, 7);
  for (size_t length = 0; length <= bytes.size(); length += 3) {
    Sha256 whole, pieces;
    whole.Update(Bytes(bytes).first(length));
    pieces.Update(Bytes(bytes).first(length / 3));
    pieces.Update(Bytes(bytes).subspan(length / 3, length - length / 3));
    CHECK(whole.digest() == pieces.digest());
  }
}

}  // namespace
}  // namespace fastinet
