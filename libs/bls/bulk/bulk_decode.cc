#include "bls/bulk/bulk_decode.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "bls/bulk/fp_limb52.h"
#include "bls/bulk/kernels.h"
#include "bls/bulk/refused.h"
#include "bls/curve/encoding.h"

namespace groat::bls {
namespace {

struct G1Codec {
  using Affine = G1Affine;
  static constexpr size_t kBytes = kG1CompressedBytes;
  static absl::StatusOr<G1Affine> Decode(ByteView bytes) { return DecodeG1Compressed(bytes); }
#if GROAT_BLS_IFMA
  using Stored = StoredKey;
  static constexpr auto kDecompress = &ifma::DecompressKeys;
  static G1Affine Unpack(const StoredKey& key) { return {FromLimbs52(key.x), FromLimbs52(key.y)}; }
#endif
};

struct G2Codec {
  using Affine = G2Affine;
  static constexpr size_t kBytes = kG2CompressedBytes;
  static absl::StatusOr<G2Affine> Decode(ByteView bytes) { return DecodeG2Compressed(bytes); }
#if GROAT_BLS_IFMA
  using Stored = ifma::StoredSignature;
  static constexpr auto kDecompress = &ifma::DecompressSignatures;
  static G2Affine Unpack(const Stored& point) {
    return {{FromLimbs52(point.x[0]), FromLimbs52(point.x[1])},
            {FromLimbs52(point.y[0]), FromLimbs52(point.y[1])}};
  }
#endif
};

template <typename Codec>
absl::StatusOr<DecodedPoints<typename Codec::Affine>> DecodeMany(ByteView encodings,
                                                                 Engine engine) {
  if (encodings.size() % Codec::kBytes != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        encodings.size(), " bytes are not a whole number of points of ", Codec::kBytes));
  }
  const size_t count = encodings.size() / Codec::kBytes;
  DecodedPoints<typename Codec::Affine> out;
  out.points.resize(count);
  if (engine == Engine::kScalar) {
    for (size_t i = 0; i < count; ++i) {
      const auto point = Codec::Decode(encodings.subspan(i * Codec::kBytes, Codec::kBytes));
      if (point.ok() && CheckInSubgroup(*point).ok()) {
        out.points[i] = *point;
      } else {
        out.refused.push_back(static_cast<uint32_t>(i));
      }
    }
    return out;
  }
  GROAT_CHECK(CpuHasIfma()) << "the processor has no AVX-512 IFMA";
#if GROAT_BLS_IFMA
  std::vector<typename Codec::Stored> stored(count);
  std::vector<uint8_t> refused((count + 7) / 8);
  const size_t refused_count =
      Codec::kDecompress(encodings.data(), count, stored.data(), refused.data());
  for (size_t i = 0; i < count; ++i) out.points[i] = Codec::Unpack(stored[i]);
  if (refused_count > 0) out.refused = RefusedIndexes(refused, count);
#endif
  return out;
}

}  // namespace

absl::StatusOr<DecodedPoints<G1Affine>> DecodeManyG1(ByteView encodings, Engine engine) {
  return DecodeMany<G1Codec>(encodings, engine);
}

absl::StatusOr<DecodedPoints<G2Affine>> DecodeManyG2(ByteView encodings, Engine engine) {
  return DecodeMany<G2Codec>(encodings, engine);
}

}  // namespace groat::bls
