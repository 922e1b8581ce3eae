#include "rpc/health.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rpc/unary.h"

namespace groat::rpc {
namespace {

using Status = grpc::health::v1::HealthCheckResponse;

Status::ServingStatus ToProto(bool serving) {
  return serving ? Status::SERVING : Status::NOT_SERVING;
}

// Health changes rarely: a watch this far behind has stopped reading.
constexpr StreamLimits kWatchLimits{.max_messages = 16, .max_bytes = 4096};

}  // namespace

class HealthService::WatchStream final : public BoundedWriteStream<Response> {
 public:
  WatchStream(HealthService* health, grpc::CallbackServerContext* context, std::string service)
      : BoundedStream(context, kWatchLimits), health_(health), service_(std::move(service)) {}

  const std::string& service() const { return service_; }

 private:
  void OnClosed(const absl::Status&) override { health_->Remove(this); }

  HealthService* const health_;
  const std::string service_;
};

void HealthService::AddService(std::string_view service) {
  MutexLock lock(mutex_);
  serving_.emplace(service, false);
}

void HealthService::Set(std::string_view service, bool serving) {
  const auto it = serving_.find(service);
  if (it == serving_.end() || it->second == serving) return;
  it->second = serving;
  for (const std::shared_ptr<WatchStream>& watch : watches_) {
    if (watch->service() == service) notices_.push_back({watch, ToProto(serving)});
  }
}

absl::Status HealthService::SetServing(std::string_view service, bool serving) {
  {
    MutexLock lock(mutex_);
    if (service.empty() || !serving_.contains(service)) {
      return absl::NotFoundError(absl::StrCat(
          "no service \"", absl::string_view(service.data(), service.size()), "\" on this server"));
    }
    if (drained_) return absl::OkStatus();
    Set(service, serving);
    Set("", std::all_of(serving_.begin(), serving_.end(),
                        [](const auto& entry) { return entry.first.empty() || entry.second; }));
  }
  TellWatches();
  return absl::OkStatus();
}

void HealthService::SetServing(bool serving) {
  {
    MutexLock lock(mutex_);
    if (drained_) return;
    for (const auto& [service, unused] : serving_) Set(service, serving);
  }
  TellWatches();
}

void HealthService::Drain() {
  {
    MutexLock lock(mutex_);
    if (drained_) return;
    drained_ = true;
    for (const auto& [service, unused] : serving_) Set(service, false);
    for (const std::shared_ptr<WatchStream>& watch : watches_) {
      notices_.push_back({watch, Status::NOT_SERVING, /*last=*/true});
    }
  }
  TellWatches();
}

void HealthService::TellWatches() {
  {
    MutexLock lock(mutex_);
    if (telling_) return;
    telling_ = true;
  }
  while (true) {
    Notice notice;
    {
      MutexLock lock(mutex_);
      if (notices_.empty()) {
        telling_ = false;
        return;
      }
      notice = std::move(notices_.front());
      notices_.pop_front();
    }
    if (notice.last) {
      notice.stream->Finish(absl::UnavailableError("the server is stopping"));
    } else {
      Response response;
      response.set_status(notice.status);
      notice.stream->PushOrAbort(std::move(response));
    }
  }
}

void HealthService::Remove(const WatchStream* stream) {
  MutexLock lock(mutex_);
  std::erase_if(watches_, [stream](const auto& watch) { return watch.get() == stream; });
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const Request* request, Response* response) {
  bool known = false;
  {
    MutexLock lock(mutex_);
    const auto it = serving_.find(request->service());
    known = it != serving_.end();
    if (known) response->set_status(ToProto(it->second));
  }
  return FinishUnary(context, known ? absl::OkStatus() : absl::NotFoundError("no such service"));
}

grpc::ServerWriteReactor<HealthService::Response>* HealthService::Watch(
    grpc::CallbackServerContext* context, const Request* request) {
  auto stream = std::make_shared<WatchStream>(this, context, request->service());
  {
    MutexLock lock(mutex_);
    if (drained_ || watches_.size() >= kMaxWatches) {
      stream->Finish(drained_ ? absl::UnavailableError("the server is stopping")
                              : absl::ResourceExhaustedError(
                                    absl::StrCat(kMaxWatches, " watches are open, the maximum")));
      return StartStream(std::move(stream));
    }
    const auto it = serving_.find(request->service());
    watches_.push_back(stream);
    notices_.push_back(
        {stream, it == serving_.end() ? Status::SERVICE_UNKNOWN : ToProto(it->second)});
  }
  TellWatches();
  return StartStream(std::move(stream));
}

}  // namespace groat::rpc
