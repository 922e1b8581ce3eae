// What becomes of commands that clients submitted, and who is told.
//
// Pure values.
#ifndef GROAT_SERVICES_CONSENSUS_SUBMIT_ANSWER_H_
#define GROAT_SERVICES_CONSENSUS_SUBMIT_ANSWER_H_

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "hotstuff/command.h"

namespace groat::consensus_service {

// What became of some commands of one sink.
struct SubmitAnswer {
  struct Placed {
    hotstuff::CommandKey key;
    uint32_t index = 0;
    bool fresh = true;  // False for a change of validators that has no effect.
  };
  absl::Status refusal;     // OK: committed.
  hotstuff::Height height;  // If committed; 0 if no longer known.
  std::vector<Placed> commands;
};

// Who waits for answers. Called by one thread at a time, once for each command; must not block.
class SubmitSink {
 public:
  virtual ~SubmitSink() = default;
  virtual void Take(const SubmitAnswer& answer) = 0;
};

// Answers that are due, gathered: one for the commands of a sink that share their outcome and
// follow each other.
class AnswerBatch {
 public:
  using Sink = std::shared_ptr<SubmitSink>;
  struct Due {
    Sink sink;
    SubmitAnswer answer;
  };

  void Commit(const Sink& sink, hotstuff::Height height, const SubmitAnswer::Placed& placed);
  // `refusal` is an error.
  void Refuse(const Sink& sink, const absl::Status& refusal, const hotstuff::CommandKey& key);

  bool empty() const { return due_.empty(); }
  // In the order of each one's first command.
  const std::vector<Due>& due() const { return due_; }

 private:
  void Add(const Sink& sink, const absl::Status& refusal, hotstuff::Height height,
           const SubmitAnswer::Placed& placed);

  std::vector<Due> due_;
  absl::flat_hash_map<const SubmitSink*, size_t> newest_;  // Places in `due_`.
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_SUBMIT_ANSWER_H_
