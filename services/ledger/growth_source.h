// Where growth proofs come from.
//
// Thread-safe. Two forms: relays over gRPC (relay_growth_source.h), and tries of the same process
// (tests).
#ifndef GROAT_SERVICES_LEDGER_GROWTH_SOURCE_H_
#define GROAT_SERVICES_LEDGER_GROWTH_SOURCE_H_

#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "ledger/relay_rules.h"
#include "record/root_statement.h"

namespace groat::ledger_service {

// Takes the next bytes of a proof. An error ends the transfer.
using GrowthSink = std::function<absl::Status(ByteView chunk)>;

class GrowthSource {
 public:
  virtual ~GrowthSource() = default;

  // How many endpoints can be asked about a relay and shard; at least 1 for a known one.
  virtual size_t EndpointCount(const ledger::RelayShard& name) const = 0;

  // Hands the proof of the statement's cycle to `sink`, chunk by chunk, from one endpoint.
  // `root` becomes the root that the endpoint says this proof leads to, if it said one.
  // OK after the last chunk; the sink's own error; or why the endpoint could not send it.
  virtual absl::Status Stream(const record::RootStatement& statement, size_t endpoint,
                              const GrowthSink& sink, std::optional<record::SignedRoot>* root) = 0;

  // Ends transfers under way and refuses later ones.
  virtual void Stop() = 0;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_GROWTH_SOURCE_H_
