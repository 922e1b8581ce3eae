// Proof that enough members of a directory signed one message: the ledger's checkpoints and
// consensus stand on it.
//
// Pure value. Encoded as the signers' bitmap (bls/signer_set.h), then the 96-byte sum of their
// signatures; the number of members is known from the directory and not encoded.
#ifndef GROAT_BLS_QUORUM_CERTIFICATE_H_
#define GROAT_BLS_QUORUM_CERTIFICATE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/key_directory.h"
#include "bls/signature.h"
#include "bls/signer_set.h"

namespace groat::bls {

struct QuorumCertificate {
  SignerSet signers;
  Signature signature;

  Bytes Encode() const;
  // InvalidArgument unless the bytes are what Encode writes for so many members. Whether the
  // signature is right is for VerifyQuorum to say.
  static absl::StatusOr<QuorumCertificate> Decode(ByteView bytes, size_t members);

  friend bool operator==(const QuorumCertificate&, const QuorumCertificate&) = default;
};

// InvalidArgument unless `threshold` members of the directory or more signed the message and the
// certificate's signature is the sum of exactly theirs. `threshold` is from 1 up; 0 is refused, as
// an empty certificate proves nothing. One verification and KeyDirectory::Sum.
absl::Status VerifyQuorum(const QuorumCertificate& certificate, const KeyDirectory& directory,
                          size_t threshold, ByteView message);

}  // namespace groat::bls

#endif  // GROAT_BLS_QUORUM_CERTIFICATE_H_
