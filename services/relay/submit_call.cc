#include "services/relay/submit_call.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "wire/relay.h"

namespace groat::relay_service {
namespace {

WaitLevel FromProto(relay::v1::WaitLevel wait) {
  switch (wait) {
    case relay::v1::WAIT_LEVEL_INCLUDED:
      return WaitLevel::kIncluded;
    case relay::v1::WAIT_LEVEL_ANCHORED:
      return WaitLevel::kAnchored;
    default:
      return WaitLevel::kAccepted;
  }
}

}  // namespace

absl::Status BeginSubmit(const Relay& relay, const relay::v1::SubmitUpdatesRequest& request,
                         SubmitDone done) {
  GROAT_ASSIGN_OR_RETURN(const std::vector<record::Update> updates,
                         wire::UpdatesFromProto(request));
  SubmitAsk ask;
  ask.wait = FromProto(request.wait());
  ask.with_proofs = wire::WantsProofs(request);
  ask.since = record::Cycle(std::max<uint64_t>(request.since_cycle(), 1));
  if (ask.with_proofs) {
    GROAT_RETURN_IF_ERROR(relay.answers.CheckSpan(updates.size(), ask.since));
  }
  Submission submission;
  submission.wait = ask.wait;
  submission.entries.reserve(updates.size());
  ask.keys.reserve(updates.size());
  for (const record::Update& update : updates) {
    const Hash key = record::KeyOfUnlock(record::RelayId(relay.config.relay_id), update.unlock);
    const record::Shard shard = record::ShardOf(key, relay.config.shard_bits);
    if (shard != record::Shard(relay.config.shard)) {
      return absl::InvalidArgumentError(
          absl::StrCat("updates[", ask.keys.size(), "] belongs to shard ", shard.value(),
                       ", this relay serves shard ", relay.config.shard));
    }
    ask.keys.push_back(key);
    submission.entries.push_back({key, update.value});
  }
  submission.done = [&answers = relay.answers, ask = std::move(ask),
                     done = std::move(done)](absl::StatusOr<std::vector<relay::Verdict>> verdicts) {
    if (!verdicts.ok()) {
      done(verdicts.status());
    } else {
      done(answers.Submit(ask, *verdicts));
    }
  };
  const size_t count = submission.entries.size();
  absl::Status status = relay.engine.Submit(std::move(submission));
  if (!status.ok()) relay.metrics.refused_updates->Increment(static_cast<double>(count));
  return status;
}

}  // namespace groat::relay_service
