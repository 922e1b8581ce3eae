// Rate and latency of a bare register transaction in the shape of a ledger append: compare the
// head, put the head, put one or more blocks, put the relay's entry. The baseline for ledger
// appends.
//
//   register_benchmark --form etcd --members 3 --seconds 5
//
// Starts etcd processes of its own on the loopback address. Prints one line a run.
// Appends of several threads go to heads of their own, so they do not conflict: what pipelining can
// give. Appends of several blocks are one transaction: what batching can give.
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/status_macros.h"
#include "storage/embedded_register.h"
#include "storage/etcd_register.h"
#include "storage/testing/etcd_cluster.h"

namespace groat::storage {
namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
  std::string form = "etcd";
  int members = 3;
  bool tls = false;
  double seconds = 5;
  size_t block_bytes = 250;
  std::string folder = std::filesystem::temp_directory_path();
  std::vector<int> writers = {1, 4, 16, 64};
  std::vector<int> blocks = {1, 16, 100};
};

// What a run measured.
struct Result {
  std::vector<double> latencies_ms;
  double elapsed_s = 0;
};

double Percentile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))];
}

// The next append of one chain. `head_revision` is 0 before the first.
Transaction MakeAppend(const std::string& chain, int64_t head_revision, int64_t height, int blocks,
                       size_t block_bytes) {
  Transaction out;
  out.compares.push_back({chain + "head", head_revision});
  out.puts.push_back({chain + "head", std::to_string(height + blocks) + std::string(32, 'h'), {}});
  for (int i = 1; i <= blocks; ++i) {
    out.puts.push_back(
        {chain + "block/" + std::to_string(height + i), std::string(block_bytes, 'b'), {}});
  }
  out.puts.push_back({chain + "relay/1/0", std::string(40, 'r'), {}});
  return out;
}

