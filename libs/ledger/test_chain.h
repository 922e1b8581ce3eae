// Relays, roots and chains for the tests of this folder. Tests only.
#ifndef GROAT_LEDGER_TEST_CHAIN_H_
#define GROAT_LEDGER_TEST_CHAIN_H_

#include <vector>

#include "crypto/sha256.h"
#include "ledger/append_planner.h"

namespace groat::ledger {

inline Bytes32 Filled(uint8_t byte) {
  Bytes32 out;
  out.data_.fill(byte);
  return out;
}

// One relay that signs roots. Every cycle adds `growth` leaves; the roots are arbitrary bytes.
class TestRelay {
 public:
  explicit TestRelay(uint32_t relay, uint32_t shard = 0, uint64_t period_cycles = 0)
      : name_{record::RelayId(relay), record::Shard(shard)},
        period_cycles_(period_cycles),
        key_(Filled(static_cast<uint8_t>(100 + 10 * relay + shard))) {}

  const RelayShard& name() const { return name_; }
  RelayRule rule() const { return {key_.public_key(), period_cycles_}; }

  // The root of the cycle after the last one made.
  record::SignedRoot Next(uint64_t growth = 1) {
    record::RootStatement next{.relay = name_.relay,
                               .shard = name_.shard,
                               .period = record::PeriodOf(last_.cycle.Next(), period_cycles_),
                               .cycle = last_.cycle.Next(),
                               .root = last_.root,
                               .leaf_count = last_.leaf_count + growth,
                               .new_leaf_count = growth};
    if (next.period != last_.period) {
      next.root = Hash();
      next.leaf_count = growth;
    }
    if (growth > 0) next.root = Sha256({next.Encode()});
    last_ = next;
    return Sign(next);
  }
  std::vector<record::SignedRoot> Next(size_t count, uint64_t growth) {
    std::vector<record::SignedRoot> out;
    for (size_t i = 0; i < count; ++i) out.push_back(Next(growth));
    return out;
  }
  record::SignedRoot Sign(const record::RootStatement& statement) const {
    return record::SignRoot(statement, key_);
  }

 private:
  RelayShard name_;
  uint64_t period_cycles_;
  Ed25519PrivateKey key_;
  record::RootStatement last_;
};

}  // namespace groat::ledger

#endif  // GROAT_LEDGER_TEST_CHAIN_H_
