// Runs schedules, mutants and measurements of the simulation by hand.
//
//   hotstuff_simulation --profile=mixed --seed=1 --schedules=1000
//   hotstuff_simulation --mutants --schedules=50000
//   hotstuff_simulation --bench [--n=31]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "hotstuff/testing/mutants.h"

namespace groat::hotstuff::testing {
namespace {

struct Arguments {
  std::string profile = "mixed";
  uint64_t seed = 1;
  uint64_t schedules = 1000;
  size_t n = 0;
  bool mutants = false;
  bool bench = false;
};

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

bool Take(const char* argument, const char* name, std::string& out) {
  const size_t size = std::strlen(name);
  if (std::strncmp(argument, name, size) != 0) return false;
  out = argument + size;
  return true;
}

int RunSchedules(const Arguments& arguments) {
  const std::optional<Profile> profile = ProfileOf(arguments.profile);
  if (!profile.has_value()) {
    std::cerr << "profile " << arguments.profile
              << ", want mixed, twins, crash, byzantine, lagging, dead-leaders, storm, late-leader "
                 "or clocks\n";
    return 2;
  }
  ScheduleSettings settings;
  settings.profile = *profile;
  if (arguments.n != 0) settings.n = arguments.n;
  uint64_t failed = 0;
  uint64_t views = 0;
  uint64_t blocks = 0;
  uint64_t worst = 0;
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < arguments.schedules; ++i) {
    const Verdict verdict = RunSchedule(arguments.seed + i, settings);
    views += verdict.views;
    blocks += verdict.blocks;
    worst = std::max(worst, verdict.views_to_heal);
    if (verdict.ok()) continue;
    ++failed;
    std::cout << verdict.problem << "\n  again: hotstuff_simulation --profile=" << arguments.profile
              << " --seed=" << arguments.seed + i << " --schedules=1"
              << (arguments.n == 0 ? "" : " --n=" + std::to_string(arguments.n)) << "\n";
    if (failed == 20) break;
  }
  std::cout << arguments.schedules << " schedules of profile " << arguments.profile << ": "
            << failed << " failed, " << views << " views, " << blocks << " blocks, at most "
            << worst << " views to heal, " << SecondsSince(start) << " s\n";
  return failed == 0 ? 0 : 1;
}

// From how many seeds a mutant is looked for, and how far they are apart.
constexpr uint64_t kStarts = 5;
constexpr uint64_t kStartDistance = 1'000'000;

int RunMutants(const Arguments& arguments) {
  int missed = 0;
  std::cout << "schedules until a mutant is caught, from seed " << arguments.seed << " and each "
            << kStartDistance << " further\n"
            << "| mutant | what is wrong | profile | schedules | median | first seen as |\n"
            << "|---|---|---|---|---|---|\n";
  for (const Mutant& mutant : Mutants()) {
    std::cout << "| `" << mutant.name << "` | " << mutant.what << " | "
              << NameOf(mutant.settings.profile) << " | ";
    std::vector<uint64_t> counts;
    bool unsafe = false;
    for (uint64_t start = 0; start < kStarts; ++start) {
      const MutantResult result =
          RunMutant(mutant, arguments.seed + start * kStartDistance, arguments.schedules);
      if (!result.caught) ++missed;
      if (start == 0) unsafe = result.unsafe;
      counts.push_back(result.schedules);
      std::cout << (start == 0 ? "" : ", ") << result.schedules << (result.caught ? "" : " MISSED");
    }
    std::sort(counts.begin(), counts.end());
    std::cout << " | " << counts[kStarts / 2] << " | " << (unsafe ? "safety" : "liveness")
              << " |\n";
  }
  return missed == 0 ? 0 : 1;
}

void BenchViews(size_t n, uint64_t views, VoteSpread votes) {
  ClusterConfig config;
  config.n = n;
  config.votes = votes;
  Cluster cluster(config);
  const auto start = std::chrono::steady_clock::now();
  uint64_t sequence = 0;
  uint64_t submit_at = 0;
  while (cluster.HighestView() < views && cluster.problem().empty()) {
    cluster.Submit(sequence % n, 1 + sequence % n, 1 + sequence / n);
    ++sequence;
    submit_at += 2;
    cluster.RunUntil(submit_at);
  }
  const double seconds = SecondsSince(start);
  std::cout << "n = " << n << ", votes to "
            << (votes == VoteSpread::kAll ? "all" : "the next leader") << ": "
            << cluster.HighestView() << " views, " << cluster.checker().height() << " blocks, "
            << cluster.steps() << " steps in " << seconds
            << " s: " << static_cast<double>(cluster.HighestView()) / seconds << " views/s "
            << cluster.problem() << "\n";
}

int Bench(const Arguments& arguments) {
  if (arguments.n != 0) {
    BenchViews(arguments.n, 20000, VoteSpread::kNextLeader);
    return 0;
  }
  BenchViews(4, 100000, VoteSpread::kNextLeader);
  BenchViews(31, 20000, VoteSpread::kNextLeader);
  BenchViews(100, 3000, VoteSpread::kNextLeader);
  BenchViews(4, 50000, VoteSpread::kAll);
  BenchViews(31, 1000, VoteSpread::kAll);
  ScheduleSettings settings;
  settings.profile = Profile::kTwins;
  settings.n = 4;
  const auto start = std::chrono::steady_clock::now();
  uint64_t failed = 0;
  for (uint64_t seed = 1; seed <= 10000; ++seed) {
    if (!RunSchedule(seed, settings).ok()) ++failed;
  }
  std::cout << "10000 twin schedules, n = 4: " << SecondsSince(start) << " s, " << failed
            << " failed\n";
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace groat::hotstuff::testing

int main(int argc, char** argv) {
  using namespace groat::hotstuff::testing;
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    std::string value;
    if (Take(argv[i], "--profile=", value)) {
      arguments.profile = value;
    } else if (Take(argv[i], "--seed=", value)) {
      arguments.seed = std::strtoull(value.c_str(), nullptr, 10);
    } else if (Take(argv[i], "--schedules=", value)) {
      arguments.schedules = std::strtoull(value.c_str(), nullptr, 10);
    } else if (Take(argv[i], "--n=", value)) {
      arguments.n = std::strtoull(value.c_str(), nullptr, 10);
    } else if (std::strcmp(argv[i], "--mutants") == 0) {
      arguments.mutants = true;
    } else if (std::strcmp(argv[i], "--bench") == 0) {
      arguments.bench = true;
    } else {
      std::cerr << "unknown argument " << argv[i]
                << ", want --profile= --seed= --schedules= --n= --mutants --bench\n";
      return 2;
    }
  }
  if (arguments.bench) return Bench(arguments);
  if (arguments.mutants) return RunMutants(arguments);
  return RunSchedules(arguments);
}
