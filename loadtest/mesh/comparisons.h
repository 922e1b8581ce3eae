// The mesh beside bare sockets: broadcast and echo, one-way messages, urgent messages beside bulk.
// Each prints a table in Markdown; the forms are measured in turns, since machines are shared
// and their speed drifts. Needs standard output; starts processes.
#ifndef GROAT_LOADTEST_MESH_COMPARISONS_H_
#define GROAT_LOADTEST_MESH_COMPARISONS_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"

namespace groat::load {

struct ComparisonOptions {
  size_t turns = 3;  // Of each form; medians are shown.
  bool bare = true;
  bool mesh = true;
  bool grpc = false;  // The mesh over gRPC streams as well.
  std::vector<size_t> echo_nodes = {5, 20, 60};
  size_t rounds = 6000;  // Of broadcast and echo with 5 nodes; fewer with more.
  size_t messages = 3'000'000;
  size_t pings = 3000;
};

absl::Status CompareEcho(const ComparisonOptions& options);
absl::Status CompareStream(const ComparisonOptions& options);
absl::Status ComparePing(const ComparisonOptions& options);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_COMPARISONS_H_
