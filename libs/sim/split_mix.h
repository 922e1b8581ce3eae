// Seeded random numbers that are the same on every machine: SplitMix64 (Steele, Lea, Flood, 2014).
//
// The standard library's distributions differ between implementations; these do not. Not for
// secrets. Single owner.
#ifndef GROAT_SIM_SPLIT_MIX_H_
#define GROAT_SIM_SPLIT_MIX_H_

#include <cstdint>

namespace groat::sim {

class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t x = state_;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
  // Below `bound`, which is above 0. The bias is below bound / 2^64.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  // From 0 up to but without 1.
  double Fraction() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  // True with this probability; never draws where it is 0 or 1, so unused faults cost nothing.
  bool Chance(double probability) {
    if (probability <= 0) return false;
    if (probability >= 1) return true;
    return Fraction() < probability;
  }

 private:
  uint64_t state_;
};

}  // namespace groat::sim

#endif  // GROAT_SIM_SPLIT_MIX_H_