// Runs `operation` on each of `threads` threads until the time is over or one fails.
absl::StatusOr<Result> Measure(int threads, double seconds,
                               const std::function<absl::Status(int)>& operation) {
  const auto start = Clock::now();
  const auto end =
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<Result> results(static_cast<size_t>(threads));
  std::vector<absl::Status> statuses(results.size());
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      const auto index = static_cast<size_t>(t);
      while (Clock::now() < end && statuses[index].ok()) {
        const auto before = Clock::now();
        statuses[index] = operation(t);
        results[index].latencies_ms.push_back(
            std::chrono::duration<double, std::milli>(Clock::now() - before).count());
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  Result all;
  all.elapsed_s = std::chrono::duration<double>(Clock::now() - start).count();
  for (size_t i = 0; i < results.size(); ++i) {
    GROAT_RETURN_IF_ERROR(statuses[i]);
    all.latencies_ms.insert(all.latencies_ms.end(), results[i].latencies_ms.begin(),
                            results[i].latencies_ms.end());
  }
  std::sort(all.latencies_ms.begin(), all.latencies_ms.end());
  return all;
}

void Print(const std::string& what, int threads, const Result& result) {
  const double rate = static_cast<double>(result.latencies_ms.size()) / result.elapsed_s;
  std::printf("%-18s  threads %3d  %7.0f op/s  p50 %7.2f ms  p99 %7.2f ms  max %7.2f ms\n",
              what.c_str(), threads, rate, Percentile(result.latencies_ms, 0.5),
              Percentile(result.latencies_ms, 0.99), Percentile(result.latencies_ms, 1));
  std::fflush(stdout);
}

absl::Status RunAppends(Register& target, const Settings& settings, int writers, int blocks) {
  static std::atomic<int> runs = 0;
  struct Chain {
    std::string prefix;
    int64_t head_revision = 0;
    int64_t height = 0;
  };
  std::vector<Chain> chains(static_cast<size_t>(writers));
  const int run = ++runs;
  for (size_t i = 0; i < chains.size(); ++i) {
    chains[i].prefix = std::to_string(run) + "/" + std::to_string(i) + "/";
  }
  GROAT_ASSIGN_OR_RETURN(
      const Result result, Measure(writers, settings.seconds, [&](int writer) {
        Chain& chain = chains[static_cast<size_t>(writer)];
        const absl::StatusOr<CommitResult> committed = target.Commit(MakeAppend(
            chain.prefix, chain.head_revision, chain.height, blocks, settings.block_bytes));
        if (!committed.ok()) return committed.status();
        if (!committed->committed) return absl::InternalError("the head was changed by another");
        chain.head_revision = committed->revision;
        chain.height += blocks;
        return absl::OkStatus();
      }));
  Print("append " + std::to_string(blocks) + (blocks == 1 ? " block" : " blocks"), writers, result);
  return absl::OkStatus();
}

absl::Status RunReads(Register& target, const Settings& settings, int readers) {
  GROAT_ASSIGN_OR_RETURN(const Result result, Measure(readers, settings.seconds, [&](int) {
                           return target.Read("1/0/head").status();
                         }));
  Print("linearizable read", readers, result);
  return absl::OkStatus();
}

absl::Status RunAll(Register& target, const Settings& settings) {
  for (const int writers : settings.writers) {
    GROAT_RETURN_IF_ERROR(RunAppends(target, settings, writers, 1));
  }
  for (const int blocks : settings.blocks) {
    GROAT_RETURN_IF_ERROR(RunAppends(target, settings, 1, blocks));
  }
  for (const int readers : settings.writers) {
    GROAT_RETURN_IF_ERROR(RunReads(target, settings, readers));
  }
  return absl::OkStatus();
}

absl::Status RunEtcd(const Settings& settings) {
  GROAT_ASSIGN_OR_RETURN(
      const std::unique_ptr<testing::EtcdCluster> cluster,
      testing::EtcdCluster::Start(
          {.members = settings.members, .tls = settings.tls, .parent_folder = settings.folder}));
  EtcdOptions options = cluster->ClientOptions("benchmark/");
  // The leader answers first: the best case, as the ledger's sequencer will have it.
  GROAT_ASSIGN_OR_RETURN(const size_t leader, cluster->WaitForLeader());
  std::rotate(options.endpoints.begin(),
              options.endpoints.begin() + static_cast<std::ptrdiff_t>(leader),
              options.endpoints.end());
  options.call_timeout = options.try_timeout = absl::Seconds(30);
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<EtcdRegister> target,
                         EtcdRegister::Connect(options));
  return RunAll(*target, settings);
}

absl::Status RunEmbedded(const Settings& settings) {
  std::string path = settings.folder + "/groat-register-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return absl::InternalError("no temporary folder " + path);
  absl::Status status;
  {
    absl::StatusOr<std::unique_ptr<EmbeddedRegister>> target = EmbeddedRegister::Open(path);
    status = target.ok() ? RunAll(**target, settings) : target.status();
  }
  std::filesystem::remove_all(path);
  return status;
}

int Main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Rate and latency of register transactions in the shape of ledger appends.");
  app.add_option("--form", settings.form, "etcd or embedded")
      ->check(CLI::IsMember({"etcd", "embedded"}));
  app.add_option("--members", settings.members, "etcd members")->check(CLI::Range(1, 7));
  app.add_flag("--tls", settings.tls, "mutual TLS between all");
  app.add_option("--seconds", settings.seconds, "length of each run")
      ->check(CLI::Range(0.1, 3600.0));
  app.add_option("--block-bytes", settings.block_bytes, "size of a block")
      ->check(CLI::Range(1, 8000));
  app.add_option("--folder", settings.folder, "where the stores lie; decides the cost of a sync");
  app.add_option("--writers", settings.writers, "numbers of concurrent chains and readers")
      ->delimiter(',')
      ->check(CLI::Range(1, 1000));
  app.add_option("--blocks", settings.blocks, "numbers of blocks in a transaction")
      ->delimiter(',')
      ->check(CLI::Range(1, 125));
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = settings.form == "etcd" ? RunEtcd(settings) : RunEmbedded(settings);
  if (status.ok()) return 0;
  std::cerr << status << "\n";
  return 1;
}

}  // namespace
}  // namespace groat::storage

int main(int argc, char** argv) { return groat::storage::Main(argc, argv); }
