#include "services/ledger/testing/test_ledger.h"

#include <stdlib.h>

#include <filesystem>
#include <future>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "bls/testing/test_keys.h"

namespace groat::ledger_service::testing {
namespace {

using record::Height;

bls::SecretKey NodeKey(size_t index) { return bls::testing::TestKey(index); }

record::NodeKeys KeysOf(size_t nodes) {
  std::vector<bls::Registration> registrations;
  for (size_t i = 0; i < nodes; ++i) {
    registrations.push_back(bls::testing::TestRegistration(i));
  }
  return *record::NodeKeys::Create(registrations);
}

std::string MakeScratch() {
  std::string path = (std::filesystem::temp_directory_path() / "groat-ledger-XXXXXX").string();
  GROAT_CHECK(mkdtemp(path.data()) != nullptr) << path;
  return path;
}

NodeTiming QuickTiming() {
  using std::chrono::milliseconds;
  NodeTiming timing;
  timing.poll_interval = milliseconds(20);
  timing.housekeeping_interval = milliseconds(20);
  timing.lease_ttl = milliseconds(2000);
  timing.apply_timeout = milliseconds(2000);
  timing.forward_timeout = milliseconds(1000);
  timing.sign_interval = milliseconds(2);
  timing.feed_interval = milliseconds(5);
  timing.apply_interval = milliseconds(1);
  timing.retry_backoff = milliseconds(2);
  timing.max_retry_backoff = milliseconds(20);
  return timing;
}

}  // namespace

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  Wakeup pause;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    pause.Pause(std::chrono::milliseconds(1));
  }
  return true;
}

void LocalPeers::ForwardAppend(record::NodeIndex node, const std::vector<record::SignedRoot>& roots,
                               std::chrono::steady_clock::time_point deadline, AppendDone done) {
  if (!ledger_.running(node.value())) {
    done(absl::UnavailableError("the test's node is away"));
    return;
  }
  ledger_.node(node.value()).Append(roots, /*sent_on=*/true, deadline, std::move(done));
}

absl::StatusOr<std::vector<record::Block>> LocalPeers::FetchBlocks(record::NodeIndex node,
                                                                   Height first, size_t limit) {
  if (node == self_ || !ledger_.running(node.value())) {
    return absl::UnavailableError("the test's node is away");
  }
  return ledger_.store(node.value()).Range(first, limit);
}

TestLedger::TestLedger(const TestLedgerOptions& options)
    : options_(options), node_keys_(KeysOf(options.nodes)), scratch_(MakeScratch()) {
  logger_ = std::make_unique<telemetry::Logger>(
      telemetry::LogOptions{.service = "ledger", .level = telemetry::LogLevel::kError},
      [this](std::string_view line) {
        MutexLock lock(errors_mutex_);
        errors_.emplace_back(line);
      },
      [] { return int64_t{0}; });
  for (size_t i = 0; i < options.nodes; ++i) {
    auto node = std::make_unique<Node>();
    node->folder = absl::StrCat(scratch_, "/node", i);
    node->reg = std::make_unique<storage::FaultyRegister>(
        options.registers.empty() ? &register_ : options.registers[i]);
    node->growth = std::make_unique<TrieGrowthSource>(options.growth_endpoints);
    for (const TrieRelay* relay : options.relays) node->growth->Add(relay);
    node->peers = std::make_unique<LocalPeers>(*this, record::NodeIndex(static_cast<uint32_t>(i)));
    nodes_.push_back(std::move(node));
  }
}

TestLedger::~TestLedger() {
  // All stop before any goes: a node may be calling another.
  for (auto& node : nodes_) {
    if (node->node != nullptr) node->node->Stop();
  }
  for (size_t i = 0; i < nodes_.size(); ++i) Stop(i);
  std::error_code error;
  std::filesystem::remove_all(scratch_, error);
}

void TestLedger::StartAll() {
  for (size_t i = 0; i < nodes_.size(); ++i) Start(i);
}

void TestLedger::Start(size_t index) {
  Node& node = *nodes_[index];
  absl::StatusOr<std::unique_ptr<BlockStore>> store = BlockStore::Open(node.folder, ledger_id_);
  GROAT_CHECK_OK(store.status());
  node.store = *std::move(store);
  node.registry = std::make_unique<telemetry::Metrics>("ledger");
  node.metrics = std::make_unique<LedgerMetrics>(*node.registry);
  ledger::RelayRules rules;
  for (const TrieRelay* relay : options_.relays) rules[relay->name()] = relay->rule();
  NodeContext context{.self = record::NodeIndex(static_cast<uint32_t>(index)),
                      .ledger_id = ledger_id_,
                      .rules = std::move(rules),
                      .node_keys = node_keys_,
                      .keys = RegisterKeys("test/"),
                      .window_blocks = options_.window_blocks,
                      .timing = QuickTiming(),
                      .reg = node.reg.get(),
                      .store = node.store.get(),
                      .metrics = node.metrics.get(),
                      .logger = logger_.get(),
                      .now_ms = [] { return uint64_t{1'000'000}; }};
  node.node = std::make_unique<LedgerNode>(std::move(context), NodeLimits{}, NodeKey(index),
                                           *node.peers, *node.growth);
  GROAT_CHECK_OK(node.node->Start());
}

void TestLedger::Stop(size_t index) {
  Node& node = *nodes_[index];
  node.node.reset();
  node.store.reset();
}

void TestLedger::Wipe(size_t index) {
  Stop(index);
  std::filesystem::remove_all(nodes_[index]->folder);
}

std::vector<std::string> TestLedger::errors() const {
  MutexLock lock(errors_mutex_);
  return errors_;
}

absl::StatusOr<std::vector<record::Block>> TestLedger::Append(size_t node,
                                                              std::vector<record::SignedRoot> roots,
                                                              std::chrono::milliseconds timeout) {
  std::promise<absl::StatusOr<std::vector<record::Block>>> promise;
  this->node(node).Append(std::move(roots), /*sent_on=*/false,
                          std::chrono::steady_clock::now() + timeout,
                          [&promise](absl::StatusOr<std::vector<record::Block>> blocks) {
                            promise.set_value(std::move(blocks));
                          });
  return promise.get_future().get();
}

absl::StatusOr<Height> TestLedger::ReadHead(size_t node) {
  std::promise<absl::StatusOr<Height>> promise;
  this->node(node).ReadLinearizable([this, node, &promise](const absl::Status& status) {
    promise.set_value(status.ok() ? absl::StatusOr<Height>(store(node).applied())
                                  : absl::StatusOr<Height>(status));
  });
  return promise.get_future().get();
}

bool TestLedger::WaitForCheckpoint(size_t node, uint64_t height) {
  return Eventually([&] {
    const auto checkpoint = this->node(node).checkpoint();
    return checkpoint.has_value() && checkpoint->checkpoint.height.value() >= height;
  });
}

bool TestLedger::WaitForApplied(size_t node, uint64_t height) {
  return Eventually([&] { return store(node).applied().value() >= height; });
}

}  // namespace groat::ledger_service::testing
