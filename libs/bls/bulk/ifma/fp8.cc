#include "bls/bulk/ifma/fp8.h"

#include "bls/bulk/ifma/wide.h"

namespace groat::bls::ifma {

void MulKernel(Vec* out, const Vec* a, const Vec* b) {
  Wide t = WideZero();
  MulAccumulate(t, a, b);
  ReduceWide(out, t);
}

void SqrKernel(Vec* out, const Vec* a) {
  Wide t = SqrWide(a);
  ReduceWide(out, t);
}

}  // namespace groat::bls::ifma
