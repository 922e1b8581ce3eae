// Records one node's part of a protocol: a network and an executor around those that it would have
// had, and the protocol made on them.
//
//   TracedNode node(mesh, executor, *writer);
//   GROAT_ASSIGN_OR_RETURN(auto protocol, node.Make(registry, "echo", parameters));
//   GROAT_RETURN_IF_ERROR(mesh.Start());
//   protocol->Request(...);
//
// A replay is exact if all that the protocol does follows from its tasks: it takes time, timers and
// chance from its executor, iterates over ordered containers where that shows, and whatever its
// application or other threads want of it comes as a Request that is no part of another task of
// the protocol. What others do with node.network() and node.executor() is recorded as `outside`,
// and skipped by a replay.
//
// Each node has a writer of its own: a run of a trace is one protocol's.
//
// Belongs to tasks of the executor. Network, executor and writer must outlive it, and it must
// outlive the network's callbacks and the executor's tasks, the protocol and the protocol's
// requests. It makes no call when it is destroyed.
#ifndef GROAT_P2P_TRACE_TRACED_NODE_H_
#define GROAT_P2P_TRACE_TRACED_NODE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "p2p/trace/protocol_registry.h"
#include "p2p/trace/trace_recorder.h"
#include "p2p/trace/traced_executor.h"
#include "p2p/trace/traced_network.h"

namespace groat::p2p {

class TracedNode {
 public:
  TracedNode(Network& network, Executor& executor, TraceWriter& writer)
      : inner_network_(network),
        inner_executor_(executor),
        recorder_(executor, writer),
        network_(network, recorder_),
        executor_(executor, recorder_) {}
  TracedNode(const TracedNode&) = delete;
  TracedNode& operator=(const TracedNode&) = delete;

  // Makes the protocol, whose requests are recorded too. Once, before the network starts. Errors as
  // ProtocolRegistry::Make.
  absl::StatusOr<std::unique_ptr<Protocol>> Make(const ProtocolRegistry& registry,
                                                 const std::string& name, ByteView parameters);

  Network& network() { return network_; }
  Executor& executor() { return executor_; }

 private:
  Network& inner_network_;
  Executor& inner_executor_;
  TraceRecorder recorder_;
  TracedNetwork network_;
  TracedExecutor executor_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_TRACED_NODE_H_
