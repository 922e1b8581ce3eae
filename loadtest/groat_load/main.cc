// groat-load: measures a platform of real processes that it starts for itself.
//
//   groat-load relay  --batch 1,100,1000 --wait accepted --seconds 10
//   groat-load rate   --rate 2000 --wait anchored --seconds 20
//   groat-load cycles --cycles 1000
//   groat-load proofs --seconds 10
//   groat-load ledger --seconds 10
//   groat-load failover
//   groat-load consensus --replicas 4,7 --payload 0,128 --load max,half,idle
//   groat-load consensus-failover --kills 20
//
// Each prints Markdown: what was measured, one table. Everything runs on the loopback interface,
// load and servers on the same processors. Exit status 0; 2 if consensus lost or repeated what was
// acknowledged; 1 for every other error.
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "groat/ledger/v1/admin.grpc.pb.h"
#include "groat/relay/v1/relay.grpc.pb.h"
#include "loadtest/groat_load/consensus_failover.h"
#include "loadtest/groat_load/consensus_matrix.h"
#include "loadtest/groat_load/ledger_comparison.h"
#include "loadtest/groat_load/ledger_load.h"
#include "loadtest/groat_load/relay_load.h"
#include "loadtest/groat_load/report.h"
#include "loadtest/groat_load/shard_ledger.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "tools/groat/client/relay_client.h"
#include "tools/groat/platform/platform.h"
#include "wire/common.h"

