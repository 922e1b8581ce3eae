// What the platform's layer costs on top of gRPC: call metrics, peer identity, bounded streams.
//
//   build/release/bin/rpc_benchmark
#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "base/check.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "rpc/testing/certificates.h"
#include "rpc/testing/echo.grpc.pb.h"
#include "rpc/tls.h"
#include "rpc/unary.h"
#include "rpc/write_stream.h"

namespace groat::rpc {
namespace {

using testing::v1::EchoRequest;
using testing::v1::EchoResponse;
using testing::v1::EchoService;

// Keeps its queue full until `count` messages are on their way.
class Flood final : public BoundedWriteStream<EchoResponse> {
 public:
  Flood(grpc::CallbackServerContext* context, const EchoRequest& request)
      : BoundedStream(context, {.max_messages = 1024, .max_bytes = 4 << 20}),
        count_(request.count()),
        text_(request.payload_bytes(), 'x') {}
  // One thread at a time: the handler first, then gRPC's after each refusal.
  void Pump() {
    while (sent_ < count_) {
      EchoResponse response;
      response.set_text(text_);
      ++sent_;
      if (Push(std::move(response)) != PushResult::kQueued) {
        --sent_;
        return;
      }
    }
    Finish(absl::OkStatus());
  }

 private:
  void OnWritable() override {
    MutexLock lock(pumping_);
    Pump();
  }
  const uint32_t count_;
  const std::string text_;
  uint32_t sent_ = 0;

 public:
  Mutex pumping_;
};

class BenchmarkServer final : public EchoService::CallbackService {
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const EchoRequest* request,
                                 EchoResponse* response) override {
    response->set_text(request->text());
    return FinishUnary(context, absl::OkStatus());
  }
  // Answers with the nanoseconds of one PeerIdentity.
  grpc::ServerUnaryReactor* Hold(grpc::CallbackServerContext* context, const EchoRequest*,
                                 EchoResponse* response) override {
    constexpr int kTimes = 1000;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kTimes; ++i) GROAT_CHECK_OK(PeerIdentity(*context).status());
    const auto elapsed = std::chrono::steady_clock::now() - start;
    response->set_index(static_cast<uint32_t>(elapsed / std::chrono::nanoseconds(kTimes)));
    return FinishUnary(context, absl::OkStatus());
  }
  grpc::ServerWriteReactor<EchoResponse>* Stream(grpc::CallbackServerContext* context,
                                                 const EchoRequest* request) override {
    auto stream = std::make_shared<Flood>(context, *request);
    {
      MutexLock lock(stream->pumping_);
      stream->Pump();
    }
    return StartStream(std::move(stream));
  }
};

struct Setup {
  explicit Setup(bool tls, bool server_metrics, bool client_metrics) : authority("benchmark") {
    const TlsConfig server_tls = tls ? authority.Issue("server") : TlsConfig{.insecure = true};
    const TlsConfig client_tls = tls ? authority.Issue("client") : TlsConfig{.insecure = true};
    const auto registry = std::make_shared<prometheus::Registry>();
    auto started = Server::Start({.tls = server_tls,
                                  .services = {&service},
                                  .registry = server_metrics ? registry : nullptr});
    GROAT_CHECK_OK(started.status());
    server = *std::move(started);
    auto channel = MakeChannel("127.0.0.1:" + std::to_string(server->port()), client_tls,
                               {.registry = client_metrics ? registry : nullptr});
    GROAT_CHECK_OK(channel.status());
    stub = EchoService::NewStub(*channel);
  }
  testing::TestAuthority authority;
  BenchmarkServer service;
  std::unique_ptr<Server> server;
  std::unique_ptr<EchoService::Stub> stub;
};

constexpr std::chrono::seconds kPatience(60);

// Arguments: TLS, metrics at the server, metrics at the client. One call after the other.
void BM_Unary(benchmark::State& state) {
  Setup setup(state.range(0) != 0, state.range(1) != 0, state.range(2) != 0);
  EchoRequest request;
  request.set_text(std::string(100, 'x'));
  EchoResponse response;
  for (auto unused : state) {
    CallContext context(kPatience);
    GROAT_CHECK(setup.stub->Echo(&context, request, &response).ok());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Unary)
    ->Args({0, 0, 0})
    ->Args({0, 1, 0})
    ->Args({0, 1, 1})
    ->Args({1, 0, 0})
    ->Args({1, 1, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// Many calls in flight: what one process serves in calls a second, and the CPU of both ends.
void BM_UnaryConcurrent(benchmark::State& state) {
  constexpr int kInFlight = 64;
  Setup setup(true, state.range(0) != 0, false);
  EchoRequest request;
  request.set_text(std::string(100, 'x'));
  struct Call {
    std::unique_ptr<CallContext> context;
    EchoResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<EchoResponse>> reader;
  };
  std::vector<Call> calls(kInFlight);
  grpc::CompletionQueue queue;
  const auto start = [&](Call& call) {
    call.context = std::make_unique<CallContext>(kPatience);
    call.reader = setup.stub->AsyncEcho(call.context.get(), request, &queue);
    call.reader->Finish(&call.response, &call.status, &call);
  };
  for (Call& call : calls) start(call);
  void* tag = nullptr;
  bool ok = false;
  for (auto unused : state) {
    GROAT_CHECK(queue.Next(&tag, &ok) && ok);
    start(*static_cast<Call*>(tag));
  }
  for (int i = 0; i < kInFlight; ++i) queue.Next(&tag, &ok);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_UnaryConcurrent)
    ->Arg(0)
    ->Arg(1)
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMicrosecond);

// Arguments: TLS, bytes a message.
void BM_ServerStream(benchmark::State& state) {
  constexpr uint32_t kMessages = 100'000;
  Setup setup(state.range(0) != 0, true, false);
  EchoRequest request;
  request.set_count(kMessages);
  request.set_payload_bytes(static_cast<uint32_t>(state.range(1)));
  EchoResponse response;
  for (auto unused : state) {
    CallContext context(kPatience);
    auto reader = setup.stub->Stream(&context, request);
    uint32_t received = 0;
    while (reader->Read(&response)) ++received;
    GROAT_CHECK(reader->Finish().ok());
    GROAT_CHECK_EQ(received, kMessages);
  }
  state.SetItemsProcessed(state.iterations() * kMessages);
  state.SetBytesProcessed(state.iterations() * kMessages * state.range(1));
}
BENCHMARK(BM_ServerStream)
    ->Args({0, 100})
    ->Args({1, 100})
    ->Args({1, 1000})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void BM_PeerIdentity(benchmark::State& state) {
  Setup setup(true, false, false);
  EchoResponse response;
  for (auto unused : state) {
    CallContext context(kPatience);
    GROAT_CHECK(setup.stub->Hold(&context, EchoRequest(), &response).ok());
    state.SetIterationTime(response.index() * 1e-9);
  }
}
BENCHMARK(BM_PeerIdentity)->UseManualTime()->Iterations(2000)->Unit(benchmark::kNanosecond);

}  // namespace
}  // namespace groat::rpc
