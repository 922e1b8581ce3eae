#include "ledger/fork.h"

#include "absl/strings/str_cat.h"

namespace groat::ledger {
namespace {

std::string_view NameOf(ForkKind kind) {
  switch (kind) {
    case ForkKind::kWentBack:
      return "the register went back";
    case ForkKind::kOtherHistory:
      return "the register shows another history";
    case ForkKind::kOtherQuorum:
      return "a quorum signed another history";
    case ForkKind::kSignedHistory:
      return "the stored blocks are not those that were signed";
  }
  return "unknown";
}

std::string Describe(const std::vector<ChainPoint>& points) {
  if (points.empty()) return "empty";
  std::string out;
  for (const ChainPoint& point : points) {
    absl::StrAppend(&out, out.empty() ? "" : " ", point.height.value(), ":", point.id.Hex());
  }
  return out;
}

}  // namespace

std::optional<ChainPoint> Fork::LastCommon() const {
  std::optional<ChainPoint> common;
  for (const ChainPoint& a : ours) {
    for (const ChainPoint& b : theirs) {
      if (a == b && (!common.has_value() || a.height > common->height)) common = a;
    }
  }
  return common;
}

std::string Fork::Describe() const {
  const std::string_view name = NameOf(kind);
  std::string out =
      absl::StrCat(absl::string_view(name.data(), name.size()), ": ", reason, "; ours [",
                   ledger::Describe(ours), "], theirs [", ledger::Describe(theirs), "]");
  if (const std::optional<ChainPoint> common = LastCommon(); common.has_value()) {
    absl::StrAppend(&out, ", last in common ", common->height.value());
  }
  if (last_signed.has_value()) {
    absl::StrAppend(&out, ", signed up to ", last_signed->height.value(), ":",
                    last_signed->id.Hex());
  }
  return out;
}

std::optional<ForkKind> CompareHeads(const ChainPoint& ours, const ChainPoint& theirs,
                                     const IdAt& our_id_at) {
  if (theirs.height > ours.height) return std::nullopt;
  const Bytes32 our_id = theirs.height.value() == 0 ? Bytes32() : our_id_at(theirs.height);
  if (our_id != theirs.id) return ForkKind::kOtherHistory;
  if (theirs.height < ours.height) return ForkKind::kWentBack;
  return std::nullopt;
}

}  // namespace groat::ledger
