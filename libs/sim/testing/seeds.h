// Tests that run with many seeds, and say how to run the one that failed again.
//
//   TEST(VotesTest, NeverTwiceInAView) {
//     ForEachSeed(100, [](uint64_t seed) { MeshCluster cluster({.seed = seed}); ... });
//   }
//
// GROAT_SEED=7 runs that seed alone, GROAT_SEEDS=1000 that many instead of those the test asks for.
// Tests only; one thread.
#ifndef GROAT_SIM_TESTING_SEEDS_H_
#define GROAT_SIM_TESTING_SEEDS_H_

#include <cstdint>
#include <functional>
#include <string>

namespace groat::sim::testing {

// Runs `body` with the seeds from 1 to `count`, up to the first that fails. A failure, also of a
// check that ends the process, prints RepeatCommand.
void ForEachSeed(uint64_t count, const std::function<void(uint64_t seed)>& body);

// What to type to run the present test again with this seed: variable, program and filter.
std::string RepeatCommand(uint64_t seed);

}  // namespace groat::sim::testing

#endif  // GROAT_SIM_TESTING_SEEDS_H_
