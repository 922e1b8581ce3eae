#include "record/root_statement.h"

#include "absl/strings/str_cat.h"

namespace groat::record {
namespace {

absl::Status CheckConsistent(const RootStatement& statement) {
  if (statement.relay == RelayId(0))
    return absl::InvalidArgumentError("relay id 0, want 1 or more");
  if (statement.cycle == Cycle(0)) {
    return absl::InvalidArgumentError(absl::StrCat(statement.Name(), ": cycles start at 1"));
  }
  if (statement.new_leaf_count > statement.leaf_count) {
    return absl::InvalidArgumentError(absl::StrCat(statement.Name(), ": ", statement.new_leaf_count,
                                                   " new leaves of ", statement.leaf_count,
                                                   " in all"));
  }
  if (statement.root.IsZero() != (statement.leaf_count == 0)) {
    return absl::InvalidArgumentError(absl::StrCat(statement.Name(), ": root ",
                                                   statement.root.Hex(), " with ",
                                                   statement.leaf_count, " leaves"));
  }
  return absl::OkStatus();
}

}  // namespace

Bytes RootStatement::Encode() const {
  return ByteWriter()
      .Text("groat root v1\n")
      .U32(relay.value())
      .U32(shard.value())
      .U32(period.value())
      .U64(cycle.value())
      .Raw(root)
      .U64(leaf_count)
      .U64(new_leaf_count)
      .Take();
}

std::string RootStatement::Name() const {
  return absl::StrCat("relay ", relay.value(), " shard ", shard.value(), " cycle ", cycle.value());
}

SignedRoot SignRoot(const RootStatement& statement, const Ed25519PrivateKey& key) {
  return {statement, key.Sign(statement.Encode())};
}

absl::Status VerifyRoot(const SignedRoot& root, const Ed25519PublicKey& key) {
  if (absl::Status status = CheckConsistent(root.statement); !status.ok()) return status;
  if (!Ed25519Verify(key, root.statement.Encode(), root.signature)) {
    return absl::InvalidArgumentError(absl::StrCat(
        root.statement.Name(), ": signature is not that of the relay's key ", key.Hex()));
  }
  return absl::OkStatus();
}

absl::Status CheckFollows(const RootStatement* previous, const RootStatement& next,
                          uint64_t period_cycles) {
  const Cycle want = previous == nullptr ? Cycle(1) : previous->cycle.Next();
  if (next.cycle != want) {
    return absl::InvalidArgumentError(absl::StrCat(next.Name(), ": want cycle ", want.value()));
  }
  const Period want_period = PeriodOf(next.cycle, period_cycles);
  if (next.period != want_period) {
    return absl::InvalidArgumentError(absl::StrCat(next.Name(), ": period ", next.period.value(),
                                                   ", want ", want_period.value()));
  }
  const bool fresh_trie = previous == nullptr || previous->period != next.period;
  const uint64_t old_leaf_count = fresh_trie ? 0 : previous->leaf_count;
  if (next.leaf_count - next.new_leaf_count != old_leaf_count ||
      next.leaf_count < next.new_leaf_count) {
    return absl::InvalidArgumentError(
        absl::StrCat(next.Name(), ": ", next.leaf_count, " leaves with ", next.new_leaf_count,
                     " new ones, but the cycle before had ", old_leaf_count));
  }
  const Hash old_root = fresh_trie ? Hash() : previous->root;
  if ((next.new_leaf_count == 0) != (next.root == old_root)) {
    return absl::InvalidArgumentError(absl::StrCat(next.Name(), ": root ", next.root.Hex(),
                                                   " after ", old_root.Hex(), " with ",
                                                   next.new_leaf_count, " new leaves"));
  }
  return absl::OkStatus();
}

}  // namespace groat::record
