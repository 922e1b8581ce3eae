// How long a mesh of real processes takes to notice and to heal, and what a connection costs in
// memory. Each prints a table in Markdown. Needs standard output; starts processes.
#ifndef GROAT_LOADTEST_MESH_NETWORK_EVENTS_H_
#define GROAT_LOADTEST_MESH_NETWORK_EVENTS_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"

namespace groat::load {

struct EventOptions {
  size_t turns = 3;  // Medians, and worst, are shown.
  std::vector<size_t> form_nodes = {4, 20, 60};
  size_t nodes = 20;  // Of the mesh in which things happen.
  size_t memory_nodes = 60;
};

// From one bootstrapper to a full mesh.
absl::Status MeasureForming(const EventOptions& options);
// A node frozen, killed and restarted (at its address, at another one), told to be dialled
// elsewhere, dropped from the sets.
absl::Status MeasureEvents(const EventOptions& options);
absl::Status MeasureMemory(const EventOptions& options);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_NETWORK_EVENTS_H_
