#include "loadtest/mesh/links.h"

#include <unistd.h>

#include <cstring>
#include <string_view>

#include "base/check.h"

namespace groat::load {

Ed25519PrivateKey NodeKey(size_t node) {
  constexpr std::string_view kText = "node of the mesh benchmark";
  Bytes32 seed;
  std::memcpy(seed.data(), kText.data(), kText.size());
  StoreBigEndian(node, seed.data() + 28, 4);
  return Ed25519PrivateKey(seed);
}

void Report(const std::string& line) {
  // One write a line: lines of several threads do not mix.
  const std::string text = line + "\n";
  GROAT_CHECK(write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

}  // namespace groat::load
