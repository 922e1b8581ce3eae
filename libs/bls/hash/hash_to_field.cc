#include "bls/hash/hash_to_field.h"

#include "bls/hash/expand_message.h"

namespace groat::bls {

std::array<Fp2, 2> HashToFp2(ByteView message, ByteView domain_tag) {
  constexpr size_t kCoefficientBytes = 64;  // L: 381 bits and 128 more, in whole bytes.
  std::array<uint8_t, 4 * kCoefficientBytes> uniform;
  ExpandMessageXmd(message, domain_tag, uniform);
  const auto coefficient = [&](size_t i) {
    return Fp::FromWideBytes(ByteView(uniform).subspan(i * kCoefficientBytes, kCoefficientBytes));
  };
  return {Fp2{coefficient(0), coefficient(1)}, Fp2{coefficient(2), coefficient(3)}};
}

}  // namespace groat::bls
