// The multiplication by a secret in AVX-512, which valgrind does not know, under MemorySanitizer:
// with the secret's digits poisoned it reports a branch or an address that they decide. Run by
// scripts/constant_time.
//
// Usage: bls_constant_time_lanes [leak]; with `leak` it branches by a secret and must be reported.
#include <sanitizer/msan_interface.h>

#include <cstdio>
#include <cstring>

#include "bls/curve/ifma/g2_kernels.h"

int main(int argc, char**) {
  using groat::bls::ifma::G2Digits;
  using groat::bls::ifma::G2Input;
  using groat::bls::ifma::G2Output;

  // Any numbers do: the code is the same for all points.
  G2Input point{};
  std::memset(&point, 1, sizeof(point));
  G2Digits digits{};
  __msan_poison(&digits, sizeof(digits));
  G2Output product{};
  groat::bls::ifma::MultiplyG2(point, digits, product);
  if (__msan_test_shadow(&product, sizeof(product)) != 0) {
    std::fprintf(stderr, "the product does not depend on the secret: nothing was checked\n");
    return 1;
  }
  if (argc > 1 && digits.magnitude[0][0] == 0) std::puts("leak");
  return 0;
}
