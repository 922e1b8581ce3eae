// Small blocks, certificates and cores for unit tests. Tests only.
#ifndef GROAT_HOTSTUFF_TESTING_FIXTURE_H_
#define GROAT_HOTSTUFF_TESTING_FIXTURE_H_

#include <memory>
#include <vector>

#include "base/check.h"
#include "hotstuff/core.h"
#include "hotstuff/digest.h"
#include "hotstuff/testing/mock_scheme.h"
#include "hotstuff/three_chain.h"
#include "hotstuff/two_chain.h"

namespace groat::hotstuff::testing {

inline ReplicaIndex Replica(size_t i) { return ReplicaIndex(static_cast<uint16_t>(i)); }

inline Genesis SmallGenesis(size_t n) {
  Genesis genesis;
  genesis.name = "unit";
  genesis.timestamp_us = 1'000'000;
  genesis.block = {10, 1000};
  genesis.base_timeout_ms = 100;
  genesis.validators = MockValidators(n);
  return genesis;
}

inline Command MakeCommand(uint64_t client, uint64_t sequence, size_t bytes = 4) {
  return {{ClientId(client), Sequence(sequence)}, Bytes(bytes, 0xab)};
}

// A chain of a genesis with mock signatures, made by hand.
class ChainMaker {
 public:
  explicit ChainMaker(size_t n) : ChainMaker(SmallGenesis(n)) {}
  explicit ChainMaker(const Genesis& from)
      : genesis(from),
        chain(genesis.Chain()),
        scheme(from.validators.size()),
        verifier{chain, Epoch(0), from.validators.size(), &scheme},
        n_(from.validators.size()) {
    if (from.rules == RuleSet::kThreeChain) rule = std::make_shared<ThreeChain>();
  }

  Vote MakeVote(const Block& block, size_t signer) const {
    Vote vote{Epoch(0), block.view(), block.id(), Replica(signer), {}};
    vote.share = MockSigner(Replica(signer))
                     .SignShare(VoteDigest(chain, Epoch(0), block.view(), block.id()));
    return vote;
  }
  QcPtr Certify(const Block& block) const {
    if (block.height() == Height(0)) return QuorumCertificate::MakeRoot(Epoch(0), block.id());
    std::vector<SignedShare> shares;
    for (size_t i = 0; i < QuorumOf(n_); ++i) {
      shares.push_back({Replica(i), VoteDigest(chain, Epoch(0), block.view(), block.id()),
                        MakeVote(block, i).share});
    }
    return QuorumCertificate::Make(Epoch(0), block.view(), block.id(),
                                   *scheme.Assemble(shares, QuorumOf(n_), {}).proof);
  }
  TcPtr GiveUp(View view, View high) const {
    std::vector<SignedShare> shares;
    for (size_t i = 0; i < QuorumOf(n_); ++i) {
      const Hash digest = TimeoutDigest(chain, Epoch(0), view, high);
      shares.push_back({Replica(i), digest, MockSigner(Replica(i)).SignShare(digest)});
    }
    return TimeoutCertificate::Make(Epoch(0), view, std::vector<View>(QuorumOf(n_), high),
                                    *scheme.Assemble(shares, QuorumOf(n_), {}).proof);
  }
  // By the leader of the view; `schedules` remembers what each block gives.
  BlockPtr Extend(const BlockPtr& parent, View view, TcPtr timeout = nullptr,
                  std::vector<Command> commands = {}, uint64_t later_us = 1) {
    const LeaderSchedule& schedule = schedules[parent->id()];
    BlockHeader header;
    header.chain = chain;
    header.view = view;
    header.height = parent->height().Next();
    header.parent = parent->id();
    header.timestamp_us = parent->header().timestamp_us + later_us;
    header.proposer = schedule.LeaderOf(view, n_);
    const QcPtr justify = Certify(*parent);
    const LeaderSchedule child = schedule.Child(header, *justify, n_, *rule);
    header.schedule = child.hash();
    const BlockPtr block = Sign(
        Block::Make(header, justify, std::move(timeout), std::move(commands), Ed25519Signature()));
    schedules[block->id()] = child;
    return block;
  }
  BlockPtr Sign(const BlockPtr& block) const {
    return Block::Sign(block,
                       MockSigner(block->header().proposer).SignBlock(ProposalDigest(block->id())));
  }

  Genesis genesis;
  ChainId chain;
  MockScheme scheme;
  Verifier verifier;
  std::map<BlockId, LeaderSchedule> schedules;
  std::shared_ptr<const CommitRule> rule = std::make_shared<TwoChain>();

 private:
  size_t n_;
};

// One core, its clock, and all that it has sent.
class SoloCore {
 public:
  SoloCore(const ChainMaker& maker, size_t self, Restored restored = {},
           const CoreOptions& options = {})
      : maker_(maker), signer_(Replica(self)) {
    CoreConfig config;
    config.genesis = maker.genesis;
    config.replicas = maker.genesis.validators.size();
    config.self = Replica(self);
    config.options = options;
    auto made = Core::Create(config, &maker.scheme, &signer_, std::move(restored), now);
    GROAT_CHECK_OK(made.status());
    core = *std::move(made);
  }
  // With all checks done at once.
  Effects Step(const Event& event) {
    Effects effects = core->Step(event, now);
    for (size_t i = 0; i < effects.jobs.size(); ++i) {
      Effects more = core->Step(JobDone{RunJob(effects.jobs[i], maker_.verifier)}, now);
      for (Send& send : more.sends) effects.sends.push_back(std::move(send));
      for (CommittedBlock& block : more.commits) effects.commits.push_back(std::move(block));
      for (Snapshot& one : more.snapshots) effects.snapshots.push_back(std::move(one));
      for (Job& job : more.jobs) effects.jobs.push_back(std::move(job));
      if (more.persist.has_value()) effects.persist = std::move(more.persist);
      if (more.commit_proof.has_value()) effects.commit_proof = std::move(more.commit_proof);
      effects.wake_at_ms = more.wake_at_ms;
    }
    return effects;
  }
  Effects Receive(size_t from, const MessagePtr& message) {
    return Step(Received{Replica(from), message});
  }
  Effects Propose(const BlockPtr& block) {
    return Receive(block->header().proposer.value(), MakeMessage(Proposal{block}));
  }

  Now now{0, 1'010'000};
  std::unique_ptr<Core> core;

 private:
  const ChainMaker& maker_;
  MockSigner signer_;
};

template <typename T>
std::vector<T> SentOf(const Effects& effects) {
  std::vector<T> out;
  for (const Send& send : effects.sends) {
    if (const T* body = std::get_if<T>(send.message.get())) out.push_back(*body);
  }
  return out;
}

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_FIXTURE_H_
