// Brings a ledger back whose register lost its majority: fills a new, empty register with the chain
// of a node's store.
//
// The store must be the one with the highest head that can be found (each node's own "blocks"
// folder is as good as a backup): blocks above it were lost with the register, and a node that has
// applied or signed more stops with both histories shown, rather than follow.
#ifndef GROAT_SERVICES_LEDGER_RESTORE_H_
#define GROAT_SERVICES_LEDGER_RESTORE_H_

#include "absl/status/statusor.h"
#include "services/ledger/block_store.h"
#include "services/ledger/register_keys.h"
#include "storage/register.h"

namespace groat::ledger_service {

// Writes the last `window_blocks` blocks, then head and relay entries in one transaction that
// requires the head to be absent. The restored height. FailedPrecondition if the store has no
// block, or the register holds anything under the prefix but what an earlier, interrupted restore
// of the same store wrote; it is unchanged then.
absl::StatusOr<record::Height> RestoreRegister(const BlockStore& store, const Bytes32& ledger_id,
                                               const RegisterKeys& keys, uint64_t window_blocks,
                                               storage::Register& reg);

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_RESTORE_H_
