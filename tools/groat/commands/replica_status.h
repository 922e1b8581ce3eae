// Where the replicas of consensus stand, for `groat status` and `groat consensus status`.
//
// Blocks the caller: asks all replicas at once.
#ifndef GROAT_TOOLS_GROAT_COMMANDS_REPLICA_STATUS_H_
#define GROAT_TOOLS_GROAT_COMMANDS_REPLICA_STATUS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "groat/consensus/v1/consensus.pb.h"
#include "tools/groat/commands/network.h"
#include "tools/groat/commands/shell.h"

namespace groat::commands {

// One replica, asked by itself.
struct ReplicaAnswer {
  std::string endpoint;
  absl::StatusOr<consensus::v1::GetStatusResponse> status = absl::UnknownError("not asked");
};

// One answer for each of the network's replicas, in their order.
std::vector<ReplicaAnswer> AskReplicas(Shell& shell, const Network& network);

// Appends the replicas to `value["replicas"]` and to `text`. False if one did not answer, or is of
// another chain than the first one that did.
bool AppendReplicas(const std::vector<ReplicaAnswer>& answers, Json& value, std::string& text);

}  // namespace groat::commands

#endif  // GROAT_TOOLS_GROAT_COMMANDS_REPLICA_STATUS_H_
