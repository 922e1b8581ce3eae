#include "tools/groat/demo/final_audit.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "asset/bundle.h"
#include "base/status_macros.h"
#include "merkle/trie_proof.h"
#include "tools/groat/client/bundle_fetcher.h"
#include "tools/groat/demo/chain_audit.h"
#include "wire/common.h"
#include "wire/provenance.h"

namespace groat::demo {
namespace {

constexpr uint32_t kCyclesPerPage = 1000;
constexpr size_t kKeysPerCall = 500;
constexpr size_t kMaxNamed = 10;

void AddFault(const absl::Status& status, const char* what, std::vector<std::string>& faults) {
  if (!status.ok()) faults.push_back(absl::StrCat(what, ": ", std::string(status.message())));
}

// OK if the relay's answer for one key is a valid proof, in a root that was audited, of exactly
// this payment.
absl::Status CheckProof(const common::v1::ProofOfProvenance& proto, const TakenPayment& payment,
                        const std::vector<record::SignedRoot>& cycles) {
  if (proto.value().empty()) return absl::NotFoundError("not in the trie");
  GROAT_ASSIGN_OR_RETURN(const asset::ProofOfProvenance proof, wire::FromProto(proto));
  if (proof.key() != payment.key || proof.value() != payment.value ||
      proof.cycle() != payment.cycle) {
    return absl::InvalidArgumentError(
        absl::StrCat("value ", proof.value().Hex(), " in cycle ", proof.cycle().value(), ", want ",
                     payment.value.Hex(), " in cycle ", payment.cycle.value()));
  }
  const uint64_t cycle = proof.root.statement.cycle.value();
  if (cycle < 1 || cycle > cycles.size() || !(cycles[cycle - 1] == proof.root)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the proof's root is not that of cycle ", cycle));
  }
  return merkle::Verify(proof.inclusion, proof.root.statement.root);
}

}  // namespace

absl::StatusOr<std::vector<record::SignedRoot>> FinalAudit::ReadCycles(uint64_t last) const {
  std::vector<record::SignedRoot> cycles;
  while (cycles.size() < last) {
    GROAT_ASSIGN_OR_RETURN(const relay::v1::ListCyclesResponse page,
                           target_.relay->ListCycles(cycles.size() + 1, kCyclesPerPage));
    if (page.cycles().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the relay lists ", cycles.size(), " cycles, want ", last));
    }
    for (const relay::v1::CycleInfo& info : page.cycles()) {
      if (cycles.size() == last) break;
      GROAT_ASSIGN_OR_RETURN(record::SignedRoot root, wire::FromProto(info.root()));
      cycles.push_back(root);
    }
  }
  return cycles;
}

absl::StatusOr<std::vector<record::Block>> FinalAudit::ReadChain(const client::LedgerClient& node,
                                                                 uint64_t last) const {
  std::vector<record::Block> blocks;
  while (blocks.size() < last) {
    // Linearizable: the node answers only once it has caught up with the head.
    GROAT_ASSIGN_OR_RETURN(
        std::vector<record::Block> page,
        node.ListBlocks(record::Height(blocks.size() + 1), client::kMaxBlocksPerPage,
                        ledger::v1::READ_MODE_LINEARIZABLE));
    if (page.empty()) break;
    const size_t wanted = std::min<size_t>(page.size(), last - blocks.size());
    blocks.insert(blocks.end(), page.begin(), page.begin() + static_cast<ptrdiff_t>(wanted));
  }
  return blocks;
}

absl::StatusOr<ChainFindings> FinalAudit::CheckChains(record::Cycle cycle,
                                                      std::vector<std::string>& faults) const {
  on_progress_(0, "waiting for the last payments to be anchored");
  GROAT_RETURN_IF_ERROR(target_.relay->WaitCycleClosed(cycle.value(), target_.patience));
  GROAT_ASSIGN_OR_RETURN(const relay::v1::GetStatusResponse status, target_.relay->GetStatus());
  ChainFindings findings;
  GROAT_ASSIGN_OR_RETURN(findings.cycles, ReadCycles(status.last_closed_cycle()));
  if (findings.cycles.empty()) return absl::NotFoundError("the relay has closed no cycle");
  GROAT_ASSIGN_OR_RETURN(
      const record::Block last,
      target_.ledger->WaitBlockOfCycle(findings.cycles.back().statement, target_.patience));
  GROAT_ASSIGN_OR_RETURN(const record::SignedCheckpoint checkpoint,
                         target_.ledger->WaitCheckpoint(last.height, target_.patience));
  AddFault(CheckCycles(findings.cycles, target_.relay_trust), "cycles", faults);

  std::vector<std::vector<record::Block>> chains;
  for (size_t node = 0; node < target_.nodes.size(); ++node) {
    on_progress_(static_cast<double>(node) / static_cast<double>(target_.nodes.size()),
                 absl::StrCat("reading every block from ledger-", node));
    absl::StatusOr<std::vector<record::Block>> chain =
        ReadChain(*target_.nodes[node], last.height.value());
    const bool complete = chain.ok() && chain->size() == last.height.value();
    findings.node_complete.push_back(complete);
    if (!complete) {
      faults.push_back(absl::StrCat("ledger-", node, " does not have every block: ",
                                    chain.ok()
                                        ? absl::StrCat(chain->size(), " of ", last.height.value())
                                        : std::string(chain.status().message())));
    }
    chains.push_back(chain.ok() ? *std::move(chain) : std::vector<record::Block>());
    AddFault(CheckChain(chains.back()), "blocks", faults);
  }
  AddFault(CheckSameBlocks(chains), "ledger nodes disagree", faults);
  AddFault(CheckAnchored(findings.cycles, chains[0]), "relay and ledger disagree", faults);
  findings.blocks = std::move(chains[0]);
  return findings;
}

absl::StatusOr<uint64_t> FinalAudit::FindPayments(std::vector<TakenPayment> payments,
                                                  const std::vector<record::SignedRoot>& cycles,
                                                  std::vector<std::string>& faults) const {
  // By cycle, so that the payments of one call lie in one period and null proofs stay few.
  std::sort(payments.begin(), payments.end(),
            [](const TakenPayment& a, const TakenPayment& b) { return a.cycle < b.cycle; });
  const auto period_of = [this](const TakenPayment& payment) {
    return record::PeriodOf(payment.cycle, target_.relay_trust.period_cycles);
  };
  uint64_t found = 0;
  size_t missing = 0;
  for (size_t start = 0; start < payments.size();) {
    size_t end = start;
    relay::v1::GetProofsRequest request;
    request.set_since_cycle(
        record::FirstCycleOf(period_of(payments[start]), target_.relay_trust.period_cycles)
            .value());
    while (end < payments.size() && end - start < kKeysPerCall &&
           period_of(payments[end]) == period_of(payments[start])) {
      request.add_keys(ToString(payments[end++].key));
    }
    GROAT_ASSIGN_OR_RETURN(const relay::v1::GetProofsResponse response,
                           target_.relay->GetProofs(request));
    if (response.proofs_size() != request.keys_size()) {
      return absl::InvalidArgumentError(absl::StrCat("the relay gave ", response.proofs_size(),
                                                     " proofs, want ", request.keys_size()));
    }
    for (size_t i = start; i < end; ++i) {
      const absl::Status status =
          CheckProof(response.proofs(static_cast<int>(i - start)), payments[i], cycles);
      if (status.ok()) {
        ++found;
      } else if (++missing <= kMaxNamed) {
        AddFault(status, absl::StrCat("key ", payments[i].key.Hex()).c_str(), faults);
      }
    }
    start = end;
    on_progress_(static_cast<double>(end) / static_cast<double>(payments.size()),
                 "finding every payment in the trie");
  }
  if (missing > kMaxNamed) faults.push_back(absl::StrCat(missing, " payments not found in all"));
  return found;
}

absl::StatusOr<uint64_t> FinalAudit::VerifyBundles(const std::vector<TakenPayment>& sample,
                                                   std::vector<std::string>& faults) const {
  client::BundleFetcher fetcher(*target_.relay, *target_.ledger);
  uint64_t valid = 0;
  for (size_t i = 0; i < sample.size(); ++i) {
    relay::v1::GetProofRequest request;
    request.set_key(ToString(sample[i].key));
    request.set_since_cycle(1);
    GROAT_ASSIGN_OR_RETURN(const asset::ProofBundle fetched,
                           fetcher.Fetch(request, target_.patience));
    const absl::StatusOr<asset::ProofBundle> bundle =
        wire::ParseBundle(wire::FormatBundle(fetched));
    absl::Status status = bundle.ok() ? asset::Verify(*bundle, target_.trust) : bundle.status();
    if (status.ok() && (bundle->provenance.key() != sample[i].key ||
                        bundle->provenance.value() != sample[i].value)) {
      status = absl::InvalidArgumentError("it proves another update");
    }
    if (status.ok()) ++valid;
    AddFault(status, absl::StrCat("bundle of key ", sample[i].key.Hex()).c_str(), faults);
    on_progress_(static_cast<double>(i + 1) / static_cast<double>(sample.size()),
                 "fetching proof bundles and verifying them offline");
  }
  return valid;
}

}  // namespace groat::demo
