#include "tools/groat/platform/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "crypto/random.h"

namespace groat::platform {
namespace {

constexpr uint32_t kLowest = 10240;
// The first port that Linux gives to outgoing connections unless configured otherwise.
constexpr uint32_t kUsualEphemeral = 32768;
constexpr size_t kTriesPerPort = 200;

uint32_t FirstEphemeralPort() {
  std::ifstream in("/proc/sys/net/ipv4/ip_local_port_range");
  uint32_t first = 0;
  return in >> first && first >= kLowest + 1000 && first <= UINT16_MAX ? first : kUsualEphemeral;
}

bool IsFree(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return free;
}

}  // namespace

absl::StatusOr<std::vector<uint16_t>> FreePorts(size_t count) {
  const uint32_t range = FirstEphemeralPort() - kLowest;
  std::set<uint16_t> taken;
  std::vector<uint16_t> ports;
  for (size_t tries = 0; ports.size() < count; ++tries) {
    if (tries == count * kTriesPerPort) {
      return absl::UnavailableError(
          absl::StrCat("found ", ports.size(), " free ports on 127.0.0.1, want ", count));
    }
    const FixedBytes<4> random = RandomBytes<4>();
    const auto port =
        static_cast<uint16_t>(kLowest + LoadBigEndian(random.data(), random.size()) % range);
    if (taken.insert(port).second && IsFree(port)) ports.push_back(port);
  }
  return ports;
}

}  // namespace groat::platform
