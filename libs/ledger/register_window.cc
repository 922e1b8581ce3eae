#include "ledger/register_window.h"

#include <algorithm>

namespace groat::ledger {

record::Height HighestDeletable(record::Height head, std::span<const record::Height> applied,
                                uint64_t window_blocks) {
  if (head.value() <= kLeastWindowBlocks) return record::Height(0);
  const record::Height highest(head.value() - kLeastWindowBlocks);
  const record::Height passed =
      applied.empty() ? record::Height(0) : *std::min_element(applied.begin(), applied.end());
  const record::Height full(head.value() > window_blocks ? head.value() - window_blocks : 0);
  return std::min(highest, std::max(passed, full));
}

}  // namespace groat::ledger
