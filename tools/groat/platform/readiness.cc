#include "tools/groat/platform/readiness.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/status.h"

namespace groat::platform {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Between two watches that both broke at once.
constexpr milliseconds kPause{50};

// One watch: true once the server serves; `said` is what was learned last.
bool WatchOnce(Health::Stub& stub, milliseconds timeout, rpc::Cancellation& cancellation,
               std::string& said) {
  rpc::CallContext context(timeout);
  context.set_wait_for_ready(true);
  const rpc::Cancellation::Scope scope(cancellation, context);
  const std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> reader =
      stub.Watch(&context, HealthCheckRequest());
  HealthCheckResponse response;
  while (reader->Read(&response)) {
    if (response.status() == HealthCheckResponse::SERVING) {
      context.TryCancel();
      reader->Finish();
      return true;
    }
    said = HealthCheckResponse::ServingStatus_Name(response.status());
  }
  const grpc::Status status = reader->Finish();
  // The deadline says nothing about the server.
  if (status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED) said = status.error_message();
  return false;
}

}  // namespace

absl::Status WaitServing(const std::string& endpoint, const rpc::TlsConfig& tls,
                         milliseconds timeout, rpc::Cancellation& cancellation) {
  const Clock::time_point deadline = Clock::now() + timeout;
  GROAT_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel,
                         rpc::MakeChannel(endpoint, tls, {}));
  const std::unique_ptr<Health::Stub> stub = Health::NewStub(channel);
  std::string said = "nothing";
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      return absl::DeadlineExceededError(absl::StrCat(
          endpoint, " does not serve after ", timeout.count(), " ms; it said last: ", said));
    }
    if (WatchOnce(*stub, left, cancellation, said)) return absl::OkStatus();
    if (!cancellation.Sleep(std::min(kPause, left))) return absl::CancelledError("cancelled");
  }
}

}  // namespace groat::platform
