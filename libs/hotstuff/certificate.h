// Certificates: that n - f validators voted for a block, or that they gave a view up.
//
// Pure, immutable values, shared by pointer; safe to share between threads. Whether the signatures
// are right is for hotstuff/verification.h to say.
// Source: HotStuff (arXiv:1803.05069), section 4.2; Jolteon (arXiv:2106.10362), section 3.
// Differences from the papers: a timeout certificate does not hold the highest certificate itself.
// Whatever carries it (a block, a timeout, an advance) also carries a quorum certificate of a view
// at or above the highest one listed, and is refused otherwise; so it travels once instead of
// twice.
#ifndef GROAT_HOTSTUFF_CERTIFICATE_H_
#define GROAT_HOTSTUFF_CERTIFICATE_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "bls/signer_set.h"
#include "hotstuff/ids.h"

namespace groat::hotstuff {

// Who signed, and their signatures in the form of the certificate scheme.
struct Proof {
  bls::SignerSet signers{0};
  Bytes signature;  // At most kMaxSignatureBytes.

  static constexpr size_t kMaxSignatureBytes = kMaxReplicas * 96;
  friend bool operator==(const Proof&, const Proof&) = default;
};

class QuorumCertificate;
class TimeoutCertificate;
using QcPtr = std::shared_ptr<const QuorumCertificate>;
using TcPtr = std::shared_ptr<const TimeoutCertificate>;

// n - f votes for one block in one view.
class QuorumCertificate {
 public:
  static QcPtr Make(Epoch epoch, View view, const BlockId& block, Proof proof);
  // The certificate of an epoch's root, which nobody signs: view 0, no signers.
  static QcPtr MakeRoot(Epoch epoch, const BlockId& root);

  // epoch u64 ‖ view u64 ‖ block 32 ‖ members u16 ‖ bitmap ‖ signature size u32 ‖ signature.
  Bytes Encode() const;
  // InvalidArgument unless the bytes are what Encode writes.
  static absl::StatusOr<QcPtr> Decode(ByteView bytes);

  Epoch epoch() const { return epoch_; }
  View view() const { return view_; }
  const BlockId& block() const { return block_; }
  const Proof& proof() const { return proof_; }
  // Digest of the encoded form.
  const Hash& hash() const { return hash_; }

 private:
  QuorumCertificate() = default;
  Epoch epoch_;
  View view_;
  BlockId block_;
  Proof proof_;
  Hash hash_;
};

// n - f validators gave a view up, each signing the view of its highest quorum certificate.
class TimeoutCertificate {
 public:
  // `high_qc_views` has one view for each signer, in ascending order of the signers; all are below
  // `view`, else the process stops.
  static TcPtr Make(Epoch epoch, View view, std::vector<View> high_qc_views, Proof proof);

  // epoch u64 ‖ view u64 ‖ members u16 ‖ bitmap ‖ high QC's view u64 of each signer ‖
  // signature size u32 ‖ signature.
  Bytes Encode() const;
  // InvalidArgument unless the bytes are what Encode writes, with every high view below the view.
  static absl::StatusOr<TcPtr> Decode(ByteView bytes);

  Epoch epoch() const { return epoch_; }
  View view() const { return view_; }
  const std::vector<View>& high_qc_views() const { return high_qc_views_; }
  View highest_qc_view() const { return highest_qc_view_; }
  const Proof& proof() const { return proof_; }
  const Hash& hash() const { return hash_; }

 private:
  TimeoutCertificate() = default;
  Epoch epoch_;
  View view_;
  std::vector<View> high_qc_views_;
  View highest_qc_view_;
  Proof proof_;
  Hash hash_;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_CERTIFICATE_H_
