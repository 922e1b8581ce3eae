#include "loadtest/groat_load/consensus_matrix.h"

#include <time.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "loadtest/consensus/chain_audit.h"
#include "loadtest/consensus/cluster.h"
#include "loadtest/consensus/disk_probe.h"
#include "loadtest/consensus/submit_run.h"
#include "loadtest/groat_load/report.h"

namespace groat::load {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

constexpr double kIdlePerSecond = 20;
constexpr milliseconds kPatience{60'000};
constexpr uint32_t kLeastBlockBytes = 2u << 20;
constexpr size_t kWindowBlocks = 16;
constexpr size_t kLeastWindowOfStream = 64;

// A cluster to measure.
struct Setting {
  keys::ConsensusPlan plan;
  std::string rules;
  std::string certificates;
  size_t payload_bytes = 0;

  std::string Text() const {
    return absl::StrCat(plan.replicas, " replicas, ", rules, ", ", certificates, ", blocks of ",
                        plan.block_commands, ", ", payload_bytes, " bytes");
  }
};

absl::StatusOr<Setting> MakeSetting(const ConsensusMatrixOptions& options, uint32_t replicas,
                                    const std::string& rules, const std::string& certificates,
                                    uint32_t block_commands, size_t payload_bytes) {
  Setting setting;
  setting.rules = rules;
  setting.certificates = certificates;
  setting.payload_bytes = payload_bytes;
  setting.plan.replicas = replicas;
  setting.plan.base_timeout_ms = options.base_timeout_ms;
  setting.plan.block_commands = block_commands;
  if (replicas == 0) return absl::InvalidArgumentError("replicas is 0, want 1 or more");
  if (rules == "three_chain") {
    setting.plan.rules = hotstuff::RuleSet::kThreeChain;
    // With votes to the next leader alone 3f + 1 replicas may never commit when f are down.
    setting.plan.votes = hotstuff::VoteSpread::kAll;
  } else if (rules != "two_chain") {
    return absl::InvalidArgumentError(
        absl::StrCat("rules is ", rules, ", want two_chain or three_chain"));
  }
  if (certificates == "bls") {
    setting.plan.certificates = hotstuff::CertificateKind::kBls;
  } else if (certificates != "ed25519") {
    return absl::InvalidArgumentError(
        absl::StrCat("certificates is ", certificates, ", want ed25519 or bls"));
  }
  // So that the count bounds a block, and not the bytes.
  const uint64_t bytes = block_commands * (hotstuff::Command::kOverheadBytes + payload_bytes);
  if (bytes > hotstuff::kLargestCommandBounds.max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "blocks of ", block_commands, " commands with payloads of ", payload_bytes, " bytes are ",
        bytes, " bytes, want at most ", hotstuff::kLargestCommandBounds.max_bytes));
  }
  setting.plan.block_bytes = std::max(kLeastBlockBytes, static_cast<uint32_t>(bytes));
  return setting;
}

// One kind of load, as asked for.
struct LoadKind {
  enum class Form { kMax, kHalf, kIdle, kRate };
  Form form = Form::kMax;
  double per_second = 0;
};

absl::StatusOr<std::vector<LoadKind>> ParseLoads(const std::vector<std::string>& texts) {
  std::vector<LoadKind> out;
  bool has_max = false;
  for (const std::string& text : texts) {
    LoadKind kind;
    if (text == "max") {
      has_max = true;
    } else if (text == "half") {
      if (!has_max) return absl::InvalidArgumentError("load half: want max before it");
      kind.form = LoadKind::Form::kHalf;
    } else if (text == "idle") {
      kind = {LoadKind::Form::kIdle, kIdlePerSecond};
    } else if (absl::SimpleAtod(text, &kind.per_second) && kind.per_second > 0 &&
               kind.per_second <= 1e9) {
      kind.form = LoadKind::Form::kRate;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("load is ", text, ", want max, half, idle or commands a second, above 0"));
    }
    out.push_back(kind);
  }
  return out;
}

nanoseconds OwnCpuTime() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

// What is read at the beginning and at the end of the measured time.
struct Reading {
  Clock::time_point at;
  uint64_t height = 0;
  nanoseconds replicas{0};
  nanoseconds own{0};
};

