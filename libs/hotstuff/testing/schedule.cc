#include "hotstuff/testing/schedule.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

namespace groat::hotstuff::testing {
namespace {

constexpr std::string_view kNames[] = {"mixed",     "twins",       "crash",
                                       "byzantine", "lagging",     "dead-leaders",
                                       "storm",     "late-leader", "clocks"};
constexpr uint64_t kHealedMs = 200'000;  // Virtual time for recovery, far more than needed.

struct Plan {
  ClusterConfig config;
  uint64_t chaos_ms = 2000;
  uint64_t step_ms = 50;           // Between two faults.
  uint64_t partition_percent = 0;  // Chances of each at a step.
  uint64_t crash_percent = 0;
  std::set<size_t> dead;  // For ever.
  std::optional<size_t> cut_off;
};

size_t ChooseN(Random& random) {
  static constexpr size_t kSizes[] = {4, 4, 4, 4, 5, 6, 7, 7, 10, 13, 4, 4, 7, 16, 4, 31};
  return kSizes[random.Below(std::size(kSizes))];
}

void AddByzantine(Random& random, const ScheduleSettings& settings, ClusterConfig& config) {
  static constexpr Behaviour kAll[] = {
      Behaviour::kSilentLeader, Behaviour::kEquivocate, Behaviour::kDoubleVote,
      Behaviour::kForge,        Behaviour::kStale,      Behaviour::kSelective,
      Behaviour::kSpam,         Behaviour::kImpostor,   Behaviour::kFarView,
      Behaviour::kStaleLeader,  Behaviour::kMute,       Behaviour::kFalseTime,
      Behaviour::kWrongClock};
  for (size_t i = 0; i < FaultsOf(config.n); ++i) {
    const size_t node = random.Below(config.n);
    config.behaviours[node] = settings.behaviour.value_or(kAll[random.Below(std::size(kAll))]);
  }
}

void ChooseLinks(Random& random, Links& links) {
  links.min_delay_ms = 1;
  links.max_delay_ms = random.Percent(30) ? 1 : random.Between(2, 60);
  links.loss_percent = random.Percent(40) ? 0 : random.Between(1, 20);
  links.duplicate_percent = random.Percent(50) ? 0 : random.Between(1, 10);
  links.max_job_delay_ms = random.Percent(50) ? 0 : random.Between(1, 10);
}

Plan MakePlan(Random& random, const ScheduleSettings& settings) {
  Plan plan;
  ClusterConfig& config = plan.config;
  config.seed = random.Next();
  config.defects = settings.defects;
  config.forget_on_restart = settings.forget_on_restart;
  config.proposals_wait_for_nothing = settings.proposals_wait_for_nothing;
  config.rules =
      settings.rules.value_or(random.Percent(50) ? RuleSet::kTwoChain : RuleSet::kThreeChain);
  config.votes = random.Percent(50) ? VoteSpread::kNextLeader : VoteSpread::kAll;
  config.n = settings.n.value_or(4);
  switch (settings.profile) {
    case Profile::kMixed:
      config.n = settings.n.value_or(ChooseN(random));
      ChooseLinks(random, config.links);
      config.max_skew_ms = random.Percent(50) ? 0 : 2000;
      plan.partition_percent = random.Percent(50) ? 0 : 10;
      plan.crash_percent = random.Percent(50) ? 0 : 10;
      if (random.Percent(60)) AddByzantine(random, settings, config);
      break;
    case Profile::kTwins:
      config.twins = FaultsOf(config.n);
      config.links.max_delay_ms = random.Between(1, 20);
      plan.partition_percent = 70;
      plan.step_ms = 60;
      plan.chaos_ms = 1500;
      config.base_timeout_ms = 50;
      break;
    case Profile::kCrash:
      config.links.max_delay_ms = random.Between(1, 30);
      config.links.max_job_delay_ms = random.Below(5);
      plan.crash_percent = 50;
      plan.partition_percent = random.Percent(50) ? 30 : 0;
      plan.chaos_ms = 3000;
      config.base_timeout_ms = 60;
      if (random.Percent(50)) AddByzantine(random, settings, config);
      break;
    case Profile::kByzantine:
      config.links.max_delay_ms = random.Between(1, 30);
      AddByzantine(random, settings, config);
      break;
    case Profile::kLagging:
      plan.cut_off = random.Below(config.n);
      config.links.max_delay_ms = random.Between(1, 5);
      break;
    case Profile::kStorm:
      config.links.max_delay_ms = random.Between(5, 90);
      config.links.loss_percent = random.Between(0, 25);
      config.links.late_proposal_ms = random.Percent(50) ? 0 : random.Between(20, 150);
      config.base_timeout_ms = 50;
      plan.partition_percent = random.Percent(50) ? 30 : 0;
      plan.chaos_ms = 3000;
      AddByzantine(random, settings, config);
      break;
    case Profile::kLateLeader:
      config.n = 4;
      config.votes = VoteSpread::kAll;
      config.links.max_delay_ms = random.Between(20, 40);
      config.links.loss_percent = random.Between(0, 3);
      config.links.late_proposal_ms = random.Between(20, 100);
      config.base_timeout_ms = 50;
      config.behaviours[random.Below(config.n)] = Behaviour::kLateLeader;
      break;
    case Profile::kClocks: {
      config.n = settings.n.value_or(random.Percent(70) ? 4 : 7);
      config.max_clock_drift_ms = static_cast<uint32_t>(random.Between(200, 1000));
      config.max_skew_ms = random.Below(config.max_clock_drift_ms / 4);
      config.links.max_delay_ms = random.Between(1, 20);
      plan.step_ms = random.Percent(50) ? 50 : config.max_clock_drift_ms + 100;
      plan.chaos_ms = 5000;
      ScheduleSettings liars = settings;
      liars.behaviour = settings.behaviour.value_or(random.Percent(70) ? Behaviour::kFalseTime
                                                                       : Behaviour::kWrongClock);
      AddByzantine(random, liars, config);
      break;
    }
    case Profile::kDeadLeaders: {
      config.n = settings.n.value_or(7);
      const size_t first = random.Below(config.n);
      for (size_t i = 0; i < FaultsOf(config.n); ++i) plan.dead.insert((first + i) % config.n);
      break;
    }
  }
  if (!CheckCanProgress(config.n, config.rules, config.votes).ok()) config.votes = VoteSpread::kAll;
  return plan;
}

class Run {
 public:
  Run(uint64_t seed, const ScheduleSettings& settings)
      : random_(seed), plan_(MakePlan(random_, settings)), cluster_(plan_.config) {
    for (const size_t node : plan_.dead) cluster_.Crash(node);
  }

