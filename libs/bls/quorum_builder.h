// Collects members' signatures over one message and makes a quorum certificate of them.
//
// Shares are not verified one by one: a quorum's sum is, and only if it is wrong, a bisection finds
// the guilty shares (bls/bulk/bad_shares.h). With b of n shares wrong that takes about
// 2 b log2(n / b) verifications.
// Pure; single owner, not thread-safe; memory is one signature a member.
#ifndef GROAT_BLS_QUORUM_BUILDER_H_
#define GROAT_BLS_QUORUM_BUILDER_H_

#include <map>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "bls/bulk/bad_shares.h"
#include "bls/hashed_message.h"
#include "bls/key_directory.h"
#include "bls/quorum_certificate.h"

namespace groat::bls {

class QuorumBuilder {
 public:
  // `directory` must outlive the builder. `threshold` is from 1 to the directory's size, otherwise
  // the process stops.
  QuorumBuilder(const KeyDirectory& directory, size_t threshold, ByteView message);

  enum class AddResult {
    kAdded,
    kRepeated,  // The member has a share here; the first one stays.
    kUnknown,   // No member has this index.
  };
  // No verification. The share's point is in the subgroup, as the type says.
  AddResult Add(size_t member, const Signature& share);

  size_t count() const { return shares_.size(); }

  struct Progress {
    // Verified; of all right shares.
    std::optional<QuorumCertificate> certificate;
    // Members whose shares were found wrong and dropped, ascending. They may add again. Wrong
    // shares that cancel each other out (made by members that collude) are not found, and do no
    // harm: the certificate verifies. So a share in a certificate says nothing about that member
    // alone.
    std::vector<size_t> wrong;
    // Members whose shares were dropped since wrong ones are among them and kMaxChecks
    // verifications did not tell which, ascending. They may add again, best after their shares were
    // verified.
    std::vector<size_t> suspects;
  };
  // Verifications of a bisection.
  static constexpr size_t kMaxChecks = 512;
  // One verification if the shares are right, at most kMaxChecks + 1 otherwise; nothing below
  // `threshold` shares.
  Progress TryBuild();

 private:
  using Shares = std::vector<std::pair<size_t, Signature>>;
  RangeSum SumOf(const Shares& shares, const ShareRange& range) const;
  bool IsRight(const RangeSum& sum) const;
  // Drops the guilty ones of the shares, whose sum is known to be wrong.
  void DropWrong(const Shares& shares, const RangeSum& sum, Progress& progress);

  const KeyDirectory& directory_;
  const size_t threshold_;
  const HashedMessage message_;
  std::map<size_t, Signature> shares_;
};

}  // namespace groat::bls

#endif  // GROAT_BLS_QUORUM_BUILDER_H_
