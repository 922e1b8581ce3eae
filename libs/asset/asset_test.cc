// The offline verifier: what it accepts, and that no part can be changed, left out or exchanged.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "asset/bundle.h"
#include "asset/provenance.h"
#include "asset/trust.h"
#include "base/status_matchers.h"
#include "bls/testing/test_keys.h"
#include "merkle/trie.h"
#include "record/update.h"

namespace groat::asset {
namespace {

using ::groat::testing::StatusIs;
using record::Cycle;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Bytes32 Filled(uint8_t byte) {
  Bytes32 out;
  out.data_.fill(byte);
  return out;
}

std::vector<uint64_t> Numbers(const std::vector<Cycle>& cycles) {
  std::vector<uint64_t> out;
  for (const Cycle cycle : cycles) out.push_back(cycle.value());
  return out;
}

TEST(NullCyclesTest, EachEarlierPeriodAndTheCycleBefore) {
  using Want = std::vector<uint64_t>;
  EXPECT_EQ(Numbers(NullCycles(Cycle(1), Cycle(1), 0)), Want());
  EXPECT_EQ(Numbers(NullCycles(Cycle(1), Cycle(9), 0)), Want({8}));
  EXPECT_EQ(Numbers(NullCycles(Cycle(9), Cycle(9), 0)), Want());
  EXPECT_EQ(Numbers(NullCycles(Cycle(1), Cycle(4), 1)), Want({1, 2, 3}));
  EXPECT_EQ(Numbers(NullCycles(Cycle(3), Cycle(4), 1)), Want({3}));
  EXPECT_EQ(Numbers(NullCycles(Cycle(1), Cycle(9), 4)), Want({4, 8}));
  EXPECT_EQ(Numbers(NullCycles(Cycle(1), Cycle(11), 4)), Want({4, 8, 10}));
  EXPECT_EQ(Numbers(NullCycles(Cycle(6), Cycle(11), 4)), Want({8, 10}));
  EXPECT_EQ(Numbers(AbsenceCycles(Cycle(6), Cycle(11), 4)), Want({8, 11}));
  EXPECT_EQ(Numbers(AbsenceCycles(Cycle(1), Cycle(8), 4)), Want({4, 8}));
}

// A small network: three ledger nodes, one relay with periods of three cycles, seven cycles of four
// updates each, and one block a cycle.
class NetworkTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kPeriodCycles = 3;
  static constexpr uint64_t kCycles = 7;

  void SetUp() override {
    for (uint8_t i = 0; i < 3; ++i) {
      node_keys_.push_back(bls::testing::TestKey(i));
      trust_.ledger_nodes.push_back(bls::testing::TestRegistration(i));
    }
    trust_.ledger_id = Filled(9);
    trust_.relays = {{record::RelayId(1), 0, kPeriodCycles, relay_key_.public_key()}};
    for (uint64_t cycle = 1; cycle <= kCycles; ++cycle) AddCycle(Cycle(cycle));
  }

  static Hash KeyOf(uint64_t cycle, uint64_t i) {
    return record::KeyOfUnlock(record::RelayId(1), Filled(static_cast<uint8_t>(cycle * 10 + i)));
  }

  void AddCycle(Cycle cycle) {
    const record::Period period = record::PeriodOf(cycle, kPeriodCycles);
    merkle::Trie& trie = tries_[period];
    std::map<Hash, Bytes32> entries;
    for (uint64_t i = 0; i < 4; ++i) entries[KeyOf(cycle.value(), i)] = Filled(1);
    std::vector<merkle::TrieEntry> slice;
    for (const auto& [key, value] : entries) slice.push_back({key, value});
    GROAT_ASSERT_OK(trie.BeginCycle(cycle.value()));
    GROAT_ASSERT_OK(trie.Add(slice));
    const merkle::TrieSummary summary = trie.Seal();
    const record::SignedRoot root = record::SignRoot({.relay = record::RelayId(1),
                                                      .shard = record::Shard(0),
                                                      .period = period,
                                                      .cycle = cycle,
                                                      .root = summary.root,
                                                      .leaf_count = summary.leaf_count,
                                                      .new_leaf_count = summary.new_leaf_count},
                                                     relay_key_);
    roots_.push_back(root);
    blocks_.push_back({.height = record::Height(blocks_.size() + 1),
                       .previous_id = blocks_.empty() ? Bytes32() : blocks_.back().Id(),
                       .timestamp_ms = 1000,
                       .root = root});
    nodes_.Store(log_.Append(blocks_.back().Id()));
  }

