// The example protocols by name.
//
// Pure.
#ifndef GROAT_EXAMPLES_EXAMPLES_H_
#define GROAT_EXAMPLES_EXAMPLES_H_

#include "p2p/trace/protocol_registry.h"

namespace groat::examples {

// "echo", without parameters, and "reliable_broadcast", whose parameters are its members' keys of
// 32 bytes each. What they tell their application goes nowhere.
void AddExamples(p2p::ProtocolRegistry& registry);

}  // namespace groat::examples

#endif  // GROAT_EXAMPLES_EXAMPLES_H_
