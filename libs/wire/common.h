// groat.common.v1 <-> libs/record. The only place where these messages are taken apart.
//
// Pure. FromProto checks presence and every length; InvalidArgument names the field. It does not
// verify signatures or proofs.
#ifndef GROAT_WIRE_COMMON_H_
#define GROAT_WIRE_COMMON_H_

#include "absl/status/statusor.h"
#include "groat/common/v1/block.pb.h"
#include "groat/common/v1/root.pb.h"
#include "record/block.h"
#include "record/checkpoint.h"
#include "record/root_statement.h"

namespace groat::wire {

inline ByteView View(const std::string& bytes) { return AsBytes(bytes); }

// InvalidArgument "NAME is 31 bytes, want 32".
template <size_t N>
absl::StatusOr<FixedBytes<N>> Fixed(const std::string& bytes, std::string_view name) {
  return FixedBytes<N>::From(View(bytes), name);
}
template <size_t N>
void SetBytes(const FixedBytes<N>& bytes, std::string* out) {
  out->assign(AsText(bytes));
}

void ToProto(const record::RootStatement& statement, common::v1::RootStatement* out);
void ToProto(const record::SignedRoot& root, common::v1::SignedRoot* out);
void ToProto(const record::Block& block, common::v1::Block* out);
void ToProto(const record::SignedCheckpoint& checkpoint, common::v1::Checkpoint* out);

absl::StatusOr<record::RootStatement> FromProto(const common::v1::RootStatement& proto);
absl::StatusOr<record::SignedRoot> FromProto(const common::v1::SignedRoot& proto);
// Also refuses a block whose `id` is not that of its fields.
absl::StatusOr<record::Block> FromProto(const common::v1::Block& proto);
absl::StatusOr<record::SignedCheckpoint> FromProto(const common::v1::Checkpoint& proto);

}  // namespace groat::wire

#endif  // GROAT_WIRE_COMMON_H_
