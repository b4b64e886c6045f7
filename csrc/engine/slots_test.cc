// Slots: leased, used again, never shared, and refused where there is no memory for them.
#include "engine/slots.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

TEST_CASE("slots are used again, and never shared") {
  const auto pool = SlotPool::Make({3, {{100}}}, 2);
  std::vector<std::shared_ptr<Slot>> leases;
  leases.reserve(5);
  for (int i = 0; i < 5; ++i) leases.push_back(pool->Lease().value());
  REQUIRE(pool->allocated() == 5);
  REQUIRE(pool->leased() == 5);
  REQUIRE(pool->extra() == 3);
  for (size_t i = 0; i < leases.size(); ++i) {
    REQUIRE(reinterpret_cast<uintptr_t>(leases[i]->pixels(0)) % 64 == 0);
    for (size_t j = 0; j < i; ++j) REQUIRE(leases[i]->pixels(0) != leases[j]->pixels(0));
  }
  const uint8_t* const last = leases[4]->pixels(0);
  const std::shared_ptr<Slot> copy = leases[0];
  leases.clear();
  REQUIRE(pool->allocated() == 3);
  REQUIRE(pool->leased() == 1);  // two free ones are kept
  REQUIRE(copy->pixels(0) != last);
  REQUIRE(pool->Lease().value()->pixels(0) != copy->pixels(0));
}

TEST_CASE("a leased slot outlives its pool") {
  std::shared_ptr<Slot> slot = SlotPool::Make({3, {{100}}}, 2)->Lease().value();
  std::ranges::fill(slot->Row(0, 2), uint8_t{7});
  REQUIRE(slot->Row(0, 2)[99] == 7);
}

/// Groups of views lie one behind the other, each aligned; smaller views fill their group from its
/// start.
TEST_CASE("a slot of several groups") {
  const SlotShape shape{3, {{100, 2}, {7, 5}, {64}}};
  const auto pool = SlotPool::Make(shape, 2);
  const SlotShape smaller{3, {{10, 2}, {7, 5}, {1}}};
  for (const SlotShape& wanted : {shape, smaller, shape}) {
    const std::shared_ptr<Slot> slot = pool->Lease(wanted).value();
    uint8_t value = 0;
    for (size_t group = 0; group < 3; ++group) {
      CHECK(reinterpret_cast<uintptr_t>(slot->pixels(group)) % 64 == 0);
      for (int64_t row = 0; row < 3; ++row) {
        const MutableBytes bytes = slot->Row(group, row);
        CHECK_EQ(bytes.size(), wanted.groups[group].row_bytes());
        CHECK(bytes.data() == slot->pixels(group) + static_cast<size_t>(row) * bytes.size());
        std::ranges::fill(bytes, ++value);
      }
    }
    value = 0;
    for (size_t group = 0; group < 3; ++group) {  // none has written over another
      for (int64_t row = 0; row < 3; ++row) {
        ++value;
        for (const uint8_t byte : slot->Row(group, row)) CHECK_EQ(byte, value);
      }
    }
    std::vector<MutableBytes> views;
    slot->ViewsOfRow(1, views);
    REQUIRE_EQ(views.size(), size_t{8});
    CHECK(views[1].data() == slot->Row(0, 1).data() + wanted.groups[0].view_bytes);
    CHECK(views[2].data() == slot->Row(1, 1).data());
    CHECK(views[7].data() == slot->Row(2, 1).data());
    CHECK_EQ(views[7].size(), wanted.groups[2].view_bytes);
  }
  for (const SlotShape& wanted :
       {SlotShape{3, {{100, 2}, {7, 5}}}, SlotShape{3, {{101, 2}, {7, 5}, {64}}},
        SlotShape{3, {{100, 2}, {7, 4}, {64}}}}) {
    CHECK(pool->Lease(wanted).status().code() == StatusCode::kInvalidArgument);
  }
}

TEST_CASE("a caller's memory has a buffer for each group") {
  const SlotShape shape{2, {{8, 2}, {3}}};
  std::vector<uint8_t> first(32), second(6);
  const auto owner = std::make_shared<int>(0);
  const auto pool = SlotPool::Wrap(shape, {{{first, second}, owner}}).value();
  const std::shared_ptr<Slot> slot = pool->Lease().value();
  CHECK(slot->pixels(0) == first.data());
  CHECK(slot->Row(1, 1).data() == second.data() + 3);
  for (const std::vector<MutableBytes>& groups :
       {std::vector<MutableBytes>{first}, {first, second, second}, {second, first}}) {
    CHECK(SlotPool::Wrap(shape, {{groups, owner}}).status().code() == StatusCode::kInvalidArgument);
  }
}

TEST_CASE("impossible slots are refused") {
  for (const SlotShape& shape :
       {SlotShape{int64_t{1} << 40, {{size_t{1} << 40}}},
        SlotShape{int64_t{1} << 30, {{size_t{1} << 30}}},
        SlotShape{1, {{SIZE_MAX / 2}, {SIZE_MAX / 2}}}, SlotShape{1, {{1, INT64_MAX}, {1}}},
        SlotShape{0, {{1}}}, SlotShape{1, {{1}, {0}}}, SlotShape{1, {{1, 0}}}, SlotShape{1}}) {
    const auto slot = SlotPool::Make(shape, 2)->Lease();
    REQUIRE(!slot.ok());
    REQUIRE(slot.status().code() == StatusCode::kTooLarge);
  }
}

}  // namespace
}  // namespace fastinet