Reading Read(const ConsensusCluster& cluster, const SubmitRun& run) {
  Reading reading;
  reading.at = Clock::now();
  reading.height = run.height();
  reading.replicas = cluster.CpuTime();
  reading.own = OwnCpuTime();
  return reading;
}

struct Measured {
  SubmitResult result;
  Reading before;
  Reading after;
  double seconds = 0;  // Of the load, after the warm-up.
};

class Cell {
 public:
  Cell(const ConsensusMatrixOptions& options, const Setting& setting)
      : options_(options), setting_(setting) {}

  absl::Status Run(const std::vector<LoadKind>& kinds) {
    GROAT_ASSIGN_OR_RETURN(cluster_, ConsensusCluster::Make({setting_.plan, options_.data}));
    GROAT_RETURN_IF_ERROR(cluster_->StartAll());
    std::vector<Measured> all;
    double max = 0;
    for (const LoadKind& kind : kinds) {
      const SubmitLoad load = MakeLoad(kind, max);
      GROAT_ASSIGN_OR_RETURN(Measured measured, Measure(load));
      if (kind.form == LoadKind::Form::kMax) max = PerSecond(measured);
      Print(load, measured);
      all.push_back(std::move(measured));
    }
    return CheckNothingLost(all);
  }

 private:
  static double PerSecond(const Measured& measured) {
    return static_cast<double>(measured.result.in_time) / measured.seconds;
  }

  SubmitLoad MakeLoad(const LoadKind& kind, double max) {
    SubmitLoad load;
    load.endpoints = cluster_->endpoints();
    load.tls = cluster_->tls();
    load.clients = options_.clients;
    load.first_client = next_client_;
    next_client_ += load.clients * load.endpoints.size();
    load.payload_bytes = setting_.payload_bytes;
    load.batch = kind.form == LoadKind::Form::kIdle
                     ? 1
                     : std::min<size_t>(options_.request, setting_.plan.block_commands);
    load.window = options_.window;
    load.commands_per_second = kind.form == LoadKind::Form::kHalf ? max / 2 : kind.per_second;
    if (kind.form == LoadKind::Form::kMax) {
      const size_t least = kLeastWindowOfStream * load.endpoints.size();
      load.window = std::min(load.window,
                             std::max<size_t>(least, kWindowBlocks * setting_.plan.block_commands));
    }
    load.warm_up = milliseconds(static_cast<int64_t>(options_.warm_up_seconds * 1000));
    load.duration = milliseconds(static_cast<int64_t>(options_.seconds * 1000));
    return load;
  }

  absl::StatusOr<Measured> Measure(const SubmitLoad& load) {
    Measured measured;
    GROAT_ASSIGN_OR_RETURN(const auto run, SubmitRun::Start(load));
    std::this_thread::sleep_until(run->measured_from());
    measured.before = Read(*cluster_, *run);
    std::this_thread::sleep_until(run->measured_until());
    measured.after = Read(*cluster_, *run);
    measured.result = run->Finish(kPatience);
    measured.seconds = std::chrono::duration<double>(load.duration).count();
    return measured;
  }

  void Print(const SubmitLoad& load, const Measured& measured) const {
    const SubmitResult& result = measured.result;
    const std::string offered =
        load.commands_per_second > 0
            ? absl::StrFormat("%.0f, requests of %d", load.commands_per_second, load.batch)
            : absl::StrCat("closed loop, ", load.window, " unanswered");
    const double commands = std::max(1.0, static_cast<double>(result.in_time));
    const auto blocks = static_cast<double>(measured.after.height - measured.before.height);
    const double seconds =
        std::chrono::duration<double>(measured.after.at - measured.before.at).count();
    const auto us = [&](nanoseconds before, nanoseconds after) {
      return static_cast<double>((after - before).count()) / 1e3 / commands;
    };
    const telemetry::LatencyHistogram& latency = result.latency;
    std::cout << absl::StrFormat(
                     "| %d | %s | %s | %d | %d | %s | %.0f | %.2f | %.2f | %.2f | %.0f | %.1f | "
                     "%.1f | %.1f |\n",
                     setting_.plan.replicas, setting_.rules, setting_.certificates,
                     setting_.plan.block_commands, setting_.payload_bytes, offered,
                     PerSecond(measured), Ms(latency.Quantile(0.5)), Ms(latency.Quantile(0.99)),
                     Ms(latency.Quantile(0.999)), blocks / seconds,
                     commands / seconds / std::max(1.0 / seconds, blocks / seconds),
                     us(measured.before.replicas, measured.after.replicas),
                     us(measured.before.own, measured.after.own))
              << std::flush;
    PrintRemarks(result);
  }

