// Which members of a directory signed: one bit each.
//
// Pure value. Encoded as ceil(members / 8) bytes, member 0 at the highest bit of the first byte,
// the bits behind the last member zero.
#ifndef GROAT_BLS_SIGNER_SET_H_
#define GROAT_BLS_SIGNER_SET_H_

#include <vector>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace groat::bls {

// What a directory and a signer set hold at most; a batch of the ordered mode is as large.
inline constexpr size_t kMaxMembers = 65536;

class SignerSet {
 public:
  // Empty, for a directory of 0 to kMaxMembers members (more stops the process).
  explicit SignerSet(size_t members);
  // InvalidArgument unless the bytes are what Encode writes for so many members.
  static absl::StatusOr<SignerSet> Decode(ByteView bytes, size_t members);
  const Bytes& Encode() const { return bitmap_; }
  static constexpr size_t EncodedSize(size_t members) { return (members + 7) / 8; }

  size_t members() const { return members_; }
  // How many members are in the set.
  size_t count() const { return count_; }
  // False for an index that no member has.
  bool Contains(size_t member) const;
  // False if it is there already. An index that no member has stops the process.
  bool Insert(size_t member);
  bool Remove(size_t member);
  // In ascending order.
  std::vector<size_t> ToList() const;

  friend bool operator==(const SignerSet&, const SignerSet&) = default;

 private:
  size_t members_;
  size_t count_ = 0;
  Bytes bitmap_;
};

}  // namespace groat::bls

#endif  // GROAT_BLS_SIGNER_SET_H_
