#include "loadtest/mesh/mesh_settings.h"

#include <ctime>

#include "loadtest/mesh/links.h"

namespace groat::load {

std::vector<p2p::PeerId> NodeIds(size_t nodes) {
  std::vector<p2p::PeerId> ids;
  for (size_t i = 0; i < nodes; ++i) ids.push_back(NodeKey(i).public_key());
  return ids;
}

p2p::LiveNetworkOptions NetworkOptions(const std::vector<std::string>& words,
                                       const std::vector<p2p::PeerId>& ids) {
  p2p::LiveNetworkOptions options;
  options.mesh.namespace_name = "mesh benchmark";
  options.mesh.listen_address = words.at(1);
  if (words.size() == 4) {
    options.mesh.bootstrappers = {{ids.at(std::stoul(words[2])), words[3]}};
  }
  const int64_t now = std::time(nullptr);
  options.transport.validity = {.not_before_s = now - 3600, .not_after_s = now + 86400};
  return options;
}

}  // namespace groat::load
