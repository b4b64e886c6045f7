// Slots: leased, used again, never shared, and refused where there is no memory for them.
#include "engine/slots.h"

#include <cstring>
#include <memory>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

TEST_CASE("slots are used again, and never shared") {
  const auto pool = SlotPool::Make({3, 100}, 2);
  std::vector<std::shared_ptr<Slot>> leases;
  leases.reserve(5);
  for (int i = 0; i < 5; ++i) leases.push_back(pool->Lease().value());
  REQUIRE(pool->allocated() == 5);
  REQUIRE(pool->leased() == 5);
  REQUIRE(pool->extra() == 3);
  for (size_t i = 0; i < leases.size(); ++i) {
    REQUIRE(reinterpret_cast<uintptr_t>(leases[i]->pixels()) % 64 == 0);
    for (size_t j = 0; j < i; ++j) REQUIRE(leases[i]->pixels() != leases[j]->pixels());
  }
  const uint8_t* const last = leases[4]->pixels();
  const std::shared_ptr<Slot> copy = leases[0];
  leases.clear();
  REQUIRE(pool->allocated() == 3);
  REQUIRE(pool->leased() == 1);  // two free ones are kept
  REQUIRE(copy->pixels() != last);
  REQUIRE(pool->Lease().value()->pixels() != copy->pixels());
}

TEST_CASE("a leased slot outlives its pool") {
  std::shared_ptr<Slot> slot = SlotPool::Make({3, 100}, 2)->Lease().value();
  std::memset(slot->Row(2).data(), 7, slot->Row(2).size());
  REQUIRE(slot->Row(2)[99] == 7);
}

TEST_CASE("impossible slots are refused") {
  for (const SlotShape& shape :
       {SlotShape{int64_t{1} << 40, size_t{1} << 40}, SlotShape{int64_t{1} << 30, size_t{1} << 30},
        SlotShape{0, 1}, SlotShape{1, 0}}) {
    const auto slot = SlotPool::Make(shape, 2)->Lease();
    REQUIRE(!slot.ok());
    REQUIRE(slot.status().code() == StatusCode::kTooLarge);
  }
}

}  // namespace
}  // namespace fastinet
