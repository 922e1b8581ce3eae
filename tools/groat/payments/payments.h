// The file of retail payments that `groat demo` and load generators play.
//
// The form of the file: tools/groat/data/README.md. Pure but for ReadPayments, which reads a file.
#ifndef GROAT_TOOLS_GROAT_PAYMENTS_PAYMENTS_H_
#define GROAT_TOOLS_GROAT_PAYMENTS_PAYMENTS_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "record/update.h"

namespace groat::payments {

inline constexpr uint32_t kDayMs = 24 * 60 * 60 * 1000;
inline constexpr size_t kMaxFileBytes = size_t{1} << 30;

// One row.
struct Payment {
  uint32_t time_of_day_ms = 0;  // From midnight, below kDayMs.
  uint64_t payment_id = 0;      // Distinct in the file.
  std::string payer_asset;      // What is spent: the seed of the unlock.
  uint64_t amount_cents = 0;
  std::string merchant_category;

  friend bool operator==(const Payment&, const Payment&) = default;
};

// The rows of a file in order of time. InvalidArgument "NAME:7: amount_cents is \"12.5\", want
// a whole number from 1 to 1000000000" for the first bad line, also for a payment_id used twice, a
// time earlier than the line before, another header, or no payment at all.
absl::StatusOr<std::vector<Payment>> ParsePayments(std::string_view text, std::string_view name);

// Errors of ParsePayments; NotFound or Unavailable if the file cannot be read; InvalidArgument if
// it is larger than kMaxFileBytes.
absl::StatusOr<std::vector<Payment>> ReadPayments(const std::filesystem::path& path);

// For each payment, whether an earlier one of the file spends the same asset: an attempted double
// spend.
std::vector<bool> MarkDoubleSpends(const std::vector<Payment>& payments);

// The update that a payment submits. `run` keeps replays of one file apart: the same payments with
// another run have other keys. The relay sees neither asset nor amount:
//   unlock = H("groat 2026 demo unlock v1", run 32 || payer_asset)
//   value  = H("groat 2026 demo value v1", run 32 || payment_id u64 || time_of_day_ms u32 ||
//              amount_cents u64 || length of payer_asset u8 || payer_asset || merchant_category)
record::Update UpdateOf(const Payment& payment, const Bytes32& run);

}  // namespace groat::payments

#endif  // GROAT_TOOLS_GROAT_PAYMENTS_PAYMENTS_H_
