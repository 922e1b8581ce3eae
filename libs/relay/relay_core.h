// The relay's rules: which update is taken, into which cycle it goes, what a cycle's root is.
//
// Pure: time arrives with events, and durability and signatures are the driver's. Single owner; the
// open trie may be read by others between calls, by the rules of merkle::Trie.
//
//   event     state it needs            effects and next state
//   Submit    any                       verdicts; new updates go to the open cycle; persist
//   Seal      nothing sealed            open -> sealed, a new cycle opens; persist
//   Work      something sealed          a slice of the sealed cycle enters the trie; with the last
//                                       one: sealed -> rooted, the root statement
//   Recover   start, in log order       the same transitions from the log's records
//
// Intake never waits for a cycle's end: Submit works on the open cycle while the sealed one enters
// the trie (double buffering). There is at most one sealed cycle; while it is worked on, the open
// one goes on, and is sealed later.
#ifndef GROAT_RELAY_RELAY_CORE_H_
#define GROAT_RELAY_RELAY_CORE_H_

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "merkle/trie.h"
#include "record/root_statement.h"
#include "relay/cycle_buffer.h"
#include "relay/journal.h"
#include "relay/spent_index.h"

namespace groat::relay {

struct Identity {
  record::RelayId relay;
  record::Shard shard;
  uint64_t period_cycles = 0;  // Cycles a period has; 0: the first one never ends.
};

enum class Outcome {
  kAccepted,     // Taken for the first time.
  kRepeated,     // The same value stands already.
  kDoubleSpend,  // Another value stands already.
};

struct Verdict {
  Outcome outcome = Outcome::kAccepted;
  record::Cycle cycle;  // Of the value that stands.
  // For a double spend, the value that stands, unless it is in the trie of an earlier cycle alone.
  std::optional<Bytes32> standing_value;
};

struct SubmitEffects {
  std::vector<Verdict> verdicts;  // In the order of the updates.
  // To be appended to the log; empty if nothing was new. The verdicts, of repeated updates too, may
  // be told once everything appended so far is durable.
  Bytes persist;
};

struct RootedCycle {
  record::RootStatement statement;
  uint64_t sealed_at_ms = 0;
  // The trie that the statement is about; later cycles of the period go into it too.
  std::shared_ptr<const merkle::Trie> trie;
};

class RelayCore {
 public:
  explicit RelayCore(const Identity& identity);

  // Entries must have distinct keys.
  SubmitEffects Submit(std::span<const TrieEntry> entries);

  bool can_seal() const { return !sealed_.has_value(); }
  // CHECKs can_seal(). Returns the record to append to the log, before any update of the new cycle.
  Bytes Seal(uint64_t now_ms);

  bool has_work() const { return sealed_.has_value(); }
  // Takes memory for the next slice from the system, which may take milliseconds; readers may hold
  // the trie meanwhile. Not needed. CHECKs has_work().
  void Reserve(size_t slice);
  // Adds about `slice` entries of the sealed cycle to its trie, which no reader may hold meanwhile.
  // Returns the cycle's root when it is complete. CHECKs has_work().
  std::optional<RootedCycle> Work(size_t slice);

  // Replays one record of the log. A sealed cycle is rooted at once and returned. DataLoss if the
  // record contradicts those before it, or if a rooted record has another root than the updates
  // before it give; the message has both.
  absl::StatusOr<std::optional<RootedCycle>> Recover(const JournalRecord& record);

  record::Cycle open_cycle() const { return open_.cycle(); }
  size_t open_count() const { return open_.size(); }
  record::Cycle last_rooted() const;
  // Keys taken since the beginning, over all periods.
  uint64_t key_count() const { return key_count_; }
  // Of the period that the last sealed cycle belongs to.
  std::shared_ptr<const merkle::Trie> trie() const { return trie_; }
  // The cycle in which a key entered a trie, of any period. Changes only in Work and Recover, by
  // the same rules as the trie.
  std::optional<record::Cycle> CycleOf(const Hash& key) const;

 private:
  struct Sealed {
    CycleBuffer buffer;
    uint64_t sealed_at_ms;
  };
  std::optional<Verdict> Standing(const TrieEntry& entry) const;
  void StartWork();
  RootedCycle FinishWork();

  const Identity identity_;
  CycleBuffer open_;
  std::optional<Sealed> sealed_;
  bool work_started_ = false;
  std::shared_ptr<merkle::Trie> trie_;
  std::optional<record::RootStatement> last_;
  SpentIndex spent_;  // Unused while there is one period alone: its trie has every key.
  uint64_t key_count_ = 0;
};

}  // namespace groat::relay

#endif  // GROAT_RELAY_RELAY_CORE_H_
