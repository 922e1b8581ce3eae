#include "bls/bulk/signature_shares.h"

#include <algorithm>
#include <new>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "bls/bulk/batch_affine.h"
#include "bls/bulk/fp_limb52.h"
#include "bls/bulk/kernels.h"
#include "bls/bulk/refused.h"
#include "bls/bulk/scalar_fields.h"
#include "bls/curve/encoding.h"

namespace groat::bls {
namespace {

using Field = ScalarField<Fp2>;
constexpr size_t kScalarGroup = 256;
using ScalarWorkspace = SumWorkspace<Field, kScalarGroup>;

SharesSum SumScalar(ByteView shares, size_t count, Workspace& workspace) {
  auto* memory = new (workspace.Reserve(sizeof(ScalarWorkspace))) ScalarWorkspace;
  SharesSum out;
  size_t next = 0;
  const auto load = [&](AffineLanes<Field>* points, size_t capacity) {
    size_t loaded = 0;
    for (; loaded < capacity && next < count; ++next) {
      const absl::StatusOr<G2Affine> point =
          DecodeG2Uncompressed(shares.subspan(next * kG2UncompressedBytes, kG2UncompressedBytes));
      if (point.ok()) {
        points[loaded++] = {point->x, point->y};
      } else {
        out.malformed.push_back(static_cast<uint32_t>(next));
      }
    }
    return loaded;
  };
  AffineLanes<Field> sum;
  SumPoints<Field, kScalarGroup>(load, *memory, sum);
  out.sum = {sum.x, sum.y};
  return out;
}

#if GROAT_BLS_IFMA
SharesSum SumIfma(ByteView shares, size_t count, Workspace& workspace) {
  // The kernel's y is y / 2^208 (kernels.h).
  static constexpr Fp kScale = Fp::FromLimbs(PowerOfTwoModulo<6>(208, FpParams::kModulus));
  std::vector<uint8_t> malformed((count + 7) / 8);
  ifma::SignatureSum sum;
  const size_t malformed_count = ifma::SumSignatures(
      shares.data(), count, workspace.Reserve(ifma::SumSignaturesWorkspaceBytes()),
      malformed.data(), sum);
  SharesSum out;
  if (malformed_count > 0) out.malformed = RefusedIndexes(malformed, count);
  if (!sum.infinity) {
    out.sum.x = {FromPlainLimbs52(sum.x[0]), FromPlainLimbs52(sum.x[1])};
    out.sum.y = {FromPlainLimbs52(sum.y[0]) * kScale, FromPlainLimbs52(sum.y[1]) * kScale};
  }
  return out;
}
#endif

}  // namespace

absl::StatusOr<SharesSum> SumSignatureShares(ByteView shares, Workspace& workspace, Engine engine) {
  if (shares.size() % kG2UncompressedBytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(shares.size(), " bytes are not a whole number of shares of 192"));
  }
  const size_t count = shares.size() / kG2UncompressedBytes;
  if (engine == Engine::kScalar) return SumScalar(shares, count, workspace);
  GROAT_CHECK(CpuHasIfma()) << "the processor has no AVX-512 IFMA";
#if GROAT_BLS_IFMA
  return SumIfma(shares, count, workspace);
#endif
}

}  // namespace groat::bls
