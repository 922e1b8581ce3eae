// Elements of the fields for tests: random ones from a seed, and those at the edges.
#ifndef GROAT_BLS_FIELD_TESTING_ELEMENTS_H_
#define GROAT_BLS_FIELD_TESTING_ELEMENTS_H_

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "bls/field/fp12.h"
#include "bls/field/fr.h"

namespace groat::bls::testing {

class RandomElements {
 public:
  explicit RandomElements(uint64_t seed) : engine_(seed) {}

  uint64_t Word() { return engine_(); }
  template <typename Field>
  Field Prime() {
    uint8_t bytes[2 * Field::kBytes];
    for (uint8_t& b : bytes) b = static_cast<uint8_t>(engine_());
    return Field::FromWideBytes(bytes);
  }
  Fp2 Quadratic() { return {Prime<Fp>(), Prime<Fp>()}; }
  Fp6 Sextic() { return {Quadratic(), Quadratic(), Quadratic()}; }
  Fp12 Twelfth() { return {Sextic(), Sextic()}; }

 private:
  std::mt19937_64 engine_;
};

// 0, 1, 2, m - 1, m - 2, the middle, powers of two, and limbs of all ones in Montgomery form.
template <typename Field>
std::vector<Field> EdgeElements() {
  const Field one = Field::One();
  std::vector<Field> out = {
      Field::Zero(), one,        one.Double(),     -one,
      -one.Double(), one.Half(), one.Half() - one, Field::FromMontgomery({1})};
  for (size_t i = 0; i < Field::kLimbs; ++i) {
    typename Field::LimbArray limbs{};
    limbs[i] = uint64_t{1} << 60;
    out.push_back(Field::FromLimbs(limbs));
    for (size_t j = 0; j < Field::kLimbs; ++j) limbs[j] = j == i ? 0 : ~uint64_t{0};
    limbs.back() = Field::kModulus.back() - 1;
    out.push_back(Field::FromMontgomery(limbs));
  }
  typename Field::LimbArray last = Field::kModulus;
  last[0] -= 1;
  out.push_back(Field::FromMontgomery(last));
  return out;
}

inline std::vector<Fp2> EdgeQuadratics() {
  std::vector<Fp2> out;
  const Fp one = Fp::One();
  for (const Fp& a : {Fp(), one, -one, Fp::FromMontgomery({1})}) {
    for (const Fp& b : {Fp(), one, -one, Fp::FromMontgomery({1})}) out.push_back({a, b});
  }
  return out;
}

// Runs each test with everything that this CPU has, and with less.
class WithKernels : public ::testing::TestWithParam<CpuLevel> {
 protected:
  void SetUp() override {
    LimitCpuForTest(GetParam());
    if (UsedCpuLevel() != GetParam()) GTEST_SKIP() << "the processor lacks this level";
  }
  void TearDown() override { LimitCpuForTest(CpuLevel::kIfma); }
};
inline std::string LevelName(const ::testing::TestParamInfo<CpuLevel>& info) {
  if (info.param == CpuLevel::kPortable) return "Portable";
  return info.param == CpuLevel::kMulx ? "Mulx" : "Ifma";
}
#define GROAT_WITH_ALL_KERNELS(suite)                                                       \
  INSTANTIATE_TEST_SUITE_P(                                                                 \
      Cpu, suite, ::testing::Values(CpuLevel::kPortable, CpuLevel::kMulx, CpuLevel::kIfma), \
      LevelName)

}  // namespace groat::bls::testing

#endif  // GROAT_BLS_FIELD_TESTING_ELEMENTS_H_
