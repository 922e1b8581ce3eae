// The bits by which the kernels name what they refused, as indexes.
//
// Pure.
#ifndef GROAT_BLS_BULK_REFUSED_H_
#define GROAT_BLS_BULK_REFUSED_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace groat::bls {

// The numbers below `count` of the bits that are set, the lowest bit of a byte first.
inline std::vector<uint32_t> RefusedIndexes(std::span<const uint8_t> bits, size_t count) {
  std::vector<uint32_t> out;
  for (size_t i = 0; i < count; ++i) {
    if ((bits[i / 8] >> (i % 8) & 1) != 0) out.push_back(static_cast<uint32_t>(i));
  }
  return out;
}

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_REFUSED_H_
