// Which block keys the register may forget.
//
// Pure.
#ifndef GROAT_LEDGER_REGISTER_WINDOW_H_
#define GROAT_LEDGER_REGISTER_WINDOW_H_

#include <span>

#include "record/ids.h"

namespace groat::ledger {

// The last blocks stay in the register whatever the nodes report, so that a node that stops can
// show the register's history beside its own.
inline constexpr uint64_t kLeastWindowBlocks = 64;

// The highest height whose block may be deleted; 0 for none. A block may go once every node holds
// it durably (`applied`, one entry a node of the network, 0 for a node that never reported), or
// once it is `window_blocks` or more below the head: then a node that lacks it asks its peers.
record::Height HighestDeletable(record::Height head, std::span<const record::Height> applied,
                                uint64_t window_blocks);

}  // namespace groat::ledger

#endif  // GROAT_LEDGER_REGISTER_WINDOW_H_
