#include "services/consensus/submit_answer.h"

namespace groat::consensus_service {

using hotstuff::Height;

void AnswerBatch::Commit(const Sink& sink, Height height, const SubmitAnswer::Placed& placed) {
  Add(sink, absl::OkStatus(), height, placed);
}

void AnswerBatch::Refuse(const Sink& sink, const absl::Status& refusal,
                         const hotstuff::CommandKey& key) {
  Add(sink, refusal, Height(), {key});
}

void AnswerBatch::Add(const Sink& sink, const absl::Status& refusal, Height height,
                      const SubmitAnswer::Placed& placed) {
  const auto [newest, added] = newest_.emplace(sink.get(), due_.size());
  if (added || due_[newest->second].answer.height != height ||
      due_[newest->second].answer.refusal != refusal) {
    newest->second = due_.size();
    due_.push_back({sink, {refusal, height, {}}});
  }
  due_[newest->second].answer.commands.push_back(placed);
}

}  // namespace groat::consensus_service
