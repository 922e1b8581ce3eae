// What of the processor the field and curve code uses.
//
// The level is found once, before main(), and then only read; LimitCpuForTest is for tests.
#ifndef GROAT_BLS_FIELD_CPU_H_
#define GROAT_BLS_FIELD_CPU_H_

namespace groat::bls {

enum class CpuLevel {
  kPortable,  // C++ alone.
  kMulx,      // BMI2 and ADX: mulx, adcx, adox.
  kIfma,      // These and AVX-512 IFMA, which the operating system must support too.
};

bool CpuHasMulx();
bool CpuHasIfma();

// The highest level that the processor has, or the limit if that is lower.
CpuLevel UsedCpuLevel();

// Limits all later operations to this level. Not thread-safe.
void LimitCpuForTest(CpuLevel highest);

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_CPU_H_
