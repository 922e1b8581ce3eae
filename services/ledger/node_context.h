// What every component of a ledger node works with. Const after the node was made; all that it
// points to is thread-safe and outlives the components.
#ifndef GROAT_SERVICES_LEDGER_NODE_CONTEXT_H_
#define GROAT_SERVICES_LEDGER_NODE_CONTEXT_H_

#include <chrono>
#include <cstdint>
#include <functional>

#include "ledger/relay_rules.h"
#include "record/checkpoint.h"
#include "services/ledger/block_store.h"
#include "services/ledger/halt.h"
#include "services/ledger/metrics.h"
#include "services/ledger/register_keys.h"
#include "storage/register.h"
#include "telemetry/log.h"

namespace groat::ledger_service {

// How long things take. The defaults suit production; tests shorten them.
struct NodeTiming {
  // The head is read at least so often, whatever the watch says.
  std::chrono::milliseconds poll_interval{1000};
  // Of leases, campaigns, progress reports and the register's window.
  std::chrono::milliseconds housekeeping_interval{1000};
  std::chrono::milliseconds lease_ttl{10'000};
  // How long an append or a read waits for this node to catch up with the head it read.
  std::chrono::milliseconds apply_timeout{3000};
  // How long the sequencer may take before a node commits by itself.
  std::chrono::milliseconds forward_timeout{2000};
  // Between two signatures of a node: bounds what signing costs when blocks come fast, and does not
  // delay the signature of a block that comes alone.
  std::chrono::milliseconds sign_interval{20};
  // Between two looks at the register while changes come fast, and between two writes of blocks to
  // the own store unless somebody waits for them. A look keeps this node and etcd busy for about a
  // millisecond in all, and appends wait for the same processors; what it delays are checkpoints
  // and what other nodes answer without being asked for the newest.
  std::chrono::milliseconds feed_interval{50};
  std::chrono::milliseconds apply_interval{20};
  std::chrono::milliseconds retry_backoff{50};
  std::chrono::milliseconds max_retry_backoff{1000};
};

struct NodeContext {
  record::NodeIndex self;
  Bytes32 ledger_id;
  ledger::RelayRules rules;
  record::NodeKeys node_keys;
  RegisterKeys keys;
  uint64_t window_blocks = 100'000;
  NodeTiming timing;
  storage::Register* reg = nullptr;
  BlockStore* store = nullptr;
  Halt* halt = nullptr;
  LedgerMetrics* metrics = nullptr;
  telemetry::Logger* logger = nullptr;
  std::function<uint64_t()> now_ms;  // Unix time.
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_NODE_CONTEXT_H_