  Verdict Go() {
    Chaos();
    Heal();
    verdict_.views = cluster_.HighestView();
    verdict_.blocks = cluster_.checker().height();
    if (!cluster_.problem().empty()) {
      verdict_.safe = false;
      verdict_.problem = cluster_.problem();
    }
    return verdict_;
  }

 private:
  void SubmitSome() {
    const size_t node = random_.Below(cluster_.node_count());
    if (!cluster_.IsHonest(node) || !cluster_.IsUp(node)) return;
    const uint64_t sequence = ++sequences_[node];
    if (!cluster_.Submit(node, node + 1, sequence)) return;
    accepted_.emplace_back(node, CommandKey{ClientId(node + 1), Sequence(sequence)});
  }

  void Fault() {
    const size_t nodes = cluster_.node_count();
    if (random_.Percent(plan_.partition_percent)) {
      std::vector<int> groups(nodes);
      const uint64_t kinds = random_.Between(1, 3);
      for (int& group : groups) group = static_cast<int>(random_.Below(kinds));
      cluster_.Partition(std::move(groups));
    }
    if (random_.Percent(plan_.crash_percent)) {
      const size_t node = random_.Below(nodes);
      if (plan_.dead.contains(node)) return;
      if (cluster_.IsUp(node)) {
        cluster_.CrashAt(node, static_cast<CrashPoint>(random_.Below(3)));
      } else {
        cluster_.Restart(node);
      }
    }
  }

  void Chaos() {
    if (plan_.cut_off.has_value()) {
      std::vector<int> groups(cluster_.node_count());
      groups[*plan_.cut_off] = 1;
      cluster_.Partition(std::move(groups));
    }
    for (uint64_t time = plan_.step_ms; time <= plan_.chaos_ms; time += plan_.step_ms) {
      if (!cluster_.problem().empty()) return;
      SubmitSome();
      SubmitSome();
      Fault();
      cluster_.RunUntil(time);
    }
  }

