#include "tools/groat/demo/payment_log.h"

#include <map>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::demo {
namespace {

constexpr size_t kMaxNamed = 10;

// Faults of one kind: the first are named, the others counted.
class FaultList {
 public:
  FaultList(std::string kind, std::vector<std::string>& faults)
      : kind_(std::move(kind)), faults_(faults) {}
  ~FaultList() {
    if (count_ > kMaxNamed) {
      faults_.push_back(absl::StrCat(kind_, ": ", count_ - kMaxNamed, " more"));
    }
  }
  void Add(const std::string& what) {
    if (++count_ <= kMaxNamed) faults_.push_back(absl::StrCat(kind_, ": ", what));
  }

 private:
  const std::string kind_;
  std::vector<std::string>& faults_;
  size_t count_ = 0;
};

struct AssetRows {
  std::optional<size_t> taken;
  size_t taken_count = 0;
};

}  // namespace

std::vector<int64_t> ArrivalsNs(const std::vector<payments::Payment>& payments, double seconds) {
  const double scale = seconds * 1e9 / payments::kDayMs;
  std::vector<int64_t> arrivals;
  arrivals.reserve(payments.size());
  for (const payments::Payment& payment : payments) {
    arrivals.push_back(static_cast<int64_t>(payment.time_of_day_ms * scale));
  }
  return arrivals;
}

Wait WaitOf(size_t row, size_t every) {
  if (row % every == 0) return Wait::kIncluded;
  return row % every == every / 2 ? Wait::kAnchored : Wait::kAccepted;
}

PaymentCounts CheckPayments(const std::vector<payments::Payment>& payments,
                            const std::vector<record::Update>& updates,
                            const std::vector<PaymentResult>& results,
                            std::vector<std::string>& faults) {
  GROAT_CHECK_EQ(payments.size(), updates.size());
  GROAT_CHECK_EQ(payments.size(), results.size());
  FaultList unanswered("payment without an answer", faults);
  FaultList failed("payment answered with an error", faults);
  FaultList wrong_count("asset not taken exactly once", faults);
  FaultList wrong_value("double spend refused with a wrong standing value", faults);

  PaymentCounts counts;
  absl::flat_hash_map<std::string_view, AssetRows> assets;
  for (size_t i = 0; i < payments.size(); ++i) {
    const auto [position, first] = assets.try_emplace(payments[i].payer_asset);
    ++counts.payments;
    if (!first) ++counts.double_spends_attempted;
    AssetRows& rows = position->second;
    switch (results[i].outcome) {
      case Outcome::kUnanswered:
        ++counts.unanswered;
        unanswered.Add(absl::StrCat("id ", payments[i].payment_id));
        break;
      case Outcome::kFailed:
        ++counts.failed;
        failed.Add(absl::StrCat("id ", payments[i].payment_id));
        break;
      case Outcome::kTaken:
        ++counts.taken;
        ++rows.taken_count;
        rows.taken = i;
        break;
      case Outcome::kDoubleSpend:
        ++counts.double_spends_caught;
        break;
    }
  }
  for (const auto& [asset, rows] : assets) {
    if (rows.taken_count != 1) {
      wrong_count.Add(absl::StrCat(std::string(asset), " ", rows.taken_count, " times"));
    }
  }
  for (size_t i = 0; i < payments.size(); ++i) {
    if (results[i].outcome != Outcome::kDoubleSpend) continue;
    const AssetRows& rows = assets.at(payments[i].payer_asset);
    if (!rows.taken.has_value()) continue;
    if (results[i].standing_value != updates[*rows.taken].value) {
      wrong_value.Add(
          absl::StrCat("id ", payments[i].payment_id, " of asset ", payments[i].payer_asset));
    }
  }
  return counts;
}

}  // namespace groat::demo
