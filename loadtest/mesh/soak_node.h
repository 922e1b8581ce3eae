// A node of the soak: a small protocol with acknowledgements on the mesh. It makes messages for
// random peers, repeats each until it is acknowledged, takes each of the others' once, and
// remembers all that in a log, from which it goes on after a restart.
//
//   message   kind u8 (1 message, 2 acknowledgement) ‖ number u64 [‖ padding]
//
//   listen ADDRESS [BOOTSTRAPPER ADDRESS]  -> listening ADDRESS
//   await COUNT                            -> connected, when COUNT peers are
//   stop                                   makes no more
//                                          -> drained REPEATED, when all are acknowledged
#ifndef GROAT_LOADTEST_MESH_SOAK_NODE_H_
#define GROAT_LOADTEST_MESH_SOAK_NODE_H_

#include <cstddef>
#include <string>

namespace groat::load {

// `nodes` is how many there are; this is the one of number `self`. Makes `rate` messages a second.
// Returns at the end of standard input.
void RunSoakNode(size_t self, size_t nodes, const std::string& log_path, double rate);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_SOAK_NODE_H_
