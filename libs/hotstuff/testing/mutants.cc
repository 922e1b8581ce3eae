#include "hotstuff/testing/mutants.h"

#include "absl/strings/str_cat.h"

namespace groat::hotstuff::testing {
namespace {

struct Where {
  Profile profile;
  std::optional<RuleSet> rules = std::nullopt;
  std::optional<Behaviour> behaviour = std::nullopt;
};

Mutant Make(std::string name, std::string what, bool Defects::*defect, const Where& where) {
  Mutant mutant;
  mutant.name = std::move(name);
  mutant.what = std::move(what);
  mutant.settings.profile = where.profile;
  mutant.settings.rules = where.rules;
  mutant.settings.behaviour = where.behaviour;
  mutant.settings.defects.*defect = true;
  return mutant;
}

// Algorithms 1 and 2 of the dissertation.
void AddWrongLines(std::vector<Mutant>& all) {
  all.push_back(Make("commit_looks_at_wrong_block", "algorithm 1 line 10: b from b* instead of b'",
                     &Defects::commit_looks_at_wrong_block,
                     {Profile::kByzantine, RuleSet::kThreeChain}));
  // With the timeout certificates' views checked, the lock of three chains is a second net: the
  // dissertation has the lock alone.
  Mutant lock = Make("lock_always_passes", "algorithm 1 line 23: the lock always lets pass",
                     &Defects::lock_always_passes,
                     {Profile::kStorm, RuleSet::kThreeChain, Behaviour::kStaleLeader});
  lock.settings.defects.no_timeout_view_check = true;
  lock.control.no_timeout_view_check = true;
  all.push_back(lock);
  all.push_back(Make("certificates_assigned_backwards",
                     "algorithm 2 lines 4 and 5: assignments backwards",
                     &Defects::certificates_assigned_backwards, {Profile::kByzantine}));
  // The votes in timeouts would make up for it, a timeout a view.
  Mutant collector =
      Make("votes_to_wrong_leader", "votes go to the leader of v, the leader of v + 1 takes them",
           &Defects::votes_to_wrong_leader, {Profile::kByzantine});
  collector.settings.defects.no_votes_in_timeouts = true;
  collector.control.no_votes_in_timeouts = true;
  all.push_back(collector);
  all.push_back(Make("votes_counted_elsewhere",
                     "sets written under one name and read under another",
                     &Defects::votes_counted_elsewhere, {Profile::kByzantine}));
}

// What keeps the dissertation's protocol from making progress.
void AddStandstills(std::vector<Mutant>& all) {
  all.push_back(Make("update_behind_view_check", "update behind the check of the current view",
                     &Defects::update_behind_view_check, {Profile::kLagging}));
  all.push_back(Make("enter_view_on_sight", "a view is entered on the sight of a proposal",
                     &Defects::enter_view_on_sight,
                     {Profile::kByzantine, std::nullopt, Behaviour::kFarView}));
  all.push_back(Make("complaint_to_one_leader",
                     "complaints to one leader, without certificate or repetition",
                     &Defects::complaint_to_one_leader, {Profile::kDeadLeaders}));
  all.push_back(Make("leader_without_high_qcs",
                     "a new leader proposes without the others' high certificates",
                     &Defects::leader_without_high_qcs, {Profile::kMixed}));
  all.push_back(Make("abandoned_commands_lost", "commands of an abandoned block are lost",
                     &Defects::abandoned_commands_lost, {Profile::kMixed}));
}

void AddMissingChecks(std::vector<Mutant>& all) {
  all.push_back(Make("no_leader_check", "no check of the leader", &Defects::no_leader_check,
                     {Profile::kByzantine, std::nullopt, Behaviour::kImpostor}));
  all.push_back(Make("no_certificate_check", "no check of certificates",
                     &Defects::no_certificate_check,
                     {Profile::kByzantine, std::nullopt, Behaviour::kForge}));
  all.push_back(Make("no_consecutive_view_check", "no check of consecutive views before a commit",
                     &Defects::no_consecutive_view_check,
                     {Profile::kStorm, RuleSet::kTwoChain, Behaviour::kEquivocate}));
  all.push_back(Make("no_timeout_view_check",
                     "no check of a timeout certificate's views (two chains)",
                     &Defects::no_timeout_view_check,
                     {Profile::kStorm, RuleSet::kTwoChain, Behaviour::kStaleLeader}));
  all.push_back(Make("votes_after_timeout", "votes in a view that was given up (two chains)",
                     &Defects::votes_after_timeout, {Profile::kLateLeader, RuleSet::kTwoChain}));
  all.push_back(
      Make("votes_twice", "votes more than once a view", &Defects::votes_twice, {Profile::kTwins}));
  all.push_back(Make("no_clock_check", "no check of a block's time by one's own clock",
                     &Defects::no_clock_check, {Profile::kClocks}));
  all.push_back(Make("no_growing_time_check", "no check that times grow",
                     &Defects::no_growing_time_check,
                     {Profile::kClocks, std::nullopt, Behaviour::kFalseTime}));
}

std::vector<Mutant> MakeAll() {
  std::vector<Mutant> all;
  AddWrongLines(all);
  AddStandstills(all);
  AddMissingChecks(all);
  Mutant memory;
  memory.name = "forget_on_restart";
  memory.what = "no durable state: a restart forgets votes";
  memory.settings.profile = Profile::kCrash;
  memory.settings.forget_on_restart = true;
  all.push_back(memory);
  Mutant proposals;
  proposals.name = "proposals_wait_for_nothing";
  proposals.what = "proposals that no durable record allows: a restart proposes twice";
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
    result.unsafe = !verdict.safe;
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
