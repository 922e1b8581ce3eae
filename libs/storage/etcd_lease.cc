#include "storage/etcd_lease.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "storage/etcd/rpc.grpc.pb.h"

namespace groat::storage {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// Between tries to keep a lease alive.
constexpr auto kPause = std::chrono::milliseconds(50);

SteadyTime Now() { return std::chrono::steady_clock::now(); }

}  // namespace

class EtcdLease::Worker {
 public:
  Worker(const EtcdChannels* channels, LeaseId id, std::chrono::seconds ttl, SteadyTime sent,
         std::function<void()> on_lost)
      : channels_(*channels),
        id_(id),
        ttl_(ttl),
        on_lost_(std::move(on_lost)),
        good_until_(sent + ttl) {}

  LeaseId id() const { return id_; }

  bool lost() {
    MutexLock lock(mutex_);
    return lost_ || Now() >= good_until_;
  }

  // Keeps the lease alive until Stop() or its loss.
  void Run() {
    while (WaitForNextTurn()) {
      if (KeepAlive()) continue;
      if (MarkLost() && on_lost_) on_lost_();
      break;
    }
    on_lost_ = nullptr;
  }

  void Stop() {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }

  // No call of on_lost will begin any more.
  void MarkRevoked() {
    MutexLock lock(mutex_);
    lost_ = true;
    stopping_ = true;
    changed_.NotifyAll();
  }

 private:
  // A third of the time to live after the last success; false if stopped.
  bool WaitForNextTurn() {
    MutexLock lock(mutex_);
    const SteadyTime turn = good_until_ - ttl_ * 2 / 3;
    while (!stopping_ && changed_.WaitUntil(mutex_, turn)) {
    }
    return !stopping_;
  }

  // False if the lease was stopped meanwhile, so that its holder is not to be told.
  bool MarkLost() {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    lost_ = true;
    return true;
  }

  // Tries until it succeeds or is stopped (true), or the lease is gone or may be gone (false).
  bool KeepAlive() {
    SteadyTime good_until = GoodUntil();
    for (SteadyTime sent = Now(); sent < good_until; sent = Now()) {
      etcdserverpb::LeaseKeepAliveResponse response;
      // Short, so that another endpoint can follow and a destructor does not wait long.
      const absl::Duration timeout =
          std::min({absl::FromChrono(good_until - sent), absl::FromChrono(ttl_ / 3),
                    channels_.options().try_timeout});
      const absl::Status status = channels_.CallRepeatable(
          timeout,
          [&](const auto& channel, auto& context) { return Exchange(channel, context, response); });
      if (status.ok()) {
        if (response.ttl_s() <= 0) return false;
        MutexLock lock(mutex_);
        good_until_ = sent + ttl_;
        return true;
      }
      if (!Pause()) return true;
    }
    return false;
  }

  SteadyTime GoodUntil() {
    MutexLock lock(mutex_);
    return good_until_;
  }

  // Between tries; false if stopped.
  bool Pause() {
    const SteadyTime until = Now() + kPause;
    MutexLock lock(mutex_);
    while (!stopping_ && changed_.WaitUntil(mutex_, until)) {
    }
    return !stopping_;
  }

  grpc::Status Exchange(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext& context,
                        etcdserverpb::LeaseKeepAliveResponse& response) const {
    etcdserverpb::LeaseKeepAliveRequest request;
    request.set_id(id_.value());
    const auto stream = etcdserverpb::Lease::NewStub(channel)->LeaseKeepAlive(&context);
    const bool answered = stream->Write(request) && stream->Read(&response);
    stream->WritesDone();
    if (answered) context.TryCancel();  // The server would keep the stream open.
    const grpc::Status status = stream->Finish();
    if (answered) return grpc::Status::OK;
    return status.ok() ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "no answer") : status;
  }

  const EtcdChannels& channels_;
  const LeaseId id_;
  const std::chrono::nanoseconds ttl_;
  std::function<void()> on_lost_;  // Used by the thread alone.

  Mutex mutex_;
  CondVar changed_;
  SteadyTime good_until_ ABSL_GUARDED_BY(mutex_);
  bool lost_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  friend class EtcdLease;
};

absl::StatusOr<std::unique_ptr<Lease>> EtcdLease::Grant(const EtcdChannels* channels,
                                                        ThreadShelf* shelf, absl::Duration ttl,
                                                        std::function<void()> on_lost) {
  etcdserverpb::LeaseGrantRequest request;
  request.set_ttl_s(absl::ToInt64Seconds(ttl));
  etcdserverpb::LeaseGrantResponse response;
  SteadyTime sent;
  GROAT_RETURN_IF_ERROR(channels->CallRepeatable([&](const auto& channel, auto& context) {
    sent = Now();
    return etcdserverpb::Lease::NewStub(channel)->LeaseGrant(&context, request, &response);
  }));
  if (response.id() == 0 || response.ttl_s() <= 0 || !response.error().empty()) {
    return absl::InternalError(absl::StrCat("etcd granted lease ", response.id(), " for ",
                                            response.ttl_s(), " s: ", response.error()));
  }
  auto worker =
      std::make_shared<Worker>(channels, LeaseId(response.id()),
                               std::chrono::seconds(response.ttl_s()), sent, std::move(on_lost));
  return std::unique_ptr<Lease>(new EtcdLease(shelf, std::move(worker)));
}

EtcdLease::EtcdLease(ThreadShelf* shelf, std::shared_ptr<Worker> worker)
    : shelf_(*shelf), worker_(std::move(worker)) {
  thread_ = std::thread([w = worker_, ended = ended_] {
    w->Run();
    *ended = true;
  });
}

EtcdLease::~EtcdLease() {
  worker_->Stop();
  shelf_.Join(std::move(thread_), ended_);
}

LeaseId EtcdLease::id() const { return worker_->id(); }

bool EtcdLease::lost() const { return worker_->lost(); }

absl::Status EtcdLease::Revoke() {
  worker_->MarkRevoked();
  etcdserverpb::LeaseRevokeRequest request;
  request.set_id(worker_->id().value());
  etcdserverpb::LeaseRevokeResponse response;
  return worker_->channels_.CallRepeatable([&](const auto& channel, auto& context) {
    return etcdserverpb::Lease::NewStub(channel)->LeaseRevoke(&context, request, &response);
  });
}

}  // namespace groat::storage
