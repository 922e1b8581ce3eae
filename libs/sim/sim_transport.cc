#include "sim/sim_transport.h"

#include <utility>

#include "base/check.h"
#include "sim/handshakes.h"

namespace groat::sim {

SimTransport::~SimTransport() {
  Shutdown();
  GROAT_CHECK_EQ(ends_, 0) << "connections outlive their transport";
}

absl::StatusOr<std::string> SimTransport::Listen(const std::string& address,
                                                 p2p::Admission admission, OnAccept on_accept) {
  GROAT_CHECK(address_.empty());
  absl::StatusOr<std::string> listening = handshakes_.Listen(*this, address);
  if (!listening.ok()) return listening;
  address_ = *listening;
  admission_ = std::move(admission);
  on_accept_ = std::move(on_accept);
  return listening;
}

void SimTransport::Dial(const std::string& address, const p2p::PeerId& expected, Duration timeout,
                        OnDialled done) {
  handshakes_.Dial(*this, address, expected, timeout, std::move(done));
}

void SimTransport::Shutdown() {
  if (!address_.empty()) handshakes_.StopListening(std::exchange(address_, {}));
  handshakes_.Abandon(*this);
}

}  // namespace groat::sim
