// Sums of many signatures that come uncompressed, as the shares of a batch do: 192 bytes each,
// which costs a fortieth of a decompression.
//
// Every share is checked to be canonical and on the curve. The subgroup is checked by nobody here:
// a sum of points in the subgroup is in it, so one check of the sum is enough to accept it; where
// it fails, bad_shares.h finds who is to blame.
//
// Pure; all values are public. Engine::kIfma where the processor lacks it stops the process.
#ifndef GROAT_BLS_BULK_SIGNATURE_SHARES_H_
#define GROAT_BLS_BULK_SIGNATURE_SHARES_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/bulk/engine.h"
#include "bls/bulk/workspace.h"
#include "bls/curve/curves.h"

namespace groat::bls {

struct SharesSum {
  // On the curve; whether in the subgroup is not known.
  G2Affine sum;
  // The shares, ascending, that are not canonical or not on the curve; they are not in the sum.
  std::vector<uint32_t> malformed;
};

// The sum of shares of kG2UncompressedBytes each, one behind the other (ZCash's uncompressed form;
// infinity is a share like any other). InvalidArgument unless the size is a multiple of 192.
absl::StatusOr<SharesSum> SumSignatureShares(ByteView shares, Workspace& workspace,
                                             Engine engine = BestEngine());

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_SIGNATURE_SHARES_H_
