// A node of the benchmark on the mesh: one process, one thread of the mesh's. Runs until
// standard input ends. Peers are numbers; times are nanoseconds that all processes share.
//
//   listen ADDRESS [BOOTSTRAPPER ADDRESS]  begins, with all nodes as authorized peers
//                                          -> listening ADDRESS TIME
//   await COUNT            -> connected TIME, when COUNT peers are; TIME is when it became so
//   set PEER...            authorizes these alone
//   advertise ADDRESS      tells the others to dial it there
//   await-address PEER ADDRESS  -> knows TIME, when this node holds the peer's record of it
//   pause on|off           takes no messages from the streamed and bulk channels, or does again
//   flood PEER BYTES       gives the peer streamed and bulk messages until both are refused, and
//                          whenever there is room; -> flooding
//   stats                  -> stats ...
//   and what workload.h names
#ifndef GROAT_LOADTEST_MESH_MESH_NODE_H_
#define GROAT_LOADTEST_MESH_MESH_NODE_H_

#include <cstddef>

#include "p2p/live/live_network.h"

namespace groat::load {

struct MeshNodeOptions {
  bool star = false;  // Connections are wanted to and from node 0 alone.
  p2p::Carrier carrier = p2p::Carrier::kTls;
};

// `nodes` is how many there are; this is the one of number `self`. Returns at the end.
void RunMeshNode(size_t self, size_t nodes, const MeshNodeOptions& options);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_MESH_NODE_H_