  merkle::Trie& TrieAt(Cycle cycle) { return tries_[record::PeriodOf(cycle, kPeriodCycles)]; }
  const record::SignedRoot& Root(Cycle cycle) const { return roots_[cycle.value() - 1]; }

  ProofOfProvenance Prove(Cycle set, uint64_t i, Cycle since, Cycle at) {
    ProofOfProvenance out;
    const Hash key = KeyOf(set.value(), i);
    out.since = since;
    out.root = Root(at);
    out.inclusion = *TrieAt(at).ProveInclusion(key, at.value());
    for (const Cycle cycle : NullCycles(since, set, kPeriodCycles)) {
      out.nulls.push_back({Root(cycle), *TrieAt(cycle).ProveNull(key, cycle.value())});
    }
    return out;
  }

  ProofBundle Bundle(Cycle set, uint64_t i) {
    ProofBundle out;
    out.provenance = Prove(set, i, Cycle(1), set);
    const record::Height head = blocks_.back().height;
    const auto add = [&](const record::SignedRoot& root) {
      const uint64_t index = root.statement.cycle.value() - 1;
      out.blocks.push_back(
          {blocks_[index], merkle::ProveLogInclusion(index, head.value(), nodes_)->path});
    };
    add(out.provenance.root);
    for (const NullProofAt& null : out.provenance.nulls) add(null.root);
    out.checkpoint.checkpoint = {trust_.ledger_id, head, blocks_.back().Id(), log_.Root()};
    out.checkpoint.quorum = Sign(out.checkpoint.checkpoint, {0, 2});
    return out;
  }
  record::QuorumSignature Sign(const record::Checkpoint& checkpoint,
                               std::initializer_list<uint32_t> nodes) const {
    std::map<record::NodeIndex, record::NodeSignature> shares;
    for (uint32_t node : nodes) {
      shares[record::NodeIndex(node)] = record::SignAsNode(node_keys_[node], checkpoint.Encode());
    }
    return record::NodeKeys::Create(trust_.ledger_nodes)->Combine(shares);
  }

