#include "tools/groat/demo/chain_audit.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::demo {

absl::Status CheckCycles(const std::vector<record::SignedRoot>& cycles,
                         const asset::RelayTrust& relay) {
  const record::RootStatement* previous = nullptr;
  for (const record::SignedRoot& root : cycles) {
    GROAT_RETURN_IF_ERROR(record::VerifyRoot(root, relay.public_key));
    GROAT_RETURN_IF_ERROR(record::CheckFollows(previous, root.statement, relay.period_cycles));
    previous = &root.statement;
  }
  if (!cycles.empty() && cycles.front().statement.cycle.value() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the first cycle is ", cycles.front().statement.cycle.value(), ", want 1"));
  }
  return absl::OkStatus();
}

absl::Status CheckChain(const std::vector<record::Block>& blocks) {
  const record::Block* previous = nullptr;
  for (const record::Block& block : blocks) {
    GROAT_RETURN_IF_ERROR(record::CheckExtends(previous, block));
    previous = &block;
  }
  return absl::OkStatus();
}

absl::Status CheckSameBlocks(const std::vector<std::vector<record::Block>>& nodes) {
  for (size_t node = 1; node < nodes.size(); ++node) {
    const size_t common = std::min(nodes[0].size(), nodes[node].size());
    for (size_t i = 0; i < common; ++i) {
      if (nodes[0][i] == nodes[node][i]) continue;
      return absl::InvalidArgumentError(absl::StrCat("height ", i + 1, ": ledger-0 has block ",
                                                     nodes[0][i].Id().Hex(), ", ledger-", node,
                                                     " has ", nodes[node][i].Id().Hex()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckAnchored(const std::vector<record::SignedRoot>& cycles,
                           const std::vector<record::Block>& blocks) {
  std::map<record::Cycle, const record::Block*> by_cycle;
  for (const record::Block& block : blocks) {
    const auto [position, first] = by_cycle.emplace(block.root.statement.cycle, &block);
    if (!first) {
      return absl::InvalidArgumentError(
          absl::StrCat("cycle ", position->first.value(), " has two blocks, at heights ",
                       position->second->height.value(), " and ", block.height.value()));
    }
  }
  for (const record::SignedRoot& root : cycles) {
    const auto found = by_cycle.find(root.statement.cycle);
    if (found == by_cycle.end()) {
      return absl::NotFoundError(
          absl::StrCat("cycle ", root.statement.cycle.value(), " has no block"));
    }
    if (!(found->second->root == root)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "cycle ", root.statement.cycle.value(), " has root ", root.statement.root.Hex(),
          " at the relay, ", found->second->root.statement.root.Hex(), " at height ",
          found->second->height.value()));
    }
  }
  return absl::OkStatus();
}

}  // namespace groat::demo
