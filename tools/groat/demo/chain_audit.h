// Whether a relay's cycles and the blocks of several ledger nodes tell one and the same story.
//
// Pure.
#ifndef GROAT_TOOLS_GROAT_DEMO_CHAIN_AUDIT_H_
#define GROAT_TOOLS_GROAT_DEMO_CHAIN_AUDIT_H_

#include <vector>

#include "absl/status/status.h"
#include "asset/trust.h"
#include "record/block.h"
#include "record/root_statement.h"

namespace groat::demo {

// OK if the cycles are 1, 2, 3, ... without a gap, each signed by the relay and following the one
// before by the rules of record::CheckFollows.
absl::Status CheckCycles(const std::vector<record::SignedRoot>& cycles,
                         const asset::RelayTrust& relay);

// OK if the blocks are heights 1, 2, 3, ..., each extending the one before.
absl::Status CheckChain(const std::vector<record::Block>& blocks);

// OK if every node has the same blocks. Chains are by node and may differ in length.
absl::Status CheckSameBlocks(const std::vector<std::vector<record::Block>>& nodes);

// OK if every cycle has exactly one block, with the same signed root.
absl::Status CheckAnchored(const std::vector<record::SignedRoot>& cycles,
                           const std::vector<record::Block>& blocks);

}  // namespace groat::demo

#endif  // GROAT_TOOLS_GROAT_DEMO_CHAIN_AUDIT_H_
