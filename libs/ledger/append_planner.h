// Turns relays' roots into the next blocks of the chain.
//
// Pure: no I/O, clock, thread or randomness; time is a value. Single owner; not thread-safe.
//
// One planner plans one transaction: requests are added one by one, each as a whole or not at all,
// and see the blocks planned for the requests before them.
#ifndef GROAT_LEDGER_APPEND_PLANNER_H_
#define GROAT_LEDGER_APPEND_PLANNER_H_

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "ledger/chain.h"

namespace groat::ledger {

// Roots in one request.
inline constexpr size_t kMaxRootsInAppend = 256;

enum class RefusalKind {
  kMalformed,       // No roots, too many, of several relays, or not of consecutive cycles.
  kUnknownRelay,    // No rule for this relay and shard.
  kWrongSignature,  // Not signed by the relay's key, or a statement that contradicts itself.
  kGap,             // A cycle above the next one.
  kDoesNotFollow,   // The next cycle, but its period, counts or root do not follow the last root.
  kOtherRoot,       // The cycle has a block with another statement.
  kNotApplied,      // A repetition of a cycle whose block this node does not have yet: retry.
};

struct Refusal {
  RefusalKind kind = RefusalKind::kMalformed;
  std::string reason;  // With values.
};

// What can be said about a request without the chain: shape, relay, signatures. Nothing means that
// it may be planned. One Ed25519 verification a root; made for a pool of threads.
std::optional<Refusal> CheckRoots(std::span<const record::SignedRoot> roots,
                                  const RelayRules& rules);

struct PlanLimits {
  size_t max_blocks = 1024;  // New blocks in a plan. At least kMaxRootsInAppend.
  size_t max_relays = 100;   // Different relays and shards among them. At least 1.
};

// The block that this node has for a cycle, if any.
using BlockOfCycle = std::function<std::optional<record::Block>(RelayShard, record::Cycle)>;

class AppendPlanner {
 public:
  struct Planned {
    std::vector<record::Block> blocks;  // One a root, in order: standing ones, then new ones.
    size_t new_count = 0;
  };
  struct Full {};  // The plan has no room: commit it, then add this request to the next one.
  using Result = std::variant<Planned, Refusal, Full>;

  // `head` and `tips` are one state of the chain; `rules` and `standing` must outlive the planner.
  AppendPlanner(const RelayRules& rules, ChainHead head, RelayTips tips,
                const BlockOfCycle& standing, PlanLimits limits = {});

  // Plans `roots`, for which CheckRoots said nothing. Cycles that have a block are answered with
  // it if it records the same statement. After a refusal or Full the plan is as before.
  // New blocks get the time max(now_ms, that of the block below).
  Result Add(std::span<const record::SignedRoot> roots, uint64_t now_ms);

  // In ascending order of height; they extend the head given to the constructor.
  const std::vector<record::Block>& new_blocks() const { return new_blocks_; }
  // The head and the tips after the plan, and whose tips it moved.
  const ChainHead& head() const { return head_; }
  const RelayTips& tips() const { return tips_; }
  const std::set<RelayShard>& changed() const { return changed_; }

 private:
  std::optional<record::Block> Standing(const RelayShard& name, record::Cycle cycle) const;

  const RelayRules& rules_;
  ChainHead head_;
  RelayTips tips_;
  const BlockOfCycle& standing_;
  PlanLimits limits_;
  std::vector<record::Block> new_blocks_;
  std::set<RelayShard> changed_;
};

}  // namespace groat::ledger

#endif  // GROAT_LEDGER_APPEND_PLANNER_H_
