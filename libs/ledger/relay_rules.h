// Which relays a ledger accepts roots from, and by which rules.
//
// Pure values.
#ifndef GROAT_LEDGER_RELAY_RULES_H_
#define GROAT_LEDGER_RELAY_RULES_H_

#include <compare>
#include <map>
#include <string>

#include "record/root_statement.h"

namespace groat::ledger {

// One sequence of cycles: every shard of a relay network anchors its own roots.
struct RelayShard {
  record::RelayId relay;
  record::Shard shard;

  static RelayShard Of(const record::RootStatement& statement) {
    return {statement.relay, statement.shard};
  }
  // "relay 1 shard 0", for messages.
  std::string Name() const { return "relay " + ToString(relay) + " shard " + ToString(shard); }
  friend auto operator<=>(const RelayShard&, const RelayShard&) = default;
};

struct RelayRule {
  Ed25519PublicKey public_key;
  uint64_t period_cycles = 0;  // 0: the first period never ends.
};

using RelayRules = std::map<RelayShard, RelayRule>;

}  // namespace groat::ledger

#endif  // GROAT_LEDGER_RELAY_RULES_H_
