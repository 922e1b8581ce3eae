#include "rpc/call_metrics.h"

#include <google/protobuf/descriptor.h>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"

namespace groat::rpc {
namespace {

using Clock = std::chrono::steady_clock;
using grpc::experimental::ClientRpcInfo;
using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using prometheus::Labels;

// As Go spells them: dashboards match on these.
constexpr std::array<const char*, 17> kCodeNames = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};
constexpr std::array<const char*, 4> kTypeNames = {"unary", "client_stream", "server_stream",
                                                   "bidi_stream"};

// From a proof out of memory to waiting for several cycles, in seconds.
const Histogram::BucketBoundaries kBuckets = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                              0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                              1.0,    2.5,     5.0,    10.0};

Family<Counter>& CounterFamily(prometheus::Registry& registry, const std::string& name,
                               const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

// The metrics of one method. They live as long as the registry.
class MethodMetrics {
 public:
  MethodMetrics(Labels labels, Family<Counter>& started, Family<Counter>& handled,
                Family<Counter>& received, Family<Counter>& sent, Family<Histogram>& seconds)
      : started_(started.Add(labels)),
        received_(received.Add(labels)),
        sent_(sent.Add(labels)),
        seconds_(seconds.Add(labels, kBuckets)),
        handled_family_(handled),
        labels_(std::move(labels)) {}

  void Started() { started_.Increment(); }
  void Received() { received_.Increment(); }
  void Sent() { sent_.Increment(); }
  void Handled(int code, Clock::duration elapsed) {
    const size_t known = code >= 0 && code < static_cast<int>(kCodeNames.size())
                             ? static_cast<size_t>(code)
                             : static_cast<size_t>(grpc::StatusCode::UNKNOWN);
    Counter* counter = handled_[known].load(std::memory_order_acquire);
    if (counter == nullptr) {
      // Add finds the same counter again if two threads come here at once.
      Labels labels = labels_;
      labels["grpc_code"] = kCodeNames[known];
      counter = &handled_family_.Add(labels);
      handled_[known].store(counter, std::memory_order_release);
    }
    counter->Increment();
    seconds_.Observe(std::chrono::duration<double>(elapsed).count());
  }

 private:
  Counter& started_;
  Counter& received_;
  Counter& sent_;
  Histogram& seconds_;
  Family<Counter>& handled_family_;
  const Labels labels_;
  // Most codes of most methods never occur: their series appear with the first call.
  std::array<std::atomic<Counter*>, kCodeNames.size()> handled_{};
};

// The metrics of every method on one side.
class CallMetrics {
 public:
  CallMetrics(std::shared_ptr<prometheus::Registry> registry, const std::string& prefix)
      : registry_(std::move(registry)),
        started_(CounterFamily(*registry_, prefix + "_started_total", "Calls started.")),
        handled_(CounterFamily(*registry_, prefix + "_handled_total", "Calls ended, by code.")),
        received_(CounterFamily(*registry_, prefix + "_msg_received_total", "Messages received.")),
        sent_(CounterFamily(*registry_, prefix + "_msg_sent_total", "Messages sent.")),
        seconds_(prometheus::BuildHistogram()
                     .Name(prefix + "_handling_seconds")
                     .Help("Time from the start of a call to its status.")
                     .Register(*registry_)) {}

  // `name` as gRPC has it: "/package.Service/Method".
  MethodMetrics& ForMethod(std::string_view name) {
    MutexLock lock(mutex_);
    const auto found = methods_.find(name);
    if (found != methods_.end()) return *found->second;
    const google::protobuf::MethodDescriptor* method = Describe(name);
    std::unique_ptr<MethodMetrics>& entry = methods_[method == nullptr ? "" : std::string(name)];
    if (entry == nullptr) entry = Make(method);
    return *entry;
  }

 private:
  static const google::protobuf::MethodDescriptor* Describe(std::string_view name) {
    const size_t slash = name.rfind('/');
    if (name.size() < 2 || name[0] != '/' || slash == 0) return nullptr;
    return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
        std::string(name.substr(1, slash - 1)) + "." + std::string(name.substr(slash + 1)));
  }

  std::unique_ptr<MethodMetrics> Make(const google::protobuf::MethodDescriptor* method) {
    Labels labels = {
        {"grpc_type", "unary"}, {"grpc_service", "unknown"}, {"grpc_method", "unknown"}};
    if (method != nullptr) {
      const size_t type =
          (method->client_streaming() ? 1u : 0u) + (method->server_streaming() ? 2u : 0u);
      labels = {{"grpc_type", kTypeNames[type]},
                {"grpc_service", method->service()->full_name()},
                {"grpc_method", method->name()}};
    }
    return std::make_unique<MethodMetrics>(std::move(labels), started_, handled_, received_, sent_,
                                           seconds_);
  }

  const std::shared_ptr<prometheus::Registry> registry_;
  Family<Counter>& started_;
  Family<Counter>& handled_;
  Family<Counter>& received_;
  Family<Counter>& sent_;
  Family<Histogram>& seconds_;
  Mutex mutex_;
  // The empty name holds the methods that no contract describes.
  std::map<std::string, std::unique_ptr<MethodMetrics>, std::less<>> methods_
      ABSL_GUARDED_BY(mutex_);
};

class ServerCall final : public Interceptor {
 public:
  explicit ServerCall(MethodMetrics& metrics) : metrics_(metrics) { metrics_.Started(); }

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE) &&
        methods->GetRecvMessage() != nullptr) {
      metrics_.Received();
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_MESSAGE)) {
      metrics_.Sent();
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      metrics_.Handled(methods->GetSendStatus().error_code(), Clock::now() - start_);
    }
    methods->Proceed();
  }

 private:
  MethodMetrics& metrics_;
  const Clock::time_point start_ = Clock::now();
};

class ClientCall final : public Interceptor {
 public:
  explicit ClientCall(MethodMetrics& metrics) : metrics_(metrics) { metrics_.Started(); }

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_MESSAGE)) {
      metrics_.Sent();
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE) &&
        methods->GetRecvMessage() != nullptr) {
      metrics_.Received();
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_STATUS)) {
      metrics_.Handled(methods->GetRecvStatus()->error_code(), Clock::now() - start_);
    }
    methods->Proceed();
  }

 private:
  MethodMetrics& metrics_;
  const Clock::time_point start_ = Clock::now();
};

class ServerFactory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit ServerFactory(std::shared_ptr<prometheus::Registry> registry)
      : metrics_(std::move(registry), "grpc_server") {}
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return new ServerCall(metrics_.ForMethod(info->method()));
  }

 private:
  CallMetrics metrics_;
};

class ClientFactory final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit ClientFactory(std::shared_ptr<prometheus::Registry> registry)
      : metrics_(std::move(registry), "grpc_client") {}
  Interceptor* CreateClientInterceptor(ClientRpcInfo* info) override {
    return new ClientCall(metrics_.ForMethod(info->method()));
  }

 private:
  CallMetrics metrics_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeServerCallMetrics(
    std::shared_ptr<prometheus::Registry> registry) {
  return std::make_unique<ServerFactory>(std::move(registry));
}
std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface> MakeClientCallMetrics(
    std::shared_ptr<prometheus::Registry> registry) {
  return std::make_unique<ClientFactory>(std::move(registry));
}

}  // namespace groat::rpc
