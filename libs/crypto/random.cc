#include "crypto/random.h"

#include <openssl/rand.h>

#include "base/check.h"

namespace groat {

void FillRandom(std::span<uint8_t> out) {
  GROAT_CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1)
      << "the operating system gave no randomness";
}

}  // namespace groat
