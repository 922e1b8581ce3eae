// Bytes from the operating system's random source. Not pure: cores get seeds and keys as values.
#ifndef GROAT_CRYPTO_RANDOM_H_
#define GROAT_CRYPTO_RANDOM_H_

#include <span>

#include "base/bytes.h"

namespace groat {

// Fills `out`. Stops the process if the system has no randomness.
void FillRandom(std::span<uint8_t> out);

template <size_t N>
FixedBytes<N> RandomBytes() {
  FixedBytes<N> out;
  FillRandom(std::span<uint8_t>(out.data(), N));
  return out;
}

}  // namespace groat

#endif  // GROAT_CRYPTO_RANDOM_H_
