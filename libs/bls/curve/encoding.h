// Points as bytes, in the format that ZCash introduced and everybody uses for BLS12-381.
//
// Pure. A point is x, and y in the uncompressed form, each in 48-byte big-endian coefficients, in
// Fp2 c1 before c0. The three highest bits of the first byte say: compressed; infinity (all else is
// zero); and in the compressed form, that y is the larger of the two roots.
// Source: draft-irtf-cfrg-pairing-friendly-curves, appendix C.
//
// Decoders accept one encoding for each point and nothing else: wrong lengths and flags,
// coefficients at or above p, stray bits beside infinity, a sign where there is none to give, and
// points off the curve are InvalidArgument. They do NOT check the subgroup: CheckInSubgroup does,
// and nothing from a peer may be used before it. Infinity decodes; who must refuse it does.
#ifndef GROAT_BLS_CURVE_ENCODING_H_
#define GROAT_BLS_CURVE_ENCODING_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/curve/curves.h"

namespace groat::bls {

inline constexpr size_t kG1CompressedBytes = 48;
inline constexpr size_t kG1UncompressedBytes = 96;
inline constexpr size_t kG2CompressedBytes = 96;
inline constexpr size_t kG2UncompressedBytes = 192;

// Constant time.
FixedBytes<kG1CompressedBytes> EncodeCompressed(const G1Affine& p);
FixedBytes<kG2CompressedBytes> EncodeCompressed(const G2Affine& p);
FixedBytes<kG1UncompressedBytes> EncodeUncompressed(const G1Affine& p);
FixedBytes<kG2UncompressedBytes> EncodeUncompressed(const G2Affine& p);

// A point of the curve, not known to be in the subgroup.
absl::StatusOr<G1Affine> DecodeG1Compressed(ByteView bytes);
absl::StatusOr<G1Affine> DecodeG1Uncompressed(ByteView bytes);
absl::StatusOr<G2Affine> DecodeG2Compressed(ByteView bytes);
absl::StatusOr<G2Affine> DecodeG2Uncompressed(ByteView bytes);

// InvalidArgument if the point, which must be on the curve, is not in the subgroup of order r.
absl::Status CheckInSubgroup(const G1Affine& p);
absl::Status CheckInSubgroup(const G2Affine& p);

}  // namespace groat::bls

#endif  // GROAT_BLS_CURVE_ENCODING_H_
