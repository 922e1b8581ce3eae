// The public keys of a group, by index, each with its possession proven.
//
// Pure; immutable once made, so safe to share between threads.
#ifndef GROAT_BLS_KEY_DIRECTORY_H_
#define GROAT_BLS_KEY_DIRECTORY_H_

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "bls/bulk/packed_keys.h"
#include "bls/proof_of_possession.h"
#include "bls/public_key.h"
#include "bls/signer_set.h"

namespace groat::bls {

// What a member publishes.
struct Registration {
  PublicKey key;
  ProofOfPossession proof;

  friend bool operator==(const Registration&, const Registration&) = default;
};

class KeyDirectory {
 public:
  // InvalidArgument unless there are 1 to kMaxMembers members with distinct keys and right proofs;
  // it names the first wrong member. Half a verification a member.
  static absl::StatusOr<KeyDirectory> Create(std::span<const Registration> members);
  // For keys whose proofs the caller has verified before. Otherwise as above.
  static absl::StatusOr<KeyDirectory> FromProvenKeys(std::vector<PublicKey> keys);

  size_t size() const { return keys_.size(); }
  const PublicKey& key(size_t member) const { return keys_[member]; }
  // The sum of the keys of a set over this directory. One addition for each member that is in it or
  // that is not in it, whichever are fewer; large directories add up in bulk
  // (bls/bulk/packed_keys.h), 65,536 keys in a few milliseconds. The set must be for as many
  // members, else the process stops.
  PublicKeySum Sum(const SignerSet& signers) const;

 private:
  explicit KeyDirectory(std::vector<PublicKey> keys);
  std::vector<PublicKey> keys_;
  PublicKeySum total_;
  // The same keys again in large directories, else null. Shared, since it never changes.
  std::shared_ptr<const PackedKeys> packed_;
};

}  // namespace groat::bls

#endif  // GROAT_BLS_KEY_DIRECTORY_H_
