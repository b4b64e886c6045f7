// Slots: leased, used again, never shared, and refused where there is no memory for them.
#include "engine/slots.h"

#include <cstring>
#include <memory>
#include <vector>

#include "base/test.h"

namespace fastinet {
namespace {

void TestSlotsAreUsedAgainAndNeverShared() {
  const auto pool = SlotPool::Make({3, 100}, 2);
  std::vector<std::shared_ptr<Slot>> leases;
  for (int i = 0; i < 5; ++i) leases.push_back(pool->Lease().value());
  REQUIRE(pool->allocated() == 5 && pool->leased() == 5 && pool->extra() == 3);
  for (size_t i = 0; i < leases.size(); ++i) {
    REQUIRE(reinterpret_cast<uintptr_t>(leases[i]->pixels()) % 64 == 0);
    for (size_t j = 0; j < i; ++j) REQUIRE(leases[i]->pixels() != leases[j]->pixels());
  }
  const uint8_t* const last = leases[4]->pixels();
  const std::shared_ptr<Slot> copy = leases[0];
  leases.clear();
  REQUIRE(pool->allocated() == 3 && pool->leased() == 1);  // two free ones are kept
  REQUIRE(copy->pixels() != last);
  REQUIRE(pool->Lease().value()->pixels() != copy->pixels());
}

void TestLeaseOutlivesPool() {
  std::shared_ptr<Slot> slot = SlotPool::Make({3, 100}, 2)->Lease().value();
  std::memset(slot->Row(2).data(), 7, slot->Row(2).size());
  REQUIRE(slot->Row(2)[99] == 7);
}

void TestImpossibleSlotsAreRefused() {
  for (const SlotShape& shape :
       {SlotShape{int64_t{1} << 40, size_t{1} << 40}, SlotShape{int64_t{1} << 30, size_t{1} << 30},
        SlotShape{0, 1}, SlotShape{1, 0}}) {
    const auto slot = SlotPool::Make(shape, 2)->Lease();
    REQUIRE(!slot.ok() && slot.status().code() == StatusCode::kTooLarge);
  }
}

}  // namespace
}  // namespace fastinet

int main() {
  fastinet::TestSlotsAreUsedAgainAndNeverShared();
  fastinet::TestLeaseOutlivesPool();
  fastinet::TestImpossibleSlotsAreRefused();
  return fastinet::test::Verdict();
}
