// Linearizable looks at the register, compared with what this node holds.
//
// Thread-safe; calls block on the register. A contradiction trips the node's Halt with both
// histories in its reason.
#ifndef GROAT_SERVICES_LEDGER_REGISTER_VIEW_H_
#define GROAT_SERVICES_LEDGER_REGISTER_VIEW_H_

#include <string>
#include <vector>

#include "ledger/fork.h"
#include "services/ledger/node_context.h"

namespace groat::ledger_service {

class RegisterView {
 public:
  struct Seen {
    ledger::ChainHead head;      // All zero if the register is empty.
    int64_t head_revision = 0;   // mod_revision of the key; 0 if it is absent.
    int64_t revision = 0;        // Of the store.
    storage::ReadResult ranges;  // Of the further ranges asked for, in order.
  };

  explicit RegisterView(const NodeContext& context) : context_(context) {}

  // Reads the head and `more` as one state. DataLoss, and the node halts, if the head contradicts
  // this node's chain; Unavailable if the register does not answer.
  absl::StatusOr<Seen> Read(const std::vector<storage::RangeRead>& more = {}) const;

  // Stops the node. Gathers a few points of both histories, the last common one among them where
  // it is within the register's window.
  void TripFork(ledger::ForkKind kind, const std::string& reason) const;

 private:
  std::vector<ledger::ChainPoint> TheirPoints() const;
  // The register's point at a height; nothing if its blocks do not reach there.
  std::optional<ledger::ChainPoint> TheirPoint(record::Height height) const;
  // The highest height of `low` to `high` at which both agree; nothing if they do not at `low`.
  std::optional<ledger::ChainPoint> FindLastCommon(record::Height low, record::Height high) const;

  const NodeContext& context_;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_REGISTER_VIEW_H_
