// The defects of the dissertation's pseudocode and other missing rules, each with the schedules
// that must catch it. Tests only.
#ifndef GROAT_HOTSTUFF_TESTING_MUTANTS_H_
#define GROAT_HOTSTUFF_TESTING_MUTANTS_H_

#include <string>
#include <vector>

#include "hotstuff/testing/schedule.h"

namespace groat::hotstuff::testing {

struct Mutant {
  std::string name;  // Of the switch that makes it.
  std::string what;
  ScheduleSettings settings;  // With the defect.
  // The same without it, which must pass the same schedules. Differs from a plain core only where
  // another rule makes the defective one redundant: then that rule is off in both.
  Defects control;
};

const std::vector<Mutant>& Mutants();

struct MutantResult {
  bool caught = false;
  bool unsafe = false;     // Caught for what must never be, not for standing still.
  uint64_t schedules = 0;  // Until it was caught, or in all.
  std::string problem;
};
MutantResult RunMutant(const Mutant& mutant, uint64_t seed, uint64_t schedules);
// How many of the schedules fail with the control in place; must be 0.
MutantResult RunControl(const Mutant& mutant, uint64_t seed, uint64_t schedules);

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_MUTANTS_H_
