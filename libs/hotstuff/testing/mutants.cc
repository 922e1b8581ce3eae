#include "hotstuff/testing/mutants.h"

#include "absl/strings/str_cat.h"

namespace groat::hotstuff::testing {
namespace {

Mutant Make(std::string name, Profile profile, bool Defects::*defect,
            std::optional<RuleSet> rules = std::nullopt,
            std::optional<Behaviour> behaviour = std::nullopt) {
  Mutant mutant;
  mutant.name = std::move(name);
  mutant.settings.profile = profile;
  mutant.settings.rules = rules;
  mutant.settings.behaviour = behaviour;
  mutant.settings.defects.*defect = true;
  return mutant;
}

std::vector<Mutant> MakeAll() {
  std::vector<Mutant> all;
  all.push_back(Make("algorithm 1 line 10: b from b* instead of b'", Profile::kByzantine,
                     &Defects::commit_looks_at_wrong_block, RuleSet::kThreeChain));
  // With the timeout certificates' views checked, the lock of three chains is a second net: the
  // dissertation has the lock alone.
  Mutant lock = Make("algorithm 1 line 23: the lock always lets pass", Profile::kStorm,
                     &Defects::lock_always_passes, RuleSet::kThreeChain, Behaviour::kStaleLeader);
  lock.settings.defects.no_timeout_view_check = true;
  lock.control.no_timeout_view_check = true;
  all.push_back(lock);
  all.push_back(Make("algorithm 2 lines 4 and 5: assignments backwards", Profile::kByzantine,
                     &Defects::certificates_assigned_backwards));
  // The votes in timeouts would make up for it, a timeout a view.
  Mutant collector = Make("votes go to the leader of v, the leader of v + 1 takes them",
                          Profile::kByzantine, &Defects::votes_to_wrong_leader);
  collector.settings.defects.no_votes_in_timeouts = true;
  collector.control.no_votes_in_timeouts = true;
  all.push_back(collector);
  all.push_back(Make("sets written under one name and read under another", Profile::kByzantine,
                     &Defects::votes_counted_elsewhere));
  all.push_back(Make("update behind the check of the current view", Profile::kLagging,
                     &Defects::update_behind_view_check));
  all.push_back(Make("a view is entered on the sight of a proposal", Profile::kByzantine,
                     &Defects::enter_view_on_sight, std::nullopt, Behaviour::kFarView));
  all.push_back(Make("complaints to one leader, without certificate or repetition",
                     Profile::kDeadLeaders, &Defects::complaint_to_one_leader));
  all.push_back(Make("a new leader proposes without the others' high certificates", Profile::kMixed,
                     &Defects::leader_without_high_qcs));
  all.push_back(Make("commands of an abandoned block are lost", Profile::kMixed,
                     &Defects::abandoned_commands_lost));
  all.push_back(Make("no check of the leader", Profile::kByzantine, &Defects::no_leader_check,
                     std::nullopt, Behaviour::kImpostor));
  all.push_back(Make("no check of certificates", Profile::kByzantine,
                     &Defects::no_certificate_check, std::nullopt, Behaviour::kForge));
  all.push_back(Make("no check of consecutive views before a commit", Profile::kStorm,
                     &Defects::no_consecutive_view_check, RuleSet::kTwoChain,
                     Behaviour::kEquivocate));
  all.push_back(Make("no check of a timeout certificate's views (two chains)", Profile::kStorm,
                     &Defects::no_timeout_view_check, RuleSet::kTwoChain, Behaviour::kStaleLeader));
  all.push_back(Make("votes in a view that was given up (two chains)", Profile::kLateLeader,
                     &Defects::votes_after_timeout, RuleSet::kTwoChain));
  all.push_back(Make("votes more than once a view", Profile::kTwins, &Defects::votes_twice));
  all.push_back(Make("no check of a block's time by one's own clock", Profile::kClocks,
                     &Defects::no_clock_check));
  all.push_back(Make("no check that times grow", Profile::kClocks, &Defects::no_growing_time_check,
                     std::nullopt, Behaviour::kFalseTime));
  Mutant memory;
  memory.name = "no durable state: a restart forgets votes";
  memory.settings.profile = Profile::kCrash;
  memory.settings.forget_on_restart = true;
  all.push_back(memory);
  Mutant proposals;
  proposals.name = "proposals that no durable record allows: a restart proposes twice";
  proposals.settings.profile = Profile::kCrash;
  proposals.settings.proposals_wait_for_nothing = true;
  all.push_back(proposals);
  return all;
}

MutantResult RunUntilCaught(const ScheduleSettings& settings, uint64_t seed, uint64_t schedules) {
  MutantResult result;
  for (; result.schedules < schedules && !result.caught; ++result.schedules) {
    const Verdict verdict = RunSchedule(seed + result.schedules, settings);
    if (verdict.ok()) continue;
    result.caught = true;
    result.problem = absl::StrCat("seed ", seed + result.schedules, ": ", verdict.problem);
  }
  return result;
}

}  // namespace

const std::vector<Mutant>& Mutants() {
  static const std::vector<Mutant> all = MakeAll();
  return all;
}

MutantResult RunMutant(const Mutant& mutant, uint64_t seed, uint64_t schedules) {
  return RunUntilCaught(mutant.settings, seed, schedules);
}

MutantResult RunControl(const Mutant& mutant, uint64_t seed, uint64_t schedules) {
  ScheduleSettings settings = mutant.settings;
  settings.defects = mutant.control;
  settings.forget_on_restart = false;
  settings.proposals_wait_for_nothing = false;
  return RunUntilCaught(settings, seed, schedules);
}

}  // namespace groat::hotstuff::testing
