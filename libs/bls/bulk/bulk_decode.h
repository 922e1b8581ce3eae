// Many compressed points at once, with their subgroup checks: with AVX-512 about seven times as
// fast as one by one.
//
// Pure; all values are public. Engine::kIfma where the processor lacks it stops the process.
#ifndef GROAT_BLS_BULK_BULK_DECODE_H_
#define GROAT_BLS_BULK_BULK_DECODE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/bulk/engine.h"
#include "bls/curve/curves.h"

namespace groat::bls {

template <typename Affine>
struct DecodedPoints {
  // One for each encoding, all in the subgroup of order r; infinity where the encoding says so and
  // where it is refused.
  std::vector<Affine> points;
  // The encodings, ascending, that are not canonical, not on the curve or not in the subgroup.
  std::vector<uint32_t> refused;
};

// Encodings of 48 (G1) or 96 bytes (G2) in ZCash's compressed form, one behind the other.
// InvalidArgument unless the size is a multiple of that. Decoding a refused encoding alone
// (curve/encoding.h) says why.
absl::StatusOr<DecodedPoints<G1Affine>> DecodeManyG1(ByteView encodings,
                                                     Engine engine = BestEngine());
absl::StatusOr<DecodedPoints<G2Affine>> DecodeManyG2(ByteView encodings,
                                                     Engine engine = BestEngine());

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_BULK_DECODE_H_
