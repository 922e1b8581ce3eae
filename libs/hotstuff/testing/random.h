// A small seeded generator: the same numbers on every machine. Tests only.
#ifndef GROAT_HOTSTUFF_TESTING_RANDOM_H_
#define GROAT_HOTSTUFF_TESTING_RANDOM_H_

#include <cstdint>

namespace groat::hotstuff::testing {

// SplitMix64 (Steele, Lea, Flood, 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // From 0 to bound - 1; the bias is of no matter here.
  uint64_t Below(uint64_t bound) { return bound == 0 ? 0 : Next() % bound; }
  uint64_t Between(uint64_t low, uint64_t high) { return low + Below(high - low + 1); }
  bool Percent(uint64_t chance) { return chance != 0 && Below(100) < chance; }

 private:
  uint64_t state_;
};

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_RANDOM_H_
