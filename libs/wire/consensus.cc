#include "wire/consensus.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"
#include "wire/common.h"

namespace groat::wire {
namespace {

using hotstuff::Command;

template <class Request>
absl::StatusOr<std::vector<Command>> Commands(const Request& request,
                                              const hotstuff::CommandBounds& block) {
  const hotstuff::ClientId client(request.client_id());
  if (client == hotstuff::kChangeClient) {
    return absl::InvalidArgumentError(
        absl::StrCat("client_id: ", request.client_id(), " is reserved"));
  }
  if (request.commands_size() == 0 || request.commands_size() > kMaxCommandsPerRequest) {
    return absl::InvalidArgumentError(absl::StrCat("commands: ", request.commands_size(),
                                                   ", want 1 to ", kMaxCommandsPerRequest));
  }
  std::vector<Command> commands;
  commands.reserve(static_cast<size_t>(request.commands_size()));
  uint64_t before = 0;
  for (const consensus::v1::Command& proto : request.commands()) {
    if (proto.sequence() <= before) {
      return absl::InvalidArgumentError(absl::StrCat(
          "commands[", commands.size(), "].sequence: ", proto.sequence(), ", want above ", before));
    }
    before = proto.sequence();
    const ByteView payload = View(proto.payload());
    if (payload.size() + Command::kOverheadBytes > block.max_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("commands[", commands.size(), "].payload: ", payload.size(),
                       " bytes, want at most ", block.max_bytes - Command::kOverheadBytes));
    }
    commands.push_back(
        {{client, hotstuff::Sequence(before)}, Bytes(payload.begin(), payload.end())});
  }
  return commands;
}

absl::StatusOr<hotstuff::ValidatorChange> Change(const std::string& bytes) {
  absl::StatusOr<hotstuff::ValidatorChange> change = hotstuff::ValidatorChange::Decode(View(bytes));
  if (!change.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("change: ", change.status().message()));
  }
  if (change->next == hotstuff::Epoch(0)) {
    return absl::InvalidArgumentError("change: to epoch 0, want 1 or more");
  }
  return change;
}

}  // namespace

absl::StatusOr<std::vector<Command>> CommandsFromProto(const consensus::v1::SubmitRequest& request,
                                                       const hotstuff::CommandBounds& block) {
  return Commands(request, block);
}

absl::StatusOr<std::vector<Command>> CommandsFromProto(
    const consensus::v1::SubmitStreamRequest& request, const hotstuff::CommandBounds& block) {
  return Commands(request, block);
}

absl::StatusOr<hotstuff::ValidatorChange> FromProto(
    const consensus::v1::ApproveChangeRequest& request) {
  return Change(request.change());
}

absl::StatusOr<SignedChange> FromProto(const consensus::v1::ChangeValidatorsRequest& request,
                                       const hotstuff::ChainId& chain, size_t replicas) {
  SignedChange out;
  GROAT_ASSIGN_OR_RETURN(out.change, Change(request.change()));
  const Hash digest = hotstuff::ChangeDigest(out.change, chain);
  for (const consensus::v1::ChangeShare& share : request.shares()) {
    if (share.signer() >= replicas) {
      return absl::InvalidArgumentError(absl::StrCat(
          "shares[", out.shares.size(), "].signer: ", share.signer(), ", want below ", replicas));
    }
    if (share.share().size() > hotstuff::Vote::kMaxShareBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("shares[", out.shares.size(), "].share: ", share.share().size(),
                       " bytes, want at most ", hotstuff::Vote::kMaxShareBytes));
    }
    const ByteView bytes = View(share.share());
    out.shares.push_back({hotstuff::ReplicaIndex(static_cast<uint16_t>(share.signer())), digest,
                          Bytes(bytes.begin(), bytes.end())});
  }
  const auto by_signer = [](const auto& a, const auto& b) { return a.signer < b.signer; };
  std::sort(out.shares.begin(), out.shares.end(), by_signer);
  const auto same = [](const auto& a, const auto& b) { return a.signer == b.signer; };
  const auto twice = std::adjacent_find(out.shares.begin(), out.shares.end(), same);
  if (twice != out.shares.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("shares: signer ", twice->signer.value(), " twice"));
  }
  return out;
}

absl::StatusOr<ReceivedBlock> FromProto(const consensus::v1::Block& block,
                                        const hotstuff::CommandBounds& bounds) {
  ReceivedBlock out;
  GROAT_ASSIGN_OR_RETURN(out.header, hotstuff::BlockHeader::Decode(View(block.header())));
  const Hash payload = hotstuff::PayloadDigest(View(block.commands()));
  if (payload != out.header.payload) {
    return absl::InvalidArgumentError(absl::StrCat("commands: their hash is ", payload.Hex(),
                                                   ", the header has ", out.header.payload.Hex()));
  }
  GROAT_ASSIGN_OR_RETURN(out.commands, hotstuff::DecodeCommands(View(block.commands()),
                                                                out.header.command_count, bounds));
  out.fresh.assign(out.commands.size(), true);
  for (const uint32_t index : block.repeated_indexes()) {
    if (index >= out.fresh.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("repeated_indexes: ", index, ", want below ", out.fresh.size()));
    }
    out.fresh[index] = false;
  }
  return out;
}

}  // namespace groat::wire
