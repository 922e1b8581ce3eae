// What became of each payment of a replay, and whether that is as it must be.
//
// Pure but for what callers put in. Rows may be filled in by different threads, each row once, as
// long as all of that happens before anything is read.
#ifndef GROAT_TOOLS_GROAT_DEMO_PAYMENT_LOG_H_
#define GROAT_TOOLS_GROAT_DEMO_PAYMENT_LOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "record/ids.h"
#include "record/update.h"
#include "tools/groat/payments/payments.h"

namespace groat::demo {

enum class Outcome : uint8_t {
  kUnanswered,
  kTaken,        // Accepted, or repeated after our own first attempt lost its answer.
  kDoubleSpend,  // Refused, another payment of the same asset stands.
  kFailed,       // Answered with an error.
};

// How long a payment's call waited for.
enum class Wait : uint8_t { kAccepted, kIncluded, kAnchored };

struct PaymentResult {
  Outcome outcome = Outcome::kUnanswered;
  Wait wait = Wait::kAccepted;
  bool proof_verified = false;  // The answer's own proof, if it had one.
  record::Cycle cycle;          // Whose trie the standing value is in.
  int64_t latency_ns = 0;       // From the intended arrival to the answer.
  Bytes32 standing_value;       // For a double spend.
};

// When payments arrive: the day's times pressed into `seconds`.
std::vector<int64_t> ArrivalsNs(const std::vector<payments::Payment>& payments, double seconds);

// What a payment's call waits for: one in `every` for inclusion, one for anchoring, the others for
// acceptance. Spread evenly.
Wait WaitOf(size_t row, size_t every);

struct PaymentCounts {
  uint64_t payments = 0;
  uint64_t taken = 0;
  uint64_t double_spends_attempted = 0;
  uint64_t double_spends_caught = 0;
  uint64_t unanswered = 0;
  uint64_t failed = 0;
};

// Counts, and names in `faults` what must not be: a payment without an answer, an asset of which
// not exactly one payment was taken, a double spend whose standing value is not that of the payment
// that was taken. At most ten of a kind are named.
PaymentCounts CheckPayments(const std::vector<payments::Payment>& payments,
                            const std::vector<record::Update>& updates,
                            const std::vector<PaymentResult>& results,
                            std::vector<std::string>& faults);

}  // namespace groat::demo

#endif  // GROAT_TOOLS_GROAT_DEMO_PAYMENT_LOG_H_
