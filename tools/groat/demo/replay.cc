#include "tools/groat/demo/replay.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "asset/provenance.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "rpc/channel.h"
#include "wire/provenance.h"

namespace groat::demo {
namespace {

namespace v1 = relay::v1;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Payments that fall due within this time leave in one request.
constexpr milliseconds kTick{2};
constexpr size_t kMaxBatch = 1000;

v1::WaitLevel Level(Wait wait) {
  switch (wait) {
    case Wait::kIncluded:
      return v1::WAIT_LEVEL_INCLUDED;
    case Wait::kAnchored:
      return v1::WAIT_LEVEL_ANCHORED;
    case Wait::kAccepted:
      break;
  }
  return v1::WAIT_LEVEL_ACCEPTED;
}

void AddUpdate(const record::Update& update, v1::SubmitUpdatesRequest& request) {
  v1::Update* proto = request.add_updates();
  proto->set_unlock(ToString(update.unlock));
  proto->set_value(ToString(update.value));
}

// Whether the answer's own proof says what the answer says.
bool ProofHolds(const v1::UpdateResult& result, const record::Update& update,
                const asset::RelayTrust& trust) {
  if (!result.has_proof()) return false;
  const absl::StatusOr<asset::ProofOfProvenance> proof = wire::FromProto(result.proof());
  return proof.ok() && asset::Verify(*proof, trust).ok() && proof->value() == update.value &&
         proof->key() == record::KeyOfUnlock(trust.relay, update.unlock) &&
         proof->cycle().value() == result.cycle();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Replay>> Replay::Make(const std::string& relay_endpoint,
                                                     const rpc::TlsConfig& tls,
                                                     const asset::RelayTrust& trust,
                                                     ReplayPlan plan) {
  std::unique_ptr<Replay> replay(new Replay(trust, std::move(plan)));
  rpc::ChannelOptions options;
  options.own_connection = true;
  for (size_t i = 0; i < replay->plan_.connections + 2; ++i) {
    GROAT_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                           rpc::MakeChannel(relay_endpoint, tls, options));
    replay->senders_.push_back(
        std::make_unique<UpdateSender>(std::move(channel), replay->OnAnswer()));
  }
  return replay;
}

Replay::Replay(const asset::RelayTrust& trust, ReplayPlan plan)
    : trust_(trust), plan_(std::move(plan)), results_(plan_.updates.size()) {
  GROAT_CHECK_EQ(plan_.updates.size(), plan_.arrivals_ns.size());
  for (size_t row = 0; row < results_.size(); ++row) {
    results_[row].wait = WaitOf(row, plan_.wait_sample);
  }
}

UpdateSender::OnAnswer Replay::OnAnswer() {
  return [this](const UpdateSender::Rows& rows, const v1::StreamUpdatesResponse& response) {
    const Clock::time_point now = Clock::now();
    if (response.code() != 0 && response.code() != grpc::StatusCode::ALREADY_EXISTS) {
      MutexLock lock(mutex_);
      if (first_error_.empty()) first_error_ = response.message();
    }
    for (size_t i = 0; i < rows.size(); ++i) Note(rows[i], response, static_cast<int>(i), now);
    answered_ += rows.size();
  };
}

void Replay::Note(uint32_t row, const v1::StreamUpdatesResponse& response, int position,
                  Clock::time_point now) {
  PaymentResult& result = results_[row];
  result.latency_ns = (now - start_ - nanoseconds(plan_.arrivals_ns[row])).count();
  if (position >= response.submit().results_size()) {
    result.outcome = Outcome::kFailed;
    return;
  }
  const v1::UpdateResult& answer = response.submit().results(position);
  result.cycle = record::Cycle(answer.cycle());
  uint64_t last = last_cycle_.load();
  while (last < answer.cycle() && !last_cycle_.compare_exchange_weak(last, answer.cycle())) {
  }
  switch (answer.outcome()) {
    case v1::UPDATE_OUTCOME_ACCEPTED:
    case v1::UPDATE_OUTCOME_REPEATED:
      result.outcome = Outcome::kTaken;
      result.proof_verified = ProofHolds(answer, plan_.updates[row], trust_);
      return;
    case v1::UPDATE_OUTCOME_DOUBLE_SPEND: {
      result.outcome = Outcome::kDoubleSpend;
      ++double_spends_;
      const absl::StatusOr<Bytes32> standing =
          Bytes32::From(AsBytes(answer.standing_value()), "standing_value");
      if (standing.ok()) result.standing_value = *standing;
      return;
    }
    default:
      result.outcome = Outcome::kFailed;
  }
}

void Replay::SendOne(uint32_t row, Wait wait) {
  v1::SubmitUpdatesRequest request;
  request.set_wait(Level(wait));
  AddUpdate(plan_.updates[row], request);
  const size_t sender = plan_.connections + (wait == Wait::kAnchored ? 1 : 0);
  senders_[sender]->Send({row}, std::move(request));
}

void Replay::SendDue(size_t& next, int64_t now_ns) {
  while (next < plan_.updates.size() && plan_.arrivals_ns[next] <= now_ns) {
    UpdateSender::Rows rows;
    v1::SubmitUpdatesRequest request;
    request.set_wait(v1::WAIT_LEVEL_ACCEPTED);
    absl::flat_hash_set<Bytes32> unlocks;
    const size_t first = next;
    while (next < plan_.updates.size() && plan_.arrivals_ns[next] <= now_ns &&
           rows.size() < kMaxBatch) {
      const auto row = static_cast<uint32_t>(next);
      const record::Update& update = plan_.updates[next];
      // The contract wants distinct unlocks in a request: a double spend opens the next one.
      if (!unlocks.insert(update.unlock).second) break;
      ++next;
      if (results_[row].wait != Wait::kAccepted) {
        SendOne(row, results_[row].wait);
        continue;
      }
      rows.push_back(row);
      AddUpdate(update, request);
    }
    sent_ += next - first;
    if (rows.empty()) continue;
    senders_[next_sender_++ % plan_.connections]->Send(std::move(rows), std::move(request));
  }
}

absl::Status Replay::Run(rpc::Cancellation& cancellation) {
  start_ = Clock::now();
  size_t next = 0;
  while (next < plan_.updates.size()) {
    const int64_t now_ns = nanoseconds(Clock::now() - start_).count();
    SendDue(next, now_ns);
    if (next == plan_.updates.size()) break;
    const nanoseconds until_due(plan_.arrivals_ns[next] - now_ns);
    const auto pause = std::max(kTick, std::chrono::duration_cast<milliseconds>(until_due));
    if (!cancellation.Sleep(pause)) return absl::CancelledError("cancelled");
  }
  return absl::OkStatus();
}

absl::Status Replay::WaitAnswered(milliseconds timeout, rpc::Cancellation& cancellation) {
  const Clock::time_point deadline = Clock::now() + timeout;
  for (const std::unique_ptr<UpdateSender>& sender : senders_) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (sender->WaitAnswered(std::max(left, milliseconds(0)), cancellation)) continue;
    if (cancellation.cancelled()) return absl::CancelledError("cancelled");
    return absl::DeadlineExceededError(absl::StrCat(sent_ - answered_, " of ", sent_.load(),
                                                    " payments are not answered ", timeout.count(),
                                                    " ms after the last one"));
  }
  return absl::OkStatus();
}

uint32_t Replay::reconnects() const {
  uint32_t count = 0;
  for (const std::unique_ptr<UpdateSender>& sender : senders_) count += sender->reconnects();
  return count;
}

std::string Replay::first_error() const {
  MutexLock lock(mutex_);
  return first_error_;
}

std::vector<PaymentResult> Replay::TakeResults() {
  senders_.clear();  // Joins every thread that writes results.
  return std::move(results_);
}

}  // namespace groat::demo
