// Points for tests and benchmarks of the bulk code.
//
// Pure.
#ifndef GROAT_BLS_BULK_TESTING_POINTS_H_
#define GROAT_BLS_BULK_TESTING_POINTS_H_

#include <random>
#include <vector>

#include "bls/bulk/engine.h"
#include "bls/curve/curves.h"
#include "bls/curve/encoding.h"

namespace groat::bls::testing {

// 1, 2, .. `count` times a point that is `start` times the generator, made affine: distinct, and
// cheap to make.
template <typename Curve>
std::vector<AffinePoint<Curve>> Multiples(size_t count, size_t start = 1) {
  JacobianPoint<Curve> base;
  for (size_t i = 0; i < start; ++i) base += Curve::kGenerator;
  const AffinePoint<Curve> step = base.ToAffine();
  std::vector<JacobianPoint<Curve>> points(count);
  for (size_t i = 0; i < count; ++i) {
    points[i] = (i == 0 ? JacobianPoint<Curve>::Infinity() : points[i - 1]) + step;
  }
  std::vector<AffinePoint<Curve>> out(count);
  JacobianPoint<Curve>::BatchToAffine(points, out);
  return out;
}

// The sum one by one.
template <typename Curve>
AffinePoint<Curve> SumOneByOne(const std::vector<AffinePoint<Curve>>& points) {
  JacobianPoint<Curve> sum;
  for (const AffinePoint<Curve>& point : points) sum += point;
  return sum.ToAffine();
}

// A point of the curve, hardly ever in the subgroup.
template <typename Curve>
AffinePoint<Curve> AnyPoint(std::mt19937_64& random) {
  const auto coefficient = [&random] {
    uint8_t bytes[96];
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    return Fp::FromWideBytes(bytes);
  };
  while (true) {
    typename Curve::Field x;
    if constexpr (requires { x.c0; }) {
      x = {coefficient(), coefficient()};
    } else {
      x = coefficient();
    }
    const auto y = Sqrt(x.Square() * x + Curve::kB);
    if (y) return {x, *y};
  }
}

// The engines that this processor runs.
inline std::vector<Engine> AllEngines() {
  std::vector<Engine> out = {Engine::kScalar};
  if (CpuHasIfma()) out.push_back(Engine::kIfma);
  return out;
}

}  // namespace groat::bls::testing

#endif  // GROAT_BLS_BULK_TESTING_POINTS_H_
