// A node of the baseline: one process, one thread, epoll, and TLS 1.3 over TCP for every peer (one
// connection, and a second one for bulk), with nothing of a mesh about it. Runs until standard
// input ends.
//
//   listen                  -> listening ADDRESS
//   dial PEER ADDRESS       -> connected, once both connections stand
//   and what workload.h names
#ifndef GROAT_LOADTEST_MESH_BARE_NODE_H_
#define GROAT_LOADTEST_MESH_BARE_NODE_H_

#include <cstddef>

namespace groat::load {

// `nodes` is how many there are; this is the one of number `self`. Returns at the end.
void RunBareNode(size_t self, size_t nodes);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_BARE_NODE_H_
