// Free ports of the loopback interface.
//
// Not pure: asks the system.
#ifndef GROAT_TOOLS_GROAT_PLATFORM_PORTS_H_
#define GROAT_TOOLS_GROAT_PLATFORM_PORTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace groat::platform {

// `count` distinct TCP ports of 127.0.0.1 that nobody listens on now. They lie below the system's
// range for outgoing connections, so that such a connection does not take the port of a process
// that is down for a moment. Unavailable if there are not enough.
absl::StatusOr<std::vector<uint16_t>> FreePorts(size_t count);

}  // namespace groat::platform

#endif  // GROAT_TOOLS_GROAT_PLATFORM_PORTS_H_
