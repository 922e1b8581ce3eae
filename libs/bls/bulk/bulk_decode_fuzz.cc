// The decoders of many points against the decoders of one: the same points, the same refusals, for
// each engine.
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "bls/bulk/bulk_decode.h"
#include "bls/bulk/signature_shares.h"
#include "bls/curve/encoding.h"

namespace groat::bls {
namespace {

// Slow inputs find nothing that short ones do not.
constexpr size_t kMaxPoints = 20;

template <typename Point, typename Many, typename One>
void Compare(ByteView bytes, size_t size, Many&& decode_many, One&& decode_one) {
  const size_t count = std::min(bytes.size() / size, kMaxPoints);
  const ByteView encodings = bytes.first(count * size);
  for (const Engine engine : {Engine::kScalar, BestEngine()}) {
    const absl::StatusOr<DecodedPoints<Point>> many = decode_many(encodings, engine);
    GROAT_CHECK_OK(many.status());
    size_t refused = 0;
    for (size_t i = 0; i < count; ++i) {
      const absl::StatusOr<Point> one = decode_one(encodings.subspan(i * size, size));
      const bool good = one.ok() && CheckInSubgroup(*one).ok();
      GROAT_CHECK(many->points[i] == (good ? *one : Point::Infinity())) << engine << " " << i;
      if (good) continue;
      GROAT_CHECK(refused < many->refused.size() && many->refused[refused] == i) << engine;
      ++refused;
    }
    GROAT_CHECK_EQ(refused, many->refused.size());
  }
}

void CompareShares(ByteView bytes) {
  const size_t count = std::min(bytes.size() / kG2UncompressedBytes, kMaxPoints);
  const ByteView shares = bytes.first(count * kG2UncompressedBytes);
  G2 sum;
  std::vector<uint32_t> malformed;
  for (size_t i = 0; i < count; ++i) {
    const auto share =
        DecodeG2Uncompressed(shares.subspan(i * kG2UncompressedBytes, kG2UncompressedBytes));
    if (share.ok()) {
      sum += *share;
    } else {
      malformed.push_back(static_cast<uint32_t>(i));
    }
  }
  Workspace workspace;
  for (const Engine engine : {Engine::kScalar, BestEngine()}) {
    const absl::StatusOr<SharesSum> bulk = SumSignatureShares(shares, workspace, engine);
    GROAT_CHECK_OK(bulk.status());
    GROAT_CHECK(sum == bulk->sum) << engine;
    GROAT_CHECK(malformed == bulk->malformed) << engine;
  }
}

}  // namespace
}  // namespace groat::bls

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace groat::bls;  // NOLINT: the target's own code.
  const groat::ByteView bytes(data, size);
  Compare<G1Affine>(bytes, kG1CompressedBytes, &DecodeManyG1, &DecodeG1Compressed);
  Compare<G2Affine>(bytes, kG2CompressedBytes, &DecodeManyG2, &DecodeG2Compressed);
  CompareShares(bytes);
  return 0;
}
