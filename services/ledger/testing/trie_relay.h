// A relay in memory: a real trie, signed roots, growth proofs. Tests only. Thread-safe.
#ifndef GROAT_SERVICES_LEDGER_TESTING_TRIE_RELAY_H_
#define GROAT_SERVICES_LEDGER_TESTING_TRIE_RELAY_H_

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/mutex.h"
#include "merkle/trie.h"
#include "record/root_statement.h"
#include "services/ledger/growth_source.h"

namespace groat::ledger_service::testing {

Bytes32 Filled(uint8_t byte);

class TrieRelay {
 public:
  explicit TrieRelay(uint32_t relay, uint32_t shard = 0, uint64_t period_cycles = 0);

  const ledger::RelayShard& name() const { return name_; }
  ledger::RelayRule rule() const { return {key_.public_key(), period_cycles_}; }

  // Closes the next cycle with so many new keys.
  record::SignedRoot Next(size_t new_leaves = 1);
  std::vector<record::SignedRoot> Next(size_t cycles, size_t new_leaves);
  // As Next, but signs a root that has lost what was there before: a relay that cheats.
  record::SignedRoot NextForgetting();

  record::SignedRoot Sign(const record::RootStatement& statement) const;
  Bytes GrowthProof(record::Cycle cycle) const;

 private:
  record::SignedRoot Close(const merkle::TrieSummary& summary, record::Period period)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<merkle::TrieEntry> Leaves(record::Cycle cycle, size_t count) const;

  const ledger::RelayShard name_;
  const uint64_t period_cycles_;
  const Ed25519PrivateKey key_;
  mutable Mutex mutex_;
  std::map<record::Period, merkle::Trie> tries_ ABSL_GUARDED_BY(mutex_);
  record::RootStatement last_ ABSL_GUARDED_BY(mutex_);
};

// The proofs of several relays, each behind some endpoints, with faults on command.
class TrieGrowthSource final : public GrowthSource {
 public:
  explicit TrieGrowthSource(size_t endpoints = 1) : endpoints_(endpoints) {}
  void Add(const TrieRelay* relay) { relays_[relay->name()] = relay; }

  void SetUnavailable(bool unavailable);
  // From this endpoint every proof comes with one bit changed.
  void Corrupt(size_t endpoint);

  size_t EndpointCount(const ledger::RelayShard& name) const override;
  absl::Status Stream(const record::RootStatement& statement, size_t endpoint,
                      const GrowthSink& sink, std::optional<record::SignedRoot>* root) override;
  void Stop() override {}

 private:
  const size_t endpoints_;
  std::map<ledger::RelayShard, const TrieRelay*> relays_;
  mutable Mutex mutex_;
  bool unavailable_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<size_t> corrupt_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::ledger_service::testing

#endif  // GROAT_SERVICES_LEDGER_TESTING_TRIE_RELAY_H_