  // Everyone who never crashed has told others what it accepted.
  bool AllCommitted() const {
    for (size_t node = 0; node < cluster_.node_count(); ++node) {
      if (!cluster_.IsHonest(node) || plan_.dead.contains(node)) continue;
      if (!cluster_.IsUp(node)) return false;
      for (size_t i = 0; i < wanted_.size(); ++i) {
        if (!cluster_.HasCommitted(node, wanted_[i])) return false;
      }
    }
    return true;
  }

  void Heal() {
    if (!cluster_.problem().empty()) return;
    cluster_.Partition({});
    cluster_.CancelCrashes();
    Links links;
    links.max_delay_ms = 5;
    cluster_.SetLinks(links);
    for (size_t node = 0; node < cluster_.node_count(); ++node) {
      if (!plan_.dead.contains(node)) cluster_.Restart(node);
    }
    for (const auto& [node, key] : accepted_) {
      if (cluster_.NeverCrashed(node) && cluster_.IsUp(node)) wanted_.push_back(key);
    }
    // The probe: a new command by every honest replica.
    for (size_t node = 0; node < cluster_.node_count(); ++node) {
      if (!cluster_.IsHonest(node) || !cluster_.IsUp(node)) continue;
      const uint64_t sequence = ++sequences_[node] + 1000;
      if (cluster_.Submit(node, node + 1, sequence)) {
        wanted_.push_back({ClientId(node + 1), Sequence(sequence)});
      }
    }
    const uint64_t view_before = cluster_.HighestView();
    const uint64_t end = cluster_.now_ms() + kHealedMs;
    size_t look = 0;
    const auto done = [&] { return ++look % 16 == 0 && AllCommitted(); };
    const bool committed = cluster_.RunUntil(done, end) || AllCommitted();
    verdict_.views_to_heal = cluster_.HighestView() - view_before;
    if (!cluster_.problem().empty()) return;
    if (!committed || verdict_.views_to_heal > ViewsToHealBound(plan_.config.n)) {
      verdict_.live = false;
      verdict_.problem = absl::StrCat(
          "LIVENESS: ", committed ? "committed only" : "not committed", " after ",
          verdict_.views_to_heal, " views and ", cluster_.now_ms() + kHealedMs - end,
          " ms of healing, want at most ", ViewsToHealBound(plan_.config.n), " views", Describe());
    }
  }

  std::string Describe() const {
    std::string out = absl::StrCat("; n = ", plan_.config.n);
    for (size_t node = 0; node < cluster_.node_count(); ++node) {
      if (!cluster_.IsUp(node)) continue;
      const CoreStatus status = cluster_.core(node).status();
      size_t missing = 0;
      for (const CommandKey& key : wanted_) missing += cluster_.HasCommitted(node, key) ? 0 : 1;
      absl::StrAppend(&out, "\n    node ", node, cluster_.IsHonest(node) ? "" : " (faulty)",
                      ": view ", status.view.value(), ", high QC ", status.high_qc_view.value(),
                      ", committed height ", status.committed_height.value(), " view ",
                      status.committed_view.value(), ", pool ", status.mempool_count, ", tree ",
                      status.tree_blocks, status.syncing ? ", syncing" : "", ", misses ", missing);
    }
    return out;
  }

  Random random_;
  Plan plan_;
  Cluster cluster_;
  std::map<size_t, uint64_t> sequences_;
  std::vector<std::pair<size_t, CommandKey>> accepted_;
  std::vector<CommandKey> wanted_;
  Verdict verdict_;
};

}  // namespace

std::string_view NameOf(Profile profile) { return kNames[static_cast<size_t>(profile)]; }

std::optional<Profile> ProfileOf(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<Profile>(i);
  }
  return std::nullopt;
}

uint64_t ViewsToHealBound(size_t n) { return 8 * n + 32; }

Verdict RunSchedule(uint64_t seed, const ScheduleSettings& settings) {
  return Run(seed, settings).Go();
}

}  // namespace groat::hotstuff::testing
