// The bounds that every form of the register sets to transactions and reads. Pure.
#ifndef GROAT_STORAGE_REGISTER_TRANSACTION_H_
#define GROAT_STORAGE_REGISTER_TRANSACTION_H_

#include <vector>

#include "absl/status/status.h"
#include "storage/register.h"

namespace groat::storage {

// InvalidArgument as Register::Commit says. O(n log n) in the number of operations.
absl::Status ValidateTransaction(const Transaction& transaction);

// InvalidArgument if there is no range, more than kMaxRangesInRead, an empty one or a negative
// limit.
absl::Status ValidateRead(const std::vector<RangeRead>& ranges);

// InvalidArgument if `ttl` is below one second or not whole seconds.
absl::Status ValidateTimeToLive(absl::Duration ttl);

}  // namespace groat::storage

#endif  // GROAT_STORAGE_REGISTER_TRANSACTION_H_
