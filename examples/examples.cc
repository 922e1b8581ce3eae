#include "examples/examples.h"

#include <memory>
#include <vector>

#include "base/status_macros.h"
#include "examples/echo.h"
#include "examples/reliable_broadcast.h"

namespace groat::examples {
namespace {

using MadeProtocol = absl::StatusOr<std::unique_ptr<p2p::Protocol>>;

MadeProtocol MakeEcho(p2p::Network& network, p2p::Executor& executor, ByteView parameters) {
  GROAT_RETURN_IF_ERROR(ByteReader(parameters).Finish("parameters of echo"));
  return Echo::Make(network, executor, [](const p2p::PeerId&, uint32_t, p2p::Duration) {});
}

MadeProtocol MakeBroadcast(p2p::Network& network, p2p::Executor& executor, ByteView parameters) {
  ByteReader reader(parameters);
  std::vector<p2p::PeerId> members;
  while (reader.remaining() >= p2p::PeerId::kSize) members.push_back(reader.Fixed<32>());
  GROAT_RETURN_IF_ERROR(reader.Finish("parameters of reliable_broadcast"));
  if (members.empty()) {
    return absl::InvalidArgumentError("reliable_broadcast has 0 members, want 1 or more");
  }
  return ReliableBroadcast::Make(network, executor, members,
                                 [](const p2p::PeerId&, uint32_t, const Bytes&) {});
}

}  // namespace

void AddExamples(p2p::ProtocolRegistry& registry) {
  registry.Add("echo", MakeEcho);
  registry.Add("reliable_broadcast", MakeBroadcast);
}

}  // namespace groat::examples
