#include "ledger/sign_guard.h"

#include "base/status_macros.h"

namespace groat::ledger {

Bytes SignMark::Encode() const {
  return ByteWriter().U64(height.value()).Raw(block_id).Raw(log_root).Take();
}

absl::StatusOr<SignMark> SignMark::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  SignMark mark;
  mark.height = record::Height(reader.U64());
  mark.block_id = reader.Fixed<32>();
  mark.log_root = reader.Fixed<32>();
  GROAT_RETURN_IF_ERROR(reader.Finish("sign mark"));
  return mark;
}

SignGuard::Verdict SignGuard::Consider(
    const SignMark& candidate,
    const std::function<std::optional<Bytes32>(record::Height)>& id_at) const {
  if (id_at(candidate.height) != candidate.block_id) return ForkKind::kSignedHistory;
  if (!mark_.has_value()) return Allowed{candidate};
  if (id_at(mark_->height) != mark_->block_id) return ForkKind::kSignedHistory;
  if (candidate.height == mark_->height) {
    return candidate == *mark_ ? Verdict(Allowed{}) : Verdict(ForkKind::kSignedHistory);
  }
  if (candidate.height < mark_->height) return Allowed{};
  return Allowed{candidate};
}

}  // namespace groat::ledger
