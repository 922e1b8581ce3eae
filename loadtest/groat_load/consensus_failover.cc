#include "loadtest/groat_load/consensus_failover.h"

#include <filesystem>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "loadtest/consensus/chain_audit.h"
#include "loadtest/consensus/disk_probe.h"
#include "loadtest/consensus/submit_run.h"
#include "loadtest/groat_load/report.h"

namespace groat::load {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{120'000};
// A client that hears nothing for so long goes to another replica.
constexpr milliseconds kAnswerTimeout{2000};

// Distributions over the kills, in nanoseconds.
struct Times {
  telemetry::LatencyHistogram next_block, longest, back, settled, serving, caught_up;
  telemetry::LatencyHistogram long_gaps;  // How many.

  void Add(const LeaderKill& kill) {
    const auto record = [](telemetry::LatencyHistogram& histogram, auto duration) {
      histogram.Record(static_cast<uint64_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count()));
    };
    record(next_block, kill.recovery.next_block);
    record(longest, kill.recovery.longest.length);
    record(back, kill.recovery.throughput_back);
    record(settled, kill.recovery.throughput_settled);
    long_gaps.Record(kill.recovery.long_gaps.size());
    record(serving, kill.serving);
    record(caught_up, kill.caught_up);
  }
};

void PrintTimes(const Times& times) {
  std::cout << "| from the kill, at a subscriber of a replica that lives | p50 ms | max ms |\n"
               "|---|---|---|\n";
  const auto row = [](const char* name, const telemetry::LatencyHistogram& histogram) {
    std::cout << absl::StrFormat("| %s | %.0f | %.0f |\n", name, Ms(histogram.Quantile(0.5)),
                                 Ms(histogram.max()));
  };
  row("commit of the next block that is proposed", times.next_block);
  row("longest time without a commit", times.longest);
  row("until the commands of 250 ms are 70 % of those before", times.back);
  row("until they are so for good", times.settled);
  row("killed replica: start to serving", times.serving);
  row("killed replica: start to caught up", times.caught_up);
  std::cout << absl::StrFormat(
      "\nTimes of %d ms or more without a commit, a kill: p50 %d, max %d\n\n", kLongGap.count(),
      times.long_gaps.Quantile(0.5), times.long_gaps.max());
}

}  // namespace

absl::Status RunConsensusFailover(const ConsensusFailoverOptions& options) {
  if (options.kills < 1) {
    return absl::InvalidArgumentError(absl::StrCat("kills is ", options.kills, ", want 1 or more"));
  }
  const fs::path folder = options.data.empty() ? fs::temp_directory_path() : fs::path(options.data);
  GROAT_ASSIGN_OR_RETURN(const DiskProbe probe, ProbeDisk(folder));
  ConsensusClusterOptions cluster_options;
  cluster_options.plan.replicas = options.replicas;
  cluster_options.plan.base_timeout_ms = options.base_timeout_ms;
  cluster_options.parent = options.data;
  GROAT_ASSIGN_OR_RETURN(const auto cluster, ConsensusCluster::Make(cluster_options));
  GROAT_RETURN_IF_ERROR(cluster->StartAll());
  GROAT_ASSIGN_OR_RETURN(const Followers followers, FollowAll(*cluster));
  SubmitLoad load;
  load.endpoints = cluster->endpoints();
  load.tls = cluster->tls();
  load.batch = options.request;
  load.payload_bytes = options.payload_bytes;
  load.commands_per_second = options.commands_per_second;
  load.warm_up = milliseconds(0);
  load.duration = std::chrono::hours(24);
  load.answer_timeout = kAnswerTimeout;
  GROAT_ASSIGN_OR_RETURN(const auto run, SubmitRun::Start(load));
  LeaderKills kills(*cluster, followers, options.rhythm);
  Times times;
  for (int i = 0; i < options.kills; ++i) {
    GROAT_ASSIGN_OR_RETURN(const LeaderKill kill, kills.KillOne());
    std::cerr << "kill " << i + 1 << ": " << kill.Text() << std::endl;
    times.Add(kill);
  }
  const SubmitResult result = run->Stop(kPatience);
  const ChainAudit audit = Audit(Pointers(followers), {&result.places}, kPatience);
  std::cout << absl::StrFormat(
      "%s\n\n%d replicas, base timeout %d ms, open loop of %.0f commands/s in requests of %d, "
      "payloads of %d bytes,\n%d leaders killed with -9, each down for %d ms: %d commands "
      "acknowledged, %d lost, %d elsewhere than told,\n%d refused, %d unanswered; latency of "
      "clients p50 %.1f ms, p99 %.1f ms, max %.1f ms; streams that broke: %d\n\n",
      probe.Text(folder), options.replicas, options.base_timeout_ms, options.commands_per_second,
      options.request, options.payload_bytes, options.kills, options.rhythm.down.count(),
      result.acknowledged, audit.lost, audit.misplaced, result.refused, result.unanswered,
      Ms(result.latency.Quantile(0.5)), Ms(result.latency.Quantile(0.99)), Ms(result.latency.max()),
      result.moves);
  PrintTimes(times);
  if (!audit.ok()) return absl::DataLossError(audit.Text());
  if (result.acknowledged_twice > 0) {
    return absl::DataLossError(absl::StrCat(result.acknowledged_twice, " commands answered twice"));
  }
  if (result.unanswered == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(result.unanswered,
                                             " commands are not answered within ",
                                             kPatience.count(), " ms after the load"));
}

}  // namespace groat::load
