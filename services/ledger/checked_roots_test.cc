#include "services/ledger/checked_roots.h"

#include <gtest/gtest.h>

#include <array>

#include "services/ledger/testing/trie_relay.h"

namespace groat::ledger_service {
namespace {

using ledger::RootSignature;
using testing::TrieRelay;

TEST(CheckedRootsTest, EachIsKnownOnceAndOnlyAsItWasChecked) {
  TrieRelay relay(1);
  TrieRelay other(2);
  CheckedRoots checked;
  const std::array<record::SignedRoot, 2> roots = {relay.Next(), relay.Next()};
  checked.Add(roots);
  EXPECT_EQ(checked.Take(other.Next()), RootSignature::kUnchecked);
  record::SignedRoot forged = roots[0];
  forged.signature[0] ^= 1;
  EXPECT_EQ(checked.Take(forged), RootSignature::kUnchecked);
  record::SignedRoot changed = roots[0];
  changed.statement.leaf_count += 1;
  EXPECT_EQ(checked.Take(changed), RootSignature::kUnchecked);
  EXPECT_EQ(checked.Take(roots[0]), RootSignature::kChecked);
  EXPECT_EQ(checked.Take(roots[0]), RootSignature::kUnchecked) << "once";
  EXPECT_EQ(checked.Take(roots[1]), RootSignature::kChecked);
}

// Roots of calls that failed stay behind; they must not fill the memory.
TEST(CheckedRootsTest, ForgetsRatherThanGrows) {
  TrieRelay relay(1);
  CheckedRoots checked;
  record::SignedRoot root = relay.Next();
  const record::SignedRoot first = root;
  for (size_t i = 0; i < CheckedRoots::kMaxRoots; ++i) {
    checked.Add({&root, 1});
    root.statement.cycle = root.statement.cycle.Next();
  }
  checked.Add({&root, 1});
  EXPECT_EQ(checked.Take(root), RootSignature::kChecked);
  EXPECT_EQ(checked.Take(first), RootSignature::kUnchecked);
}

}  // namespace
}  // namespace groat::ledger_service