  const Ed25519PrivateKey relay_key_{Filled(50)};
  std::vector<bls::SecretKey> node_keys_;
  Trust trust_;
  std::map<record::Period, merkle::Trie> tries_;
  std::vector<record::SignedRoot> roots_;
  std::vector<record::Block> blocks_;
  merkle::BlockLog log_;
  merkle::MemoryLogNodes nodes_;
};

TEST_F(NetworkTest, EveryUpdateHasAValidProofAtEveryCycleOfItsPeriod) {
  for (uint64_t set = 1; set <= kCycles; ++set) {
    for (uint64_t at = set; at <= kCycles; ++at) {
      if (record::PeriodOf(Cycle(at), 3) != record::PeriodOf(Cycle(set), 3)) continue;
      for (uint64_t since = 1; since <= set; ++since) {
        GROAT_EXPECT_OK(Verify(Prove(Cycle(set), 2, Cycle(since), Cycle(at)), trust_.relays[0]));
      }
    }
  }
}

TEST_F(NetworkTest, ProvenanceRefusesEveryChange) {
  const ProofOfProvenance good = Prove(Cycle(5), 1, Cycle(1), Cycle(6));
  ASSERT_EQ(good.nulls.size(), 2u);
  using Change = std::function<void(ProofOfProvenance&)>;
  const std::vector<std::pair<const char*, Change>> changes = {
      {"want relay 1", [](auto& p) { p.root.statement.relay = record::RelayId(2); }},
      {"signature", [](auto& p) { p.root.statement.leaf_count += 1; }},
      {"signature", [](auto& p) { p.root.signature[0] ^= 1; }},
      {"in the root of cycle 4", [&](auto& p) { p.root = Root(Cycle(4)); }},
      {"in the root of cycle 7", [&](auto& p) { p.root = Root(Cycle(7)); }},
      {"root", [&](auto& p) { p.root = Root(Cycle(5)); }},
      {"root", [](auto& p) { p.inclusion.leaf.value[0] ^= 1; }},
      {"1 null proofs, want 2", [](auto& p) { p.nulls.pop_back(); }},
      {"3 null proofs, want 2", [](auto& p) { p.nulls.push_back(p.nulls[0]); }},
      {"is at cycle 4, want 3", [](auto& p) { std::swap(p.nulls[0], p.nulls[1]); }},
      {"is for key", [](auto& p) { p.nulls[0].proof.key[0] ^= 1; }},
      {"null proof at cycle 3", [](auto& p) { p.nulls[0].proof = p.nulls[1].proof; }},
      {"2 null proofs, want 1", [](auto& p) { p.since = Cycle(4); }},
      {"since cycle 6", [](auto& p) { p.since = Cycle(6); }},
      {"since cycle 0", [](auto& p) { p.since = Cycle(0); }},
  };
  GROAT_ASSERT_OK(Verify(good, trust_.relays[0]));
  for (const auto& [text, change] : changes) {
    ProofOfProvenance bad = good;
    change(bad);
    EXPECT_THAT(Verify(bad, trust_.relays[0]), StatusIs(kInvalid, HasSubstr(text)));
  }
}

TEST_F(NetworkTest, AKeyThatWasSetHasNoProofOfAbsence) {
  const Hash free = Filled(77);
  ProofOfAbsence absence{.key = free, .cycle = Cycle(7), .nulls = {}, .since = Cycle(1)};
  for (const Cycle cycle : AbsenceCycles(Cycle(1), Cycle(7), kPeriodCycles)) {
    absence.nulls.push_back({Root(cycle), *TrieAt(cycle).ProveNull(free, cycle.value())});
  }
  GROAT_EXPECT_OK(Verify(absence, trust_.relays[0]));
  ProofOfAbsence endless = absence;
  endless.cycle = Cycle(uint64_t{1} << 40);
  EXPECT_THAT(Verify(endless, trust_.relays[0]),
              StatusIs(kInvalid, HasSubstr("span more than 4097 periods")));
  absence.key = KeyOf(5, 1);
  EXPECT_THAT(Verify(absence, trust_.relays[0]), StatusIs(kInvalid, HasSubstr("is for key")));
}

TEST_F(NetworkTest, BundleVerifiesStepByStep) {
  std::vector<VerifiedStep> steps;
  const ProofBundle bundle = Bundle(Cycle(5), 0);
  GROAT_EXPECT_OK(Verify(bundle, trust_, &steps));
  ASSERT_EQ(steps.size(), 5u);
  EXPECT_THAT(steps[0].text, HasSubstr("majority"));
  EXPECT_THAT(steps[1].text, HasSubstr("cycle 5 of relay 1"));
  EXPECT_THAT(steps[2].text, HasSubstr("up to cycle 3 of period 0, block 3"));
  EXPECT_THAT(steps[4].text, HasSubstr("once in the cycles from 1 to 5"));
}

TEST_F(NetworkTest, BundleRefusesEveryChange) {
  const ProofBundle good = Bundle(Cycle(5), 0);
  using Change = std::function<void(ProofBundle&)>;
  const std::vector<std::pair<const char*, Change>> changes = {
      {"checkpoint of ledger", [](auto& b) { b.checkpoint.checkpoint.ledger_id[0] ^= 1; }},
      {"signature of the quorum certificate",
       [](auto& b) { b.checkpoint.checkpoint.log_root[0] ^= 1; }},
      {"1 ledger nodes signed, want 2",
       [&](auto& b) { b.checkpoint.quorum = Sign(b.checkpoint.checkpoint, {1}); }},
      {"2 blocks, want 3", [](auto& b) { b.blocks.pop_back(); }},
      {"block 3 records", [](auto& b) { b.blocks[0] = b.blocks[1]; }},
      {"is not in the log", [](auto& b) { b.blocks[0].block.timestamp_ms += 1; }},
      {"is not in the log", [](auto& b) { b.blocks[1].log_path[0][0] ^= 1; }},
      {"is not in the log", [](auto& b) { b.blocks[2].log_path.pop_back(); }},
      {"want 1 to 7", [](auto& b) { b.blocks[0].block.height = record::Height(8); }},
      {"want 1 to 7", [](auto& b) { b.blocks[0].block.height = record::Height(0); }},
  };
  for (const auto& [text, change] : changes) {
    ProofBundle bad = good;
    change(bad);
    EXPECT_THAT(Verify(bad, trust_), StatusIs(kInvalid, HasSubstr(text)));
  }
  Trust other = trust_;
  other.relays.clear();
  EXPECT_THAT(Verify(good, other), StatusIs(absl::StatusCode::kNotFound, HasSubstr("relay 1")));
}

TEST_F(NetworkTest, TrustFileRoundTripsAndNamesWhatIsWrong) {
  const std::string good = FormatTrust(trust_);
  GROAT_ASSERT_OK_AND_ASSIGN(const Trust back, ParseTrust(good));
  EXPECT_EQ(FormatTrust(back), good);

  const auto refused = [&](const std::string& from, const std::string& to, const char* text) {
    std::string bad = good;
    bad.replace(bad.find(from), from.size(), to);
    EXPECT_THAT(ParseTrust(bad), StatusIs(kInvalid, HasSubstr(text)));
  };
  refused("{", "[", "not JSON");
  refused("ledger_id", "ledger", "unknown field \"ledger\"");
  refused("\"shard_bits\": 0,", "", "field \"shard_bits\" is missing");
  refused("\"relay_id\": 1", "\"relay_id\": 0", "relay_id is 0, want a whole number from 1");
  refused("\"shard_bits\": 0", "\"shard_bits\": 17", "from 0 to 16");
  refused(trust_.ledger_id.Hex(), "abcd", "ledger_id is 2 bytes, want 32");
  const auto key = [&](size_t node) { return trust_.ledger_nodes[node].key.Encode().Hex(); };
  const auto proof = [&](size_t node) { return trust_.ledger_nodes[node].proof.Encode().Hex(); };
  refused(key(1), key(0), "two members have the key");
  refused(key(1), std::string(96, '0'), "ledger_nodes[1]: ");
  refused(key(1), "abcd", "ledger_nodes[1] public_key is 2 bytes, want 48");
  refused(proof(1), proof(2), "member 1 has not proven possession");
  refused(proof(1), std::string(192, '0'), "ledger_nodes[1]: ");
  refused("\"proof_of_possession\"", "\"proof\"", "ledger_nodes[0]: unknown field \"proof\"");
  refused("\"ledger_nodes\": [", "\"ledger_nodes\": [1,", "ledger_nodes[0] is not a JSON object");
  Trust twice = trust_;
  twice.relays.push_back(twice.relays[0]);
  EXPECT_THAT(ParseTrust(FormatTrust(twice)), StatusIs(kInvalid, HasSubstr("listed twice")));
}

}  // namespace
}  // namespace groat::asset
