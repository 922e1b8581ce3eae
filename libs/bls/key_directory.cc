#include "bls/key_directory.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::bls {
namespace {

// Below, adding one by one is as fast, and the memory is saved.
constexpr size_t kPackFromMembers = 128;

}  // namespace

absl::StatusOr<KeyDirectory> KeyDirectory::Create(std::span<const Registration> members) {
  std::vector<PublicKey> keys;
  keys.reserve(members.size());
  for (const Registration& member : members) keys.push_back(member.key);
  GROAT_ASSIGN_OR_RETURN(KeyDirectory directory, FromProvenKeys(std::move(keys)));
  for (size_t i = 0; i < members.size(); ++i) {
    if (!PopVerify(members[i].key, members[i].proof)) {
      return absl::InvalidArgumentError(
          absl::StrCat("member ", i, " has not proven possession of its key"));
    }
  }
  return directory;
}

absl::StatusOr<KeyDirectory> KeyDirectory::FromProvenKeys(std::vector<PublicKey> keys) {
  if (keys.empty() || keys.size() > kMaxMembers) {
    return absl::InvalidArgumentError(
        absl::StrCat(keys.size(), " members, want 1 to ", kMaxMembers));
  }
  std::set<FixedBytes<PublicKey::kSize>> seen;
  for (const PublicKey& key : keys) {
    if (!seen.insert(key.Encode()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("two members have the key ", key.Encode().Hex()));
    }
  }
  return KeyDirectory(std::move(keys));
}

KeyDirectory::KeyDirectory(std::vector<PublicKey> keys) : keys_(std::move(keys)), total_(keys_) {
  if (keys_.size() < kPackFromMembers) return;
  auto packed = std::make_shared<PackedKeys>();
  for (const PublicKey& key : keys_) GROAT_CHECK_OK(packed->Append(key.point()));
  packed_ = std::move(packed);
}

PublicKeySum KeyDirectory::Sum(const SignerSet& signers) const {
  GROAT_CHECK_EQ(signers.members(), keys_.size());
  if (packed_ != nullptr) {
    thread_local Workspace workspace;
    const absl::StatusOr<G1Affine> sum = packed_->SumSelected(signers.Encode(), workspace);
    GROAT_CHECK_OK(sum.status());
    return PublicKeySum(G1::FromAffine(*sum));
  }
  const bool subtract = signers.count() > keys_.size() / 2;
  PublicKeySum sum = subtract ? total_ : PublicKeySum();
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (signers.Contains(i) == subtract) continue;
    if (subtract) {
      sum.Subtract(keys_[i]);
    } else {
      sum.Add(keys_[i]);
    }
  }
  return sum;
}

}  // namespace groat::bls
