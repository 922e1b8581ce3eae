// Which code sums and decodes in bulk: eight field elements at a time with AVX-512 IFMA, or one.
//
// Pure, thread-safe.
#ifndef GROAT_BLS_BULK_ENGINE_H_
#define GROAT_BLS_BULK_ENGINE_H_

#include <ostream>

#include "bls/field/cpu.h"

namespace groat::bls {

enum class Engine {
  kScalar,  // Everywhere.
  kIfma,    // Where CpuHasIfma().
};

// kIfma where the processor has it. Asked once, so all of a program uses the same.
Engine BestEngine();

std::ostream& operator<<(std::ostream& out, Engine engine);

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_ENGINE_H_
