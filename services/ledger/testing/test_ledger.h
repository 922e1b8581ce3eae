// A ledger of several nodes in one process: one MemoryRegister, a faulty client of it for each
// node, stores in temporary folders, relays with real tries. Tests only.
#ifndef GROAT_SERVICES_LEDGER_TESTING_TEST_LEDGER_H_
#define GROAT_SERVICES_LEDGER_TESTING_TEST_LEDGER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "services/ledger/ledger_node.h"
#include "services/ledger/testing/trie_relay.h"
#include "storage/faulty_register.h"
#include "storage/memory_register.h"

namespace groat::ledger_service::testing {

// Waits until `condition` holds; false after 20 s. For outcomes that other threads bring about.
bool Eventually(const std::function<bool()>& condition);

class TestLedger;

// Calls the other nodes of the same process.
class LocalPeers final : public Peers {
 public:
  LocalPeers(TestLedger& ledger, record::NodeIndex self) : ledger_(ledger), self_(self) {}
  void ForwardAppend(record::NodeIndex node, const std::vector<record::SignedRoot>& roots,
                     std::chrono::steady_clock::time_point deadline, AppendDone done) override;
  absl::StatusOr<std::vector<record::Block>> FetchBlocks(record::NodeIndex node,
                                                         record::Height first,
                                                         size_t limit) override;
  void Stop() override {}

 private:
  TestLedger& ledger_;
  const record::NodeIndex self_;
};

struct TestLedgerOptions {
  size_t nodes = 3;
  uint64_t window_blocks = 100'000;
  std::vector<TrieRelay*> relays;
  size_t growth_endpoints = 1;
  // One a node, for a store that is not the ledger's own MemoryRegister.
  std::vector<storage::Register*> registers = {};
};

class TestLedger {
 public:
  // Does not start the nodes.
  explicit TestLedger(const TestLedgerOptions& options);
  ~TestLedger();

  void StartAll();
  void Start(size_t node);
  // Ends the node; its store stays.
  void Stop(size_t node);
  // Also forgets its store, as a new disk does.
  void Wipe(size_t node);

  LedgerNode& node(size_t index) { return *nodes_[index]->node; }
  bool running(size_t index) const { return nodes_[index]->node != nullptr; }
  storage::FaultyRegister& faults(size_t index) { return *nodes_[index]->reg; }
  TrieGrowthSource& growth(size_t index) { return *nodes_[index]->growth; }
  LedgerMetrics& metrics(size_t index) { return *nodes_[index]->metrics; }
  BlockStore& store(size_t index) { return *nodes_[index]->store; }
  std::string folder(size_t index) const { return nodes_[index]->folder; }
  storage::MemoryRegister& reg() { return register_; }
  const Bytes32& ledger_id() const { return ledger_id_; }
  const record::NodeKeys& node_keys() const { return node_keys_; }
  const std::string& scratch() const { return scratch_; }
  size_t size() const { return nodes_.size(); }
  // What was logged as an error, all nodes together.
  std::vector<std::string> errors() const;

  // Waits for the answer.
  absl::StatusOr<std::vector<record::Block>> Append(
      size_t node, std::vector<record::SignedRoot> roots,
      std::chrono::milliseconds timeout = std::chrono::seconds(20));
  // The applied height after a linearizable read.
  absl::StatusOr<record::Height> ReadHead(size_t node);
  bool WaitForCheckpoint(size_t node, uint64_t height);
  bool WaitForApplied(size_t node, uint64_t height);

 private:
  struct Node {
    std::string folder;
    std::unique_ptr<storage::FaultyRegister> reg;
    std::unique_ptr<TrieGrowthSource> growth;
    std::unique_ptr<telemetry::Metrics> registry;
    std::unique_ptr<LedgerMetrics> metrics;
    std::unique_ptr<LocalPeers> peers;
    std::unique_ptr<BlockStore> store;
    std::unique_ptr<LedgerNode> node;
  };

  const TestLedgerOptions options_;
  const Bytes32 ledger_id_ = Filled(0x1d);
  const record::NodeKeys node_keys_;
  std::string scratch_;
  storage::MemoryRegister register_;
  mutable Mutex errors_mutex_;
  std::vector<std::string> errors_ ABSL_GUARDED_BY(errors_mutex_);
  std::unique_ptr<telemetry::Logger> logger_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace groat::ledger_service::testing

#endif  // GROAT_SERVICES_LEDGER_TESTING_TEST_LEDGER_H_
