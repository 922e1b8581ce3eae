// What nodes of the benchmark and of the soak have in common: who they are, and how they begin.
//
// Pure but for the clock.
#ifndef GROAT_LOADTEST_MESH_MESH_SETTINGS_H_
#define GROAT_LOADTEST_MESH_MESH_SETTINGS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "p2p/live/live_network.h"
#include "p2p/peer_id.h"

namespace groat::load {

// By number.
std::vector<p2p::PeerId> NodeIds(size_t nodes);

// From the words of "listen ADDRESS [BOOTSTRAPPER ADDRESS]".
p2p::LiveNetworkOptions NetworkOptions(const std::vector<std::string>& words,
                                       const std::vector<p2p::PeerId>& ids);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_MESH_SETTINGS_H_
