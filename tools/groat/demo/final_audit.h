// What a demo checks against the running platform after the last payment: that nothing was lost and
// that relay, ledger nodes and offline verifier agree.
//
// Blocks the caller; single owner.
#ifndef GROAT_TOOLS_GROAT_DEMO_FINAL_AUDIT_H_
#define GROAT_TOOLS_GROAT_DEMO_FINAL_AUDIT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "asset/trust.h"
#include "record/block.h"
#include "tools/groat/client/ledger_client.h"
#include "tools/groat/client/relay_client.h"
#include "tools/groat/demo/payment_log.h"

namespace groat::demo {

// Share done, 0 to 1, and what is being done.
using OnProgress = std::function<void(double, const std::string&)>;

// The platform under audit. All pointers outlive the audit.
struct AuditTarget {
  asset::Trust trust;
  asset::RelayTrust relay_trust;
  const client::RelayClient* relay = nullptr;
  const client::LedgerClient* ledger = nullptr;              // Any node.
  std::vector<std::unique_ptr<client::LedgerClient>> nodes;  // Each node by itself.
  std::chrono::milliseconds patience{60'000};
};

// A payment that the relay says it took.
struct TakenPayment {
  Bytes32 key;
  Bytes32 value;
  record::Cycle cycle;
};

struct ChainFindings {
  std::vector<record::SignedRoot> cycles;  // 1 to the last closed one when the audit began.
  std::vector<record::Block> blocks;       // Of node 0.
  std::vector<bool> node_complete;         // By node: has every block.
};

class FinalAudit {
 public:
  FinalAudit(const AuditTarget& target, OnProgress on_progress)
      : target_(target), on_progress_(std::move(on_progress)) {}

  // Waits until `cycle` is closed and the last closed cycle is anchored, reads all cycles, and all
  // blocks from every node, and checks that they agree. Adds to `faults` what does not hold; an
  // error means that it could not be found out.
  absl::StatusOr<ChainFindings> CheckChains(record::Cycle cycle,
                                            std::vector<std::string>& faults) const;

  // How many of the payments the relay proves to hold with their value, each proof checked against
  // `cycles`. Payments that it does not are added to `faults`, the first ten by name.
  absl::StatusOr<uint64_t> FindPayments(std::vector<TakenPayment> payments,
                                        const std::vector<record::SignedRoot>& cycles,
                                        std::vector<std::string>& faults) const;

  // Fetches a full bundle for each payment and verifies it as an outsider would: through the file
  // form, against the trust file alone. Returns how many are valid.
  absl::StatusOr<uint64_t> VerifyBundles(const std::vector<TakenPayment>& sample,
                                         std::vector<std::string>& faults) const;

 private:
  absl::StatusOr<std::vector<record::SignedRoot>> ReadCycles(uint64_t last) const;
  absl::StatusOr<std::vector<record::Block>> ReadChain(const client::LedgerClient& node,
                                                       uint64_t last) const;
  const AuditTarget& target_;
  const OnProgress on_progress_;
};

}  // namespace groat::demo

#endif  // GROAT_TOOLS_GROAT_DEMO_FINAL_AUDIT_H_
