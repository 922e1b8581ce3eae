#include "bls/bulk/engine.h"

namespace groat::bls {

Engine BestEngine() { return CpuHasIfma() ? Engine::kIfma : Engine::kScalar; }

std::ostream& operator<<(std::ostream& out, Engine engine) {
  return out << (engine == Engine::kIfma ? "ifma" : "scalar");
}

}  // namespace groat::bls