namespace groat::load {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kExitLost = 2;

// A platform in a temporary folder, gone with this object.
class LoadPlatform {
 public:
  static absl::StatusOr<std::unique_ptr<LoadPlatform>> Start(platform::PlatformOptions options) {
    std::string folder = (std::filesystem::temp_directory_path() / "groat-load-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) return absl::InternalError(folder + ": not created");
    auto out = std::unique_ptr<LoadPlatform>(new LoadPlatform(folder));
    options.folder = folder + "/platform";
    GROAT_ASSIGN_OR_RETURN(out->platform_, platform::Platform::Start(options, [](const auto&) {}));
    GROAT_RETURN_IF_ERROR(out->platform_->WaitReady(out->cancellation_));
    return out;
  }
  ~LoadPlatform() {
    if (platform_ != nullptr) platform_->Drain();
    platform_.reset();
    std::filesystem::remove_all(folder_);
  }
  platform::Platform& operator*() { return *platform_; }
  platform::Platform* operator->() { return platform_.get(); }
  rpc::Cancellation& cancellation() { return cancellation_; }

 private:
  explicit LoadPlatform(std::string folder) : folder_(std::move(folder)) {}
  const std::string folder_;
  rpc::Cancellation cancellation_;
  std::unique_ptr<platform::Platform> platform_;
};

absl::StatusOr<relay::v1::WaitLevel> ParseWait(const std::string& text) {
  if (text == "accepted") return relay::v1::WAIT_LEVEL_ACCEPTED;
  if (text == "included") return relay::v1::WAIT_LEVEL_INCLUDED;
  if (text == "anchored") return relay::v1::WAIT_LEVEL_ANCHORED;
  return absl::InvalidArgumentError("wait is " + text + ", want accepted, included or anchored");
}

struct RelayOptions {
  std::vector<size_t> batches = {1, 100, 1000};
  std::vector<std::string> waits = {"accepted", "included"};
  double seconds = 10;
  double rate = 0;
  size_t connections = 2;
  size_t window = 64;
  int cycle_ms = 500;
  bool insecure = false;
};

absl::Status RunRelay(const RelayOptions& options) {
  platform::PlatformOptions platform_options;
  platform_options.cycle_time = milliseconds(options.cycle_ms);
  platform_options.insecure = options.insecure;
  GROAT_ASSIGN_OR_RETURN(const auto platform, LoadPlatform::Start(platform_options));
  std::cout << absl::StrFormat(
      "%s, cycles of %d ms, %d connections, window %d requests, %s\n\n"
      "| batch, wait | rate | p50 ms | p99 ms | max ms |\n|---|---|---|---|---|\n",
      options.rate > 0 ? absl::StrCat("Open loop, ", options.rate, " updates/s") : "Closed loop",
      options.cycle_ms, options.connections, options.window,
      options.insecure ? "plaintext" : "mTLS");
  uint64_t seed = 1;
  for (const std::string& wait : options.waits) {
    for (const size_t batch : options.batches) {
      RelayLoad load;
      load.endpoint = (*platform)->file().relay.listen;
      load.tls = (*platform)->Tls("client");
      load.seed = seed++;
      load.batch = batch;
      load.connections = options.connections;
      load.window = options.window;
      load.updates_per_second = options.rate;
      load.duration = milliseconds(static_cast<int64_t>(options.seconds * 1000));
      GROAT_ASSIGN_OR_RETURN(load.wait, ParseWait(wait));
      GROAT_ASSIGN_OR_RETURN(const RelayLoadResult result, RunRelayLoad(load));
      PrintLatencyRow(absl::StrCat(batch, ", ", wait),
                      static_cast<double>(result.accepted) / result.seconds, "updates/s",
                      result.latency);
      std::cout << std::flush;
      if (result.refused + result.repeated + result.double_spends > 0) {
        std::cout << absl::StrFormat(
            "\nrefused %d, repeated %d, double spends %d; first error: %s\n", result.refused,
            result.repeated, result.double_spends,
            result.errors.empty() ? "none" : result.errors[0]);
      }
    }
  }
  return absl::OkStatus();
}

// No update refused or lost at a cycle's change: short cycles, load without a pause.
absl::Status RunCycles(uint64_t cycles, double rate, int cycle_ms) {
  platform::PlatformOptions platform_options;
  platform_options.cycle_time = milliseconds(cycle_ms);
  GROAT_ASSIGN_OR_RETURN(const auto platform, LoadPlatform::Start(platform_options));
  const std::string endpoint = (*platform)->file().relay.listen;
  GROAT_ASSIGN_OR_RETURN(
      const auto client,
      client::RelayClient::Make(endpoint, (*platform)->Tls("client"), platform->cancellation()));
  GROAT_ASSIGN_OR_RETURN(const auto before, client->GetStatus());
  RelayLoad load;
  load.endpoint = endpoint;
  load.tls = (*platform)->Tls("client");
  load.batch = 20;
  load.updates_per_second = rate;
  load.window = 4096;
  load.duration = milliseconds(static_cast<int64_t>(cycles) * cycle_ms * 11 / 10);
  GROAT_ASSIGN_OR_RETURN(const RelayLoadResult result, RunRelayLoad(load));
  // Everything acknowledged is in the trie once two more cycles have closed.
  GROAT_ASSIGN_OR_RETURN(const auto sent, client->GetStatus());
  uint64_t leaves = 0;
  GROAT_RETURN_IF_ERROR(
      client->WatchCycles(sent.open_cycle() + 1, [&](const relay::v1::CycleInfo& cycle) {
        leaves = cycle.root().statement().leaf_count();
        return false;
      }));
  const uint64_t closed = sent.last_closed_cycle() - before.last_closed_cycle();
  std::cout << absl::StrFormat(
      "| cycles | updates acknowledged | refused | in the trie | p50 ms | p99 ms | max ms |\n"
      "|---|---|---|---|---|---|---|\n| %d | %d | %d | %d | %.2f | %.2f | %.2f |\n",
      closed, result.accepted, result.refused, leaves, Ms(result.latency.Quantile(0.5)),
      Ms(result.latency.Quantile(0.99)), Ms(result.latency.max()));
  if (closed < cycles) {
    return absl::FailedPreconditionError(absl::StrCat(closed, " cycles, want ", cycles));
  }
  if (result.refused != 0 || leaves != result.accepted) {
    return absl::DataLossError(absl::StrCat(result.refused, " updates refused, ", result.accepted,
                                            " acknowledged, ", leaves, " in the trie"));
  }
  return absl::OkStatus();
}

absl::Status RunProofs(double seconds, size_t updates) {
  GROAT_ASSIGN_OR_RETURN(const auto platform, LoadPlatform::Start({}));
  RelayLoad load;
  load.endpoint = (*platform)->file().relay.listen;
  load.tls = (*platform)->Tls("client");
  load.batch = 1000;
  load.wait = relay::v1::WAIT_LEVEL_INCLUDED;
  load.updates_per_second = 50'000;
  load.window = 1024;
  load.duration = milliseconds(static_cast<int64_t>(updates / 50));
  GROAT_ASSIGN_OR_RETURN(const RelayLoadResult loaded, RunRelayLoad(load));
  std::cout << absl::StrFormat(
      "%d keys in the trie\n\n| call | rate | p50 ms | p99 ms | max ms |\n|---|---|---|---|---|\n",
      loaded.accepted);
  GROAT_ASSIGN_OR_RETURN(const auto client, client::RelayClient::Make(load.endpoint, load.tls,
                                                                      platform->cancellation()));
  for (const size_t batch : {size_t{1}, size_t{100}}) {
    telemetry::LatencyHistogram latency;
    uint64_t proofs = 0;
    const Clock::time_point begin = Clock::now();
    while (std::chrono::duration<double>(Clock::now() - begin).count() < seconds) {
      relay::v1::GetProofsRequest request;
      for (size_t i = 0; i < batch; ++i) {
        wire::SetBytes(loaded.some_keys[(proofs + i) % loaded.some_keys.size()],
                       request.add_keys());
      }
      const Clock::time_point sent = Clock::now();
      GROAT_ASSIGN_OR_RETURN(const auto response, client->GetProofs(request));
      latency.Record(static_cast<uint64_t>((Clock::now() - sent).count()));
      proofs += static_cast<uint64_t>(response.proofs_size());
    }
    const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    PrintLatencyRow(absl::StrCat("GetProofs of ", batch), static_cast<double>(proofs) / elapsed,
                    "proofs/s", latency);
  }
  return absl::OkStatus();
}

// Without its relay, which would append roots of its own.
absl::StatusOr<std::unique_ptr<LoadPlatform>> StartWithoutRelay(
    const platform::PlatformOptions& options) {
  GROAT_ASSIGN_OR_RETURN(auto platform, LoadPlatform::Start(options));
  GROAT_RETURN_IF_ERROR((*platform)->SetRestart("relay", false));
  GROAT_RETURN_IF_ERROR((*platform)->Kill("relay"));
  return platform;
}

struct LedgerOptions {
  double seconds = 10;
  int rounds = 3;
  std::vector<size_t> callers = {1, 4, 16, 64};
  uint32_t nodes = 3;
  uint32_t members = 3;
};

absl::Status RunLedger(const LedgerOptions& options) {
  const milliseconds duration(static_cast<int64_t>(options.seconds * 1000));
  platform::PlatformOptions platform_options;
  platform_options.ledger_nodes = options.nodes;
  platform_options.etcd_members = options.members;
  {
    GROAT_ASSIGN_OR_RETURN(const auto platform, StartWithoutRelay(platform_options));
    GROAT_RETURN_IF_ERROR(CompareOneCaller(**platform, duration, options.rounds));
  }
  // A platform of its own: the measurement above is of a ledger with one shard.
  GROAT_ASSIGN_OR_RETURN(const auto platform, StartWithoutRelay(platform_options));
  const size_t most = *std::max_element(options.callers.begin(), options.callers.end());
  GROAT_RETURN_IF_ERROR(ShardLedger(**platform, ShardBitsFor(most), platform->cancellation()));
  return CompareManyCallers(**platform, duration, options.rounds, options.callers);
}

// The process that holds the sequencer's lease, and etcd's leader.
absl::StatusOr<std::pair<std::string, std::string>> Leaders(platform::Platform& platform) {
  GROAT_ASSIGN_OR_RETURN(const auto channel, rpc::MakeChannel(platform.file().ledger[0].listen,
                                                              platform.Tls("admin"), {}));
  const auto stub = ledger::v1::LedgerAdminService::NewStub(channel);
  rpc::CallContext context(milliseconds(5000));
  ledger::v1::GetClusterStatusResponse response;
  GROAT_RETURN_IF_ERROR(rpc::FromGrpc(stub->GetClusterStatus(&context, {}, &response)));
  std::string leader;
  for (const auto& member : response.members()) {
    if (member.leader()) leader = member.name();
  }
  return std::pair(absl::StrCat("ledger-", response.sequencer()), leader);
}

absl::Status RunFailover(int rounds) {
  GROAT_ASSIGN_OR_RETURN(const auto platform, StartWithoutRelay({}));
  GROAT_ASSIGN_OR_RETURN(const auto ledger_nodes, ConnectLedger(**platform));
  GROAT_ASSIGN_OR_RETURN(const auto appender,
                         MakeAppender(**platform, ledger_nodes, record::Shard(0)));
  GROAT_RETURN_IF_ERROR(appender->Run(milliseconds(2000), 1).status());
  std::cout << "| killed with -9 | longest time without an append, ms |\n|---|---|\n";
  for (int round = 0; round < rounds; ++round) {
    for (const bool sequencer : {true, false}) {
      GROAT_ASSIGN_OR_RETURN(const auto leaders, Leaders(**platform));
      const std::string victim = sequencer ? leaders.first : leaders.second;
      absl::Status killed;
      GROAT_ASSIGN_OR_RETURN(
          const LedgerLoadResult result,
          appender->Run(milliseconds(9000), 1, [&] { killed = (*platform)->Kill(victim); }));
      GROAT_RETURN_IF_ERROR(killed);
      std::cout << absl::StrFormat("| %s (%s) | %d |\n", victim,
                                   sequencer ? "sequencer" : "leader of etcd",
                                   result.longest_gap.count())
                << std::flush;
      GROAT_RETURN_IF_ERROR(
          (*platform)->WaitProcessReady(victim, milliseconds(30'000), platform->cancellation()));
    }
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app{"Measures a platform of real processes that it starts for itself."};
  app.require_subcommand(1);
  std::function<absl::Status()> run;

  RelayOptions relay_options;
  CLI::App* relay = app.add_subcommand("relay", "Updates a second through gRPC, closed loop.");
  relay->add_option("--batch", relay_options.batches, "Updates in a request.")->delimiter(',');
  relay->add_option("--wait", relay_options.waits, "accepted, included, anchored.")->delimiter(',');
  relay->add_option("--seconds", relay_options.seconds, "Length of each run.");
  relay->add_option("--connections", relay_options.connections, "Connections.");
  relay->add_option("--window", relay_options.window, "Unanswered requests of a connection.");
  relay->add_option("--cycle-ms", relay_options.cycle_ms, "Length of a cycle.");
  relay->add_flag("--insecure", relay_options.insecure, "Plaintext instead of mTLS.");
  relay->callback([&] { run = [&] { return RunRelay(relay_options); }; });

  RelayOptions rate_options;
  rate_options.batches = {10};
  rate_options.waits = {"accepted", "included", "anchored"};
  rate_options.rate = 5000;
  rate_options.window = 4096;
  CLI::App* rate = app.add_subcommand("rate", "Latency at a fixed rate, open loop.");
  rate->add_option("--rate", rate_options.rate, "Updates a second.");
  rate->add_option("--batch", rate_options.batches, "Updates in a request.")->delimiter(',');
  rate->add_option("--wait", rate_options.waits, "accepted, included, anchored.")->delimiter(',');
  rate->add_option("--seconds", rate_options.seconds, "Length of each run.");
  rate->add_option("--cycle-ms", rate_options.cycle_ms, "Length of a cycle.");
  rate->callback([&] { run = [&] { return RunRelay(rate_options); }; });

  uint64_t cycle_count = 1000;
  double cycle_rate = 5000;
  int cycle_ms = 50;
  CLI::App* cycles = app.add_subcommand("cycles", "No update refused or lost at a cycle's change.");
  cycles->add_option("--cycles", cycle_count, "Cycles to close under load.");
  cycles->add_option("--rate", cycle_rate, "Updates a second.");
  cycles->add_option("--cycle-ms", cycle_ms, "Length of a cycle.");
  cycles->callback([&] { run = [&] { return RunCycles(cycle_count, cycle_rate, cycle_ms); }; });

  double seconds = 10;
  size_t updates = 500'000;
  CLI::App* proofs = app.add_subcommand("proofs", "Proofs a second through gRPC.");
  proofs->add_option("--seconds", seconds, "Length of each run.");
  proofs->add_option("--updates", updates, "Keys in the trie.");
  proofs->callback([&] { run = [&] { return RunProofs(seconds, updates); }; });

  LedgerOptions ledger_options;
  CLI::App* ledger = app.add_subcommand("ledger", "Appends beside bare etcd transactions.");
  ledger->add_option("--seconds", ledger_options.seconds, "Length of each run.");
  ledger->add_option("--rounds", ledger_options.rounds, "How often the two take turns.");
  ledger->add_option("--nodes", ledger_options.nodes, "Ledger nodes.");
  ledger->add_option("--members", ledger_options.members, "etcd members.");
  ledger
      ->add_option("--callers", ledger_options.callers,
                   "Callers at once, each of a shard of its own.")
      ->delimiter(',')
      ->check(CLI::Range(1, 256));
  ledger->callback([&] { run = [&] { return RunLedger(ledger_options); }; });

  int rounds = 3;
  CLI::App* failover = app.add_subcommand("failover", "Time without appends after a kill.");
  failover->add_option("--rounds", rounds, "Kills of each kind.");
  failover->callback([&] { run = [&] { return RunFailover(rounds); }; });

  ConsensusMatrixOptions matrix;
  CLI::App* consensus = app.add_subcommand(
      "consensus", "Throughput and latency of consensus, for each combination of what is given.");
  consensus->add_option("--replicas", matrix.replicas, "Replicas.")->delimiter(',');
  consensus->add_option("--rules", matrix.rules, "two_chain, three_chain.")->delimiter(',');
  consensus->add_option("--certificates", matrix.certificates, "ed25519, bls.")->delimiter(',');
  consensus->add_option("--block-commands", matrix.block_commands, "Most commands in a block.")
      ->delimiter(',');
  consensus->add_option("--payload", matrix.payloads, "Bytes of a command.")->delimiter(',');
  consensus
      ->add_option("--load", matrix.loads,
                   "max (closed loop), half (of max), idle (20/s, one at a time), or commands/s.")
      ->delimiter(',');
  consensus->add_option("--seconds", matrix.seconds, "Length of each load, after the warm-up.");
  consensus->add_option("--warm-up", matrix.warm_up_seconds, "Seconds before each.");
  consensus->add_option("--request", matrix.request, "Commands in a request.");
  consensus->add_option("--window", matrix.window, "Unanswered commands, of all streams together.");
  consensus->add_option("--clients", matrix.clients, "Clients of a stream.");
  consensus->add_option("--base-timeout-ms", matrix.base_timeout_ms, "Of the first failed view.");
  consensus->add_option("--data", matrix.data,
                        "Folder of the replicas' folders, /dev/shm for a run in memory.");
  consensus->callback([&] { run = [&] { return RunConsensusMatrix(matrix); }; });

  ConsensusFailoverOptions kills;
  int64_t down_ms = kills.rhythm.down.count();
  CLI::App* consensus_failover =
      app.add_subcommand("consensus-failover", "Time without commits after a leader is killed.");
  consensus_failover->add_option("--kills", kills.kills, "Leaders to kill.");
  consensus_failover->add_option("--replicas", kills.replicas, "Replicas.");
  consensus_failover->add_option("--rate", kills.commands_per_second, "Commands a second.");
  consensus_failover->add_option("--request", kills.request, "Commands in a request.");
  consensus_failover->add_option("--payload", kills.payload_bytes, "Bytes of a command.");
  consensus_failover->add_option("--base-timeout-ms", kills.base_timeout_ms,
                                 "Of the first failed view.");
  consensus_failover->add_option("--down-ms", down_ms, "How long a killed replica stays down.");
  consensus_failover->add_option("--data", kills.data, "Folder of the replicas' folders.");
  consensus_failover->callback([&] {
    kills.rhythm.down = milliseconds(down_ms);
    run = [&] { return RunConsensusFailover(kills); };
  });

  CLI11_PARSE(app, argc, argv);
  const absl::Status status = run();
  if (status.ok()) return 0;
  std::cerr << "groat-load: " << status.ToString() << "\n";
  return absl::IsDataLoss(status) ? kExitLost : 1;
}

}  // namespace
}  // namespace groat::load

int main(int argc, char** argv) { return groat::load::Main(argc, argv); }
