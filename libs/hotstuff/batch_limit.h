// How much a leader puts into a block: the genesis' bounds, or less while views fail.
//
// A block that cannot be carried, checked and stored within a view's time is given up, and costs
// the time and the traffic of a whole block; the next ones would fare no better. So the limit
// halves when a view fails and grows a little with each commit, as TCP's window does (additive
// increase, multiplicative decrease). A leader's own choice; voters hold it to the genesis alone.
#ifndef GROAT_HOTSTUFF_BATCH_LIMIT_H_
#define GROAT_HOTSTUFF_BATCH_LIMIT_H_

#include <algorithm>
#include <cstdint>

#include "hotstuff/command.h"

namespace groat::hotstuff {

class BatchLimit {
 public:
  explicit BatchLimit(const CommandBounds& whole) : whole_(whole) {}

  void ViewFailed() { share_ = std::max(share_ / 2, 1u); }
  void Committed() { share_ = std::min(share_ + 1, kWhole); }

  // From 1/128 of the genesis' bounds up, and at least one command.
  CommandBounds bounds() const {
    return {std::max(Part(whole_.max_count), 1u), Part(whole_.max_bytes)};
  }

 private:
  static constexpr uint32_t kWhole = 128;
  uint32_t Part(uint32_t whole) const {
    return static_cast<uint32_t>(uint64_t{whole} * share_ / kWhole);
  }

  CommandBounds whole_;
  uint32_t share_ = kWhole;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_BATCH_LIMIT_H_
