// Every decoder of points: whatever decodes must encode to the same bytes.
#include "base/check.h"
#include "bls/curve/encoding.h"
#include "bls/public_key.h"
#include "bls/signature.h"

namespace groat::bls {
namespace {

template <typename Point, typename Encoded>
void CheckDecoded(const absl::StatusOr<Point>& point, ByteView bytes,
                  Encoded (*encode)(const Point&)) {
  if (!point.ok()) return;
  GROAT_CHECK(point->IsOnCurve());
  const Encoded again = encode(*point);
  GROAT_CHECK(Bytes(again.begin(), again.end()) == Bytes(bytes.begin(), bytes.end()));
}

void TryPoints(ByteView bytes) {
  CheckDecoded(DecodeG1Compressed(bytes), bytes,
               static_cast<FixedBytes<48> (*)(const G1Affine&)>(EncodeCompressed));
  CheckDecoded(DecodeG1Uncompressed(bytes), bytes,
               static_cast<FixedBytes<96> (*)(const G1Affine&)>(EncodeUncompressed));
  CheckDecoded(DecodeG2Compressed(bytes), bytes,
               static_cast<FixedBytes<96> (*)(const G2Affine&)>(EncodeCompressed));
  CheckDecoded(DecodeG2Uncompressed(bytes), bytes,
               static_cast<FixedBytes<192> (*)(const G2Affine&)>(EncodeUncompressed));
}

void TryKeysAndSignatures(ByteView bytes) {
  const absl::StatusOr<PublicKey> key = PublicKey::Decode(bytes);
  if (key.ok()) {
    GROAT_CHECK(!key->point().IsInfinity().Declassify());
    GROAT_CHECK(CheckInSubgroup(key->point()).ok());
    GROAT_CHECK(PublicKeySum::Decode(bytes).ok());
  }
  const absl::StatusOr<Signature> signature = Signature::Decode(bytes);
  if (signature.ok()) GROAT_CHECK(CheckInSubgroup(signature->point()).ok());
}

}  // namespace
}  // namespace groat::bls

// The input's size decides which decoder has a chance; others must refuse it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const groat::ByteView bytes(data, size);
  groat::bls::TryPoints(bytes);
  groat::bls::TryKeysAndSignatures(bytes);
  return 0;
}
