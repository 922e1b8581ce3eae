// The service grpc.health.v1.Health.
//
// Our own, because gRPC's built-in one is not visible to reflection and does not end its watches
// when the server drains. Thread-safe.
#ifndef GROAT_RPC_HEALTH_H_
#define GROAT_RPC_HEALTH_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rpc/write_stream.h"

namespace groat::rpc {

class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  using Request = grpc::health::v1::HealthCheckRequest;
  using Response = grpc::health::v1::HealthCheckResponse;

  // More watches at once end RESOURCE_EXHAUSTED.
  static constexpr size_t kMaxWatches = 1024;

  // Adds a service as NOT_SERVING; the empty name, the server as a whole, is always there.
  void AddService(std::string_view service);

  // NotFound if the service was not added. No effect once drained.
  absl::Status SetServing(std::string_view service, bool serving);
  void SetServing(bool serving);

  // Everything NOT_SERVING for good; watches are told, then end UNAVAILABLE.
  void Drain();

 private:
  class WatchStream;

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context, const Request* request,
                                  Response* response) override;
  grpc::ServerWriteReactor<Response>* Watch(grpc::CallbackServerContext* context,
                                            const Request* request) override;

  // Something to tell one watch. Kept in one list, which one thread at a time empties without the
  // lock: so every watch sees changes in their order, and no lock is held while gRPC is called.
  struct Notice {
    std::shared_ptr<WatchStream> stream;
    Response::ServingStatus status = Response::UNKNOWN;
    bool last = false;
  };
  void Set(std::string_view service, bool serving) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TellWatches();
  void Remove(const WatchStream* stream);

  Mutex mutex_;
  // By service; the empty name is there from the start.
  std::map<std::string, bool, std::less<>> serving_ ABSL_GUARDED_BY(mutex_) = {{"", false}};
  std::vector<std::shared_ptr<WatchStream>> watches_ ABSL_GUARDED_BY(mutex_);
  std::deque<Notice> notices_ ABSL_GUARDED_BY(mutex_);
  bool telling_ ABSL_GUARDED_BY(mutex_) = false;
  bool drained_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::rpc

#endif  // GROAT_RPC_HEALTH_H_
