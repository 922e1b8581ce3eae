// Protocols that can be made by name: what a replay needs to run the one that a trace was recorded
// of.
//
// Single owner; not thread-safe. A protocol belongs to tasks of its executor.
#ifndef GROAT_P2P_TRACE_PROTOCOL_REGISTRY_H_
#define GROAT_P2P_TRACE_PROTOCOL_REGISTRY_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/check.h"
#include "p2p/executor.h"
#include "p2p/network.h"

namespace groat::p2p {

// One node's part of a protocol. All that it does follows from what network and executor give it
// and from its application's requests.
class Protocol {
 public:
  virtual ~Protocol() = default;
  // What the application asks of it, as bytes, so that a trace can record it. InvalidArgument for
  // bytes that mean nothing; other errors are the protocol's own.
  virtual absl::Status Request(ByteView request) = 0;
};

class ProtocolRegistry {
 public:
  // Makes a node's part, before the network starts. `parameters` are bytes that the trace holds.
  using Factory = std::function<absl::StatusOr<std::unique_ptr<Protocol>>(
      Network& network, Executor& executor, ByteView parameters)>;

  // A name that is taken stops the process.
  void Add(std::string name, Factory factory) {
    const bool is_new = factories_.emplace(std::move(name), std::move(factory)).second;
    GROAT_CHECK(is_new) << "two protocols of one name";
  }

  // NotFound names the protocol and those that are known.
  absl::StatusOr<std::unique_ptr<Protocol>> Make(const std::string& name, Network& network,
                                                 Executor& executor, ByteView parameters) const {
    const auto found = factories_.find(name);
    if (found != factories_.end()) return found->second(network, executor, parameters);
    std::string known;
    for (const auto& [other, factory] : factories_) known += " " + other;
    return absl::NotFoundError("protocol \"" + name + "\" is not known; known are:" + known);
  }

 private:
  std::map<std::string, Factory> factories_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_PROTOCOL_REGISTRY_H_
