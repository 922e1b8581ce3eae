#include "tools/groat/client/bundle_fetcher.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "wire/provenance.h"

namespace groat::client {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

milliseconds Left(Clock::time_point deadline) {
  return std::max(milliseconds(1),
                  std::chrono::duration_cast<milliseconds>(deadline - Clock::now()));
}

}  // namespace

void BundleFetcher::Remember(const record::Block& block) {
  const record::RootStatement& statement = block.root.statement;
  blocks_.emplace(CycleName(statement.shard.value(), statement.cycle.value()), block);
}

absl::StatusOr<record::Block> BundleFetcher::BlockOf(const record::SignedRoot& root,
                                                     milliseconds timeout) {
  const CycleName name(root.statement.shard.value(), root.statement.cycle.value());
  const auto found = blocks_.find(name);
  if (found != blocks_.end()) return found->second;
  GROAT_ASSIGN_OR_RETURN(const record::Block block,
                         ledger_.WaitBlockOfCycle(root.statement, timeout));
  Remember(block);
  return block;
}

absl::Status BundleFetcher::FillLogPaths(asset::ProofBundle& bundle) const {
  const record::Height log_height = bundle.checkpoint.checkpoint.height;
  // The contract's bound on heights of one call.
  constexpr size_t kMaxHeights = 1000;
  for (size_t start = 0; start < bundle.blocks.size(); start += kMaxHeights) {
    const size_t end = std::min(bundle.blocks.size(), start + kMaxHeights);
    std::vector<record::Height> heights;
    for (size_t i = start; i < end; ++i) heights.push_back(bundle.blocks[i].block.height);
    GROAT_ASSIGN_OR_RETURN(auto paths, ledger_.GetLogPaths(heights, log_height));
    for (size_t i = start; i < end; ++i) bundle.blocks[i].log_path = std::move(paths[i - start]);
  }
  return absl::OkStatus();
}

absl::StatusOr<asset::ProofBundle> BundleFetcher::Fetch(const relay::v1::GetProofRequest& request,
                                                        milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  GROAT_ASSIGN_OR_RETURN(const relay::v1::GetProofResponse response, relay_.GetProof(request));
  if (!response.has_provenance()) return absl::NotFoundError("the key is not set");
  asset::ProofBundle bundle;
  GROAT_ASSIGN_OR_RETURN(bundle.provenance, wire::FromProto(response.provenance()));
  std::vector<record::SignedRoot> roots = {bundle.provenance.root};
  for (const asset::NullProofAt& null : bundle.provenance.nulls) roots.push_back(null.root);
  record::Height highest;
  for (const record::SignedRoot& root : roots) {
    GROAT_ASSIGN_OR_RETURN(record::Block block, BlockOf(root, Left(deadline)));
    highest = std::max(highest, block.height);
    bundle.blocks.push_back({std::move(block), {}});
  }
  if (!checkpoint_.has_value() || checkpoint_->checkpoint.height < highest) {
    GROAT_ASSIGN_OR_RETURN(checkpoint_, ledger_.WaitCheckpoint(highest, Left(deadline)));
  }
  bundle.checkpoint = *checkpoint_;
  GROAT_RETURN_IF_ERROR(FillLogPaths(bundle));
  return bundle;
}

}  // namespace groat::client
