#include "tests/e2e/update_load.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/blake3.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "wire/common.h"

namespace groat::e2e {
namespace {

using relay::v1::SubmitUpdatesRequest;
using relay::v1::SubmitUpdatesResponse;

constexpr milliseconds kCallTimeout{5000};
constexpr milliseconds kRetryPause{10};

record::Update NewUpdate(uint64_t seed, size_t client, uint64_t number) {
  static const Blake3Context context("groat test update");
  const auto derived = [&](uint8_t what) {
    return context(ByteView(ByteWriter().U64(seed).U64(client).U64(number).U8(what).bytes()));
  };
  return {derived(0), derived(1)};
}

}  // namespace

bool MayComeBack(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsCancelled(status);
}

UpdateLoad::UpdateLoad(Cluster& cluster, const Options& options)
    : cluster_(cluster), options_(options) {
  for (size_t client = 0; client < options_.clients; ++client) {
    threads_.emplace_back([this, client] { Run(client); });
  }
}

void UpdateLoad::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void UpdateLoad::Run(size_t client) {
  Random random(options_.seed * 1000 + client);
  rpc::ChannelOptions channel_options;
  channel_options.own_connection = true;
  const auto channel =
      rpc::MakeChannel(cluster_.file().relay.listen, cluster_.Tls("client"), channel_options);
  if (!channel.ok()) return Fail(channel.status());
  const auto stub = relay::v1::RelayService::NewStub(*channel);
  uint64_t number = 0;
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (stopping_ || !status_.ok()) return;
    }
    SubmitUpdatesRequest request;
    std::vector<record::Update> updates(Pick(random, 1, options_.max_batch));
    for (record::Update& update : updates) {
      update = NewUpdate(options_.seed, client, number++);
      wire::SetBytes(update.unlock, request.add_updates()->mutable_unlock());
      wire::SetBytes(update.value, request.mutable_updates()->rbegin()->mutable_value());
    }
    request.set_wait(options_.waits[Pick(random, 0, options_.waits.size() - 1)]);
    request.set_omit_proofs(Pick(random, 0, 3) != 0);
    const Clock::time_point begin = Clock::now();
    SubmitUpdatesResponse response;
    bool repeated = false;
    if (!SendUntilAnswered(*stub, request, response, repeated)) return;
    const absl::Status taken = Take(updates, repeated, response);
    if (!taken.ok()) return Fail(taken);
    MutexLock lock(mutex_);
    last_answered_begin_ = std::max(last_answered_begin_, begin);
    changed_.NotifyAll();
  }
}

bool UpdateLoad::SendUntilAnswered(relay::v1::RelayService::Stub& stub,
                                   const SubmitUpdatesRequest& request,
                                   SubmitUpdatesResponse& response, bool& repeated) {
  const Clock::time_point begin = Clock::now();
  for (;;) {
    rpc::CallContext context(kCallTimeout);
    const absl::Status status = rpc::FromGrpc(stub.SubmitUpdates(&context, request, &response));
    if (status.ok()) return true;
    if (!MayComeBack(status) || Clock::now() - begin > kPatience) {
      Fail(status);
      return false;
    }
    if (!repeated) {
      MutexLock lock(mutex_);
      ++repeated_batches_;
    }
    repeated = true;
    if (!failed_.Sleep(kRetryPause)) return false;
  }
}

absl::Status UpdateLoad::Take(const std::vector<record::Update>& updates, bool repeated,
                              const SubmitUpdatesResponse& response) {
  if (response.results_size() != static_cast<int>(updates.size())) {
    return absl::InternalError(
        absl::StrCat(response.results_size(), " results, want ", updates.size()));
  }
  MutexLock lock(mutex_);
  for (size_t i = 0; i < updates.size(); ++i) {
    const relay::v1::UpdateResult& result = response.results(static_cast<int>(i));
    const bool fine = result.outcome() == relay::v1::UPDATE_OUTCOME_ACCEPTED ||
                      (repeated && result.outcome() == relay::v1::UPDATE_OUTCOME_REPEATED);
    if (!fine || result.cycle() == 0) {
      return absl::InternalError(absl::StrCat(repeated ? "a repeated" : "a new",
                                              " update was answered with ",
                                              result.ShortDebugString()));
    }
    acknowledged_.push_back({updates[i], record::Cycle(result.cycle())});
    if (!result.has_proof()) continue;
    const common::v1::RootStatement& root = result.proof().root().statement();
    const auto [position, inserted] = roots_.try_emplace(root.cycle(), root.root());
    if (!inserted && position->second != root.root()) {
      return absl::DataLossError(absl::StrCat("cycle ", root.cycle(), " had the roots ",
                                              ToHex(AsBytes(position->second)), " and ",
                                              ToHex(AsBytes(root.root()))));
    }
  }
  changed_.NotifyAll();
  return absl::OkStatus();
}

void UpdateLoad::Fail(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    if (status_.ok()) status_ = status;
    changed_.NotifyAll();
  }
  failed_.Cancel();
}

absl::Status UpdateLoad::WaitForAcknowledged(uint64_t count) const {
  const Clock::time_point deadline = Clock::now() + kPatience;
  MutexLock lock(mutex_);
  while (acknowledged_.size() < count && status_.ok()) {
    if (!changed_.WaitUntil(mutex_, deadline)) {
      return absl::DeadlineExceededError(
          absl::StrCat(acknowledged_.size(), " updates acknowledged, want ", count));
    }
  }
  return status_;
}

absl::Status UpdateLoad::WaitForFreshAnswer() const {
  const Clock::time_point begin = Clock::now();
  MutexLock lock(mutex_);
  while (last_answered_begin_ < begin && status_.ok()) {
    if (!changed_.WaitUntil(mutex_, begin + kPatience)) {
      return absl::DeadlineExceededError("no batch was answered");
    }
  }
  return status_;
}

uint64_t UpdateLoad::acknowledged_count() const {
  MutexLock lock(mutex_);
  return acknowledged_.size();
}

std::vector<Acknowledged> UpdateLoad::acknowledged() const { return AcknowledgedFrom(0); }

std::vector<Acknowledged> UpdateLoad::AcknowledgedFrom(size_t first) const {
  MutexLock lock(mutex_);
  first = std::min(first, acknowledged_.size());
  return {acknowledged_.begin() + static_cast<std::ptrdiff_t>(first), acknowledged_.end()};
}

std::map<uint64_t, std::string> UpdateLoad::roots() const {
  MutexLock lock(mutex_);
  return roots_;
}

uint64_t UpdateLoad::repeated_batches() const {
  MutexLock lock(mutex_);
  return repeated_batches_;
}

absl::Status UpdateLoad::status() const {
  MutexLock lock(mutex_);
  return status_;
}

}  // namespace groat::e2e