  // What the row does not say. On standard error: the table goes on.
  void PrintRemarks(const SubmitResult& result) const {
    if (result.refused + result.unanswered + result.late + result.moves +
            result.acknowledged_twice ==
        0) {
      return;
    }
    std::cerr << absl::StrFormat(
        "%s: refused %d, unanswered %d, answered twice %d, requests that left late %d, streams "
        "that "
        "broke %d; first error: %s\n",
        setting_.Text(), result.refused, result.unanswered, result.acknowledged_twice, result.late,
        result.moves, result.errors.empty() ? "none" : result.errors[0]);
  }

  absl::Status CheckNothingLost(const std::vector<Measured>& all) {
    GROAT_ASSIGN_OR_RETURN(
        const auto follower,
        ChainFollower::Start(cluster_->endpoints()[0], cluster_->tls(), cluster_->genesis()));
    std::vector<const Places*> acknowledged;
    uint64_t unanswered = 0;
    uint64_t twice = 0;
    for (const Measured& measured : all) {
      acknowledged.push_back(&measured.result.places);
      unanswered += measured.result.unanswered;
      twice += measured.result.acknowledged_twice;
    }
    const ChainAudit audit = Audit({follower.get()}, acknowledged, kPatience);
    if (!audit.ok()) return absl::DataLossError(audit.Text());
    if (twice > 0) return absl::DataLossError(absl::StrCat(twice, " commands answered twice"));
    if (unanswered == 0) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(unanswered, " commands are not answered within ",
                                               kPatience.count(), " ms after the load"));
  }

  const ConsensusMatrixOptions& options_;
  const Setting setting_;
  std::unique_ptr<ConsensusCluster> cluster_;
  uint64_t next_client_ = 1;
};

absl::StatusOr<std::vector<Setting>> MakeSettings(const ConsensusMatrixOptions& options) {
  std::vector<Setting> out;
  for (const uint32_t replicas : options.replicas) {
    for (const std::string& rules : options.rules) {
      for (const std::string& certificates : options.certificates) {
        for (const uint32_t block_commands : options.block_commands) {
          for (const size_t payload : options.payloads) {
            GROAT_ASSIGN_OR_RETURN(
                Setting setting,
                MakeSetting(options, replicas, rules, certificates, block_commands, payload));
            out.push_back(std::move(setting));
          }
        }
      }
    }
  }
  return out;
}

}  // namespace

absl::Status RunConsensusMatrix(const ConsensusMatrixOptions& options) {
  GROAT_ASSIGN_OR_RETURN(const std::vector<LoadKind> kinds, ParseLoads(options.loads));
  GROAT_ASSIGN_OR_RETURN(const std::vector<Setting> settings, MakeSettings(options));
  const fs::path folder = options.data.empty() ? fs::temp_directory_path() : fs::path(options.data);
  GROAT_ASSIGN_OR_RETURN(const DiskProbe probe, ProbeDisk(folder));
  std::cout << absl::StrFormat(
      "%s\n\n"
      "Replicas and load are processes of one machine, on loopback with mutual TLS; a stream to "
      "each "
      "replica; base timeout %d ms.\n"
      "Latency counts from when a request was due (open loop) or left (closed loop) until each "
      "command's answer; processor time is of all replicas, and of the load, a command.\n\n"
      "| replicas | rules | certificates | block, commands | payload, bytes | offered/s | "
      "committed/s | p50 ms | p99 ms | p99.9 ms | blocks/s | commands/block | replicas, us/command "
      "| load, us/command |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
      probe.Text(folder), options.base_timeout_ms);
  // One cell that fails does not take the others away; a loss is told before anything else.
  absl::Status result;
  for (const Setting& setting : settings) {
    const absl::Status status = Cell(options, setting).Run(kinds);
    if (status.ok()) continue;
    std::cerr << setting.Text() << ": " << status.ToString() << std::endl;
    if (result.ok() || (absl::IsDataLoss(status) && !absl::IsDataLoss(result))) result = status;
  }
  return result;
}

}  // namespace groat::load
