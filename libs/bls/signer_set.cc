#include "bls/signer_set.h"

#include <bit>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::bls {
namespace {

uint8_t BitOf(size_t member) { return static_cast<uint8_t>(0x80 >> (member % 8)); }

}  // namespace

SignerSet::SignerSet(size_t members) : members_(members), bitmap_(EncodedSize(members)) {
  GROAT_CHECK_LE(members, kMaxMembers);
}

absl::StatusOr<SignerSet> SignerSet::Decode(ByteView bytes, size_t members) {
  if (members > kMaxMembers) {
    return absl::InvalidArgumentError(
        absl::StrCat(members, " members, want at most ", kMaxMembers));
  }
  SignerSet set(members);
  if (bytes.size() != set.bitmap_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("signers' bitmap is ", bytes.size(), " bytes, want ", set.bitmap_.size()));
  }
  if (members % 8 != 0 && (bytes.back() & (0xff >> (members % 8))) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("signers' bitmap names a member behind the last of ", members));
  }
  set.bitmap_.assign(bytes.begin(), bytes.end());
  for (const uint8_t byte : bytes) set.count_ += static_cast<size_t>(std::popcount(byte));
  return set;
}

bool SignerSet::Contains(size_t member) const {
  return member < members_ && (bitmap_[member / 8] & BitOf(member)) != 0;
}

bool SignerSet::Insert(size_t member) {
  GROAT_CHECK_LT(member, members_);
  if (Contains(member)) return false;
  bitmap_[member / 8] |= BitOf(member);
  ++count_;
  return true;
}

bool SignerSet::Remove(size_t member) {
  if (!Contains(member)) return false;
  bitmap_[member / 8] ^= BitOf(member);
  --count_;
  return true;
}

std::vector<size_t> SignerSet::ToList() const {
  std::vector<size_t> out;
  out.reserve(count_);
  for (size_t member = 0; member < members_; ++member) {
    if (Contains(member)) out.push_back(member);
  }
  return out;
}

}  // namespace groat::bls
