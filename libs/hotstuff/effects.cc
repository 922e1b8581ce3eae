#include "hotstuff/effects.h"

namespace groat::hotstuff {

std::string_view NameOf(Refusal reason) {
  static constexpr std::array<std::string_view, static_cast<size_t>(Refusal::kCount)> kNames = {
      "wrong chain", "wrong sender", "unknown validator", "inconsistent",
      "unjustified", "stale",        "far ahead",         "bad signature",
      "busy",        "wrong leader", "invalid block",     "too large",
      "clock",       "tree full",    "unasked",           "flood"};
  return kNames[static_cast<size_t>(reason)];
}

bool NeedsRecord(const Message& message, View durable_limit) {
  if (const auto* proposal = std::get_if<Proposal>(&message)) {
    return proposal->block->view() > durable_limit;
  }
  return std::holds_alternative<Vote>(message) || std::holds_alternative<Timeout>(message);
}

void Counters::Add(const Counters& other) {
  for (size_t i = 0; i < refused.size(); ++i) refused[i] += other.refused[i];
  views_entered += other.views_entered;
  views_given_up += other.views_given_up;
  timeout_certificates += other.timeout_certificates;
  proposals += other.proposals;
  votes += other.votes;
  blocks_committed += other.blocks_committed;
  commands_committed += other.commands_committed;
  commands_repeated += other.commands_repeated;
}

BlockResponse MakeResponse(Epoch epoch, const std::vector<CommittedBlock>& blocks,
                           Height first_available) {
  BlockResponse response;
  response.epoch = epoch;
  response.first_available = first_available;
  size_t bytes = 0;
  for (const CommittedBlock& committed : blocks) {
    const size_t size = Block::MaxEncodedSize({1, 0}) + EncodedSize(committed.block->commands());
    if (response.blocks.size() == kMaxResponseBlocks ||
        (!response.blocks.empty() && bytes + size > kMaxResponseBytes)) {
      break;
    }
    bytes += size;
    response.blocks.push_back(committed.block);
    response.certificate = committed.certificate;
  }
  return response;
}

}  // namespace groat::hotstuff
