// Linearizability of the ledger as its clients see it, under random faults.
//
// Every client has a relay of its own, appends its cycles one by one through random nodes, and
// reads the whole chain through random nodes. The object is a list of (relay, cycle); a history
// that no atomic list could produce is a failure. Meanwhile a seeded saboteur loses commits and
// their answers, cuts nodes off, ends leases and restarts nodes. A failure prints the seed:
//   ledger_linearizability_test --gtest_filter='*' with GROAT_SEED=<seed>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <random>
#include <thread>

#include "base/status_macros.h"
#include "base/status_matchers.h"
#include "services/ledger/testing/test_ledger.h"
#include "storage/testing/append_history.h"

namespace groat::ledger_service {
namespace {

using record::Block;
using record::Height;
using storage::CommitFault;
using storage::testing::AppendHistory;
using testing::TestLedger;
using testing::TrieRelay;

constexpr uint32_t kClients = 4;
constexpr uint32_t kCycles = 25;

uint32_t NumberOf(uint32_t client, uint64_t cycle) {
  return client * 1000 + static_cast<uint32_t>(cycle);
}

absl::StatusOr<std::vector<uint32_t>> ReadAll(TestLedger& ledger, size_t node) {
  GROAT_RETURN_IF_ERROR(ledger.ReadHead(node).status());
  GROAT_ASSIGN_OR_RETURN(const std::vector<Block> blocks,
                         ledger.store(node).Range(Height(1), 100'000));
  std::vector<uint32_t> out;
  for (const Block& block : blocks) {
    out.push_back(NumberOf(block.root.statement.relay.value(), block.root.statement.cycle.value()));
  }
  return out;
}

void RunClient(TestLedger& ledger, TrieRelay& relay, uint32_t client, uint32_t seed,
               AppendHistory& history) {
  std::mt19937 random(seed * 100 + client);
  for (uint32_t cycle = 1; cycle <= kCycles; ++cycle) {
    const record::SignedRoot root = relay.Next();
    const AppendHistory::Operation append = history.BeginAppend(NumberOf(client, cycle));
    // The same call again and again, at any node, is one append: idempotence.
    while (!ledger.Append(random() % ledger.size(), {root}, std::chrono::milliseconds(300)).ok()) {
    }
    history.EndAppend(append, AppendHistory::Outcome::kDone);
    const AppendHistory::Operation read = history.BeginRead();
    absl::StatusOr<std::vector<uint32_t>> list = ReadAll(ledger, random() % ledger.size());
    if (list.ok()) history.EndRead(read, *std::move(list));
  }
}

void Sabotage(TestLedger& ledger, uint32_t seed, const std::atomic<uint32_t>& running) {
  std::mt19937 random(seed);
  Wakeup pause;
  while (running > 0) {
    const size_t node = random() % ledger.size();
    switch (random() % 4) {
      case 0:
        ledger.faults(node).FailCommits({CommitFault::kAnswerLost, CommitFault::kRequestDelayed,
                                         CommitFault::kUnavailable, CommitFault::kRequestLost});
        break;
      case 1:
        ledger.faults(node).ReleaseDelayed();
        break;
      case 2:
        ledger.faults(node).SetUnavailable(random() % 2 == 0);
        break;
      case 3:
        ledger.reg().ExpireAllLeases();
        break;
    }
    pause.Pause(std::chrono::milliseconds(random() % 5));
  }
  for (size_t i = 0; i < ledger.size(); ++i) {
    ledger.faults(i).FailCommits({});
    ledger.faults(i).SetUnavailable(false);
    ledger.faults(i).ReleaseDelayed();
  }
}

void RunSeed(uint32_t seed) {
  SCOPED_TRACE(::testing::Message() << "GROAT_SEED=" << seed);
  std::vector<std::unique_ptr<TrieRelay>> relays;
  std::vector<TrieRelay*> pointers;
  for (uint32_t client = 1; client <= kClients; ++client) {
    relays.push_back(std::make_unique<TrieRelay>(client));
    pointers.push_back(relays.back().get());
  }
  TestLedger ledger({.relays = pointers});
  ledger.StartAll();
  AppendHistory history;
  std::atomic<uint32_t> running{kClients};
  std::vector<std::thread> clients;
  for (uint32_t client = 1; client <= kClients; ++client) {
    clients.emplace_back([&, client] {
      RunClient(ledger, *relays[client - 1], client, seed, history);
      --running;
    });
  }
  Sabotage(ledger, seed, running);
  for (std::thread& client : clients) client.join();

  const AppendHistory::Operation last = history.BeginRead();
  GROAT_ASSERT_OK_AND_ASSIGN(std::vector<uint32_t> list, ReadAll(ledger, 0));
  EXPECT_EQ(list.size(), kClients * kCycles) << "every root has one block";
  history.EndRead(last, std::move(list));
  const std::optional<std::string> violation = history.FindViolation();
  EXPECT_FALSE(violation.has_value()) << *violation;
  // Safety held; now liveness: the faults are over.
  for (size_t i = 0; i < ledger.size(); ++i) {
    EXPECT_TRUE(ledger.WaitForCheckpoint(i, kClients * kCycles)) << "node " << i;
    GROAT_EXPECT_OK(ledger.node(i).health());
  }
}

TEST(LedgerLinearizabilityTest, HistoriesUnderRandomFaults) {
  const char* one = getenv("GROAT_SEED");
  if (one != nullptr) return RunSeed(static_cast<uint32_t>(strtoul(one, nullptr, 10)));
  for (uint32_t seed = 1; seed <= 5; ++seed) RunSeed(seed);
}

}  // namespace
}  // namespace groat::ledger_service
