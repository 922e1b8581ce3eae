#include "rpc/server.h"

#include <google/protobuf/dynamic_message.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>

#include "base/status_matchers.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/health.h"
#include "rpc/status.h"
#include "rpc/testing/certificates.h"
#include "rpc/testing/echo_server.h"

namespace groat::rpc {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EchoRequest;
using testing::EchoResponse;
using ::testing::HasSubstr;
using testing::LiveEcho;
using testing::MakeResponse;
using ::testing::UnorderedElementsAre;

constexpr seconds kPatience(30);
constexpr char kEcho[] = "groat.rpc.testing.v1.EchoService";

class ServerTest : public ::testing::Test {
 protected:
  absl::Status Echo(const EchoRequest& request, EchoResponse* response = nullptr) {
    CallContext context(kPatience);
    EchoResponse unused;
    return FromGrpc(live_.stub->Echo(&context, request, response == nullptr ? &unused : response));
  }
  absl::StatusOr<HealthCheckResponse::ServingStatus> Check(const std::string& service) {
    CallContext context(kPatience);
    HealthCheckRequest request;
    request.set_service(service);
    HealthCheckResponse response;
    const grpc::Status status = Health::NewStub(live_.channel)->Check(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response.status();
  }
  LiveEcho live_;
};

TEST_F(ServerTest, AddressMustBeHostAndPort) {
  for (const char* address :
       {"", "127.0.0.1", ":7101", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1"}) {
    EXPECT_THAT(Server::Start({.address = address, .tls = {.insecure = true}}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is not host:port")))
        << address;
  }
}

TEST_F(ServerTest, BoundsMustBePositive) {
  ServerOptions options{.tls = {.insecure = true}, .max_receive_bytes = 0};
  EXPECT_THAT(Server::Start(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("max_receive_bytes is 0")));
}

TEST_F(ServerTest, PortInUseIsAnError) {
  live_.Start();
  const std::string address = "127.0.0.1:" + std::to_string(live_.server->port());
  EXPECT_THAT(Server::Start({.address = address, .tls = {.insecure = true}}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("cannot listen on " + address)));
}

TEST_F(ServerTest, StatusAndDetailsReachTheClient) {
  live_.Start();
  EchoRequest request;
  request.set_text("height 7, want 6");
  EchoResponse response;
  GROAT_ASSERT_OK(Echo(request, &response));
  EXPECT_EQ(response.text(), "height 7, want 6");
  for (uint32_t code = 1; code <= 16; ++code) {
    request.set_code(code);
    absl::Status want(static_cast<absl::StatusCode>(code), "height 7, want 6");
    want.SetPayload("example.org/detail", absl::Cord("seven"));
    EXPECT_EQ(Echo(request), want);
  }
}

TEST_F(ServerTest, LongestStatusReachesTheClient) {
  // Worst case for the trailer: every byte of the message is sent as three, and details are full.
  live_.Start();
  std::thread answering([this] {
    absl::Status status = absl::InternalError(std::string(2 * kMaxMessageBytes, '\n'));
    status.SetPayload("example.org/a", absl::Cord(std::string(kMaxDetailsBytes - 1200, '\xff')));
    live_.echo.held.Take().Fail(status);
  });
  CallContext context(kPatience);
  EchoResponse response;
  const absl::Status status = FromGrpc(live_.stub->Hold(&context, EchoRequest(), &response));
  answering.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(status.message(), std::string(kMaxMessageBytes, '\n'));
  EXPECT_TRUE(status.GetPayload("example.org/a").has_value());
}

TEST_F(ServerTest, OversizedMessagesAreRefused) {
  ServerOptions options;
  options.max_receive_bytes = 10'000;
  live_.Start(options);
  EchoRequest request;
  request.set_text(std::string(9'000, 'x'));
  GROAT_EXPECT_OK(Echo(request));
  request.set_text(std::string(11'000, 'x'));
  EXPECT_THAT(Echo(request), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("10000")));
  // The other way round: the client's own bound.
  live_.Connect({.max_receive_bytes = 1'000});
  request.set_text(std::string(9'000, 'x'));
  EXPECT_THAT(Echo(request), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("1000")));
}

TEST_F(ServerTest, OversizedMetadataIsRefused) {
  live_.Start();
  CallContext context(kPatience);
  context.AddMetadata("filling", std::string(40'000, 'x'));
  EchoResponse response;
  EXPECT_FALSE(live_.stub->Echo(&context, EchoRequest(), &response).ok());
  // The connection may be closed for it; the server goes on.
  live_.Connect({.own_connection = true});
  GROAT_EXPECT_OK(Echo(EchoRequest()));
}

TEST_F(ServerTest, UnknownMethodIsUnimplemented) {
  live_.Start({.registry = std::make_shared<prometheus::Registry>()});
  grpc::GenericStub stub(live_.channel);
  CallContext context(kPatience);
  grpc::CompletionQueue queue;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  grpc::Status status;
  auto call =
      stub.PrepareUnaryCall(&context, "/groat.rpc.testing.v1.EchoService/Nothing", request, &queue);
  call->StartCall();
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ServerTest, HealthByServiceAndAsAWhole) {
  live_.Start();
  EXPECT_EQ(*Check(""), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(*Check(kEcho), HealthCheckResponse::NOT_SERVING);
  GROAT_EXPECT_OK(live_.server->SetServing(kEcho, true));
  EXPECT_EQ(*Check(kEcho), HealthCheckResponse::SERVING);
  EXPECT_EQ(*Check(""), HealthCheckResponse::SERVING);
  live_.server->SetServing(false);
  EXPECT_EQ(*Check(kEcho), HealthCheckResponse::NOT_SERVING);
  live_.server->SetServing(true);
  EXPECT_EQ(*Check(""), HealthCheckResponse::SERVING);
  EXPECT_THAT(Check("groat.nothing"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("")));
  EXPECT_THAT(live_.server->SetServing("groat.nothing", true),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"groat.nothing\"")));
  EXPECT_THAT(live_.server->SetServing("", true),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("")));
}

TEST_F(ServerTest, HealthIsWatchedUntilTheServerDrains) {
  live_.Start();
  CallContext context(kPatience);
  CallContext other_context(kPatience);
  HealthCheckRequest request;
  request.set_service(kEcho);
  const auto health = Health::NewStub(live_.channel);
  auto watch = health->Watch(&context, request);
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  request.set_service("groat.nothing");
  auto other_watch = health->Watch(&other_context, request);
  ASSERT_TRUE(other_watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  for (const bool serving : {true, false, true}) {
    live_.server->SetServing(serving);
    live_.server->SetServing(serving);  // Told once.
    ASSERT_TRUE(watch->Read(&response));
    EXPECT_EQ(response.status(),
              serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING);
  }
  const auto before = std::chrono::steady_clock::now();
  live_.server->Drain(kPatience);
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(20)) << "watches hold it up";
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(other_watch->Read(&response));
  EXPECT_EQ(other_watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  live_.server->SetServing(true);  // No effect any more.
}

TEST_F(ServerTest, HealthWatchesAreBounded) {
  live_.Start({.max_concurrent_streams = 2000});
  const auto health = Health::NewStub(live_.channel);
  std::vector<std::unique_ptr<CallContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<HealthCheckResponse>>> watches;
  HealthCheckResponse response;
  for (size_t i = 0; i <= HealthService::kMaxWatches; ++i) {
    contexts.push_back(std::make_unique<CallContext>(kPatience));
    watches.push_back(health->Watch(contexts.back().get(), HealthCheckRequest()));
    ASSERT_EQ(watches.back()->Read(&response), i < HealthService::kMaxWatches) << i;
  }
  EXPECT_EQ(watches.back()->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  // One that leaves makes room for another. The server learns of it a moment later.
  contexts[0]->TryCancel();
  EXPECT_FALSE(watches[0]->Finish().ok());
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  bool admitted = false;
  while (!admitted && std::chrono::steady_clock::now() < give_up) {
    CallContext context(kPatience);
    auto watch = health->Watch(&context, HealthCheckRequest());
    admitted = watch->Read(&response);
    context.TryCancel();
    watch->Finish();
  }
  EXPECT_TRUE(admitted);
}

// Reflection is what grpcurl and similar tools use to call a server without its contracts.
class Reflection {
 public:
  explicit Reflection(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {}

  // The answer to one request, both as text of the reflection contract.
  std::string Ask(const std::string& field, const std::string& value) {
    const auto* pool = google::protobuf::DescriptorPool::generated_pool();
    const std::string package = "grpc.reflection.v1alpha.";
    const auto* ask_type = pool->FindMessageTypeByName(package + "ServerReflectionRequest");
    const auto* answer_type = pool->FindMessageTypeByName(package + "ServerReflectionResponse");
    GROAT_CHECK(ask_type != nullptr && answer_type != nullptr);
    google::protobuf::DynamicMessageFactory factory;
    std::unique_ptr<google::protobuf::Message> ask(factory.GetPrototype(ask_type)->New());
    ask->GetReflection()->SetString(ask.get(), ask_type->FindFieldByName(field), value);
    std::string bytes = ask->SerializeAsString();

    CallContext context(kPatience);
    grpc::CompletionQueue queue;
    auto call = stub_.PrepareCall(
        &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
    call->StartCall(nullptr);
    Next(queue);
    const grpc::Slice slice(bytes);
    call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    Next(queue);
    grpc::ByteBuffer buffer;
    call->Read(&buffer, nullptr);
    Next(queue);
    std::unique_ptr<google::protobuf::Message> answer(factory.GetPrototype(answer_type)->New());
    grpc::ProtoBufferReader reader(&buffer);
    GROAT_CHECK(answer->ParseFromZeroCopyStream(&reader));
    call->WritesDone(nullptr);
    Next(queue);
    grpc::Status status;
    call->Finish(&status, nullptr);
    Next(queue);
    GROAT_CHECK(status.ok()) << status.error_message();
    return answer->DebugString();
  }

 private:
  static void Next(grpc::CompletionQueue& queue) {
    void* tag = nullptr;
    bool ok = false;
    GROAT_CHECK(queue.Next(&tag, &ok) && ok);
  }
  grpc::GenericStub stub_;
};

TEST_F(ServerTest, ReflectionShowsServicesAndContracts) {
  live_.Start();
  Reflection reflection(live_.channel);
  const std::string services = reflection.Ask("list_services", "");
  EXPECT_THAT(services, HasSubstr(kEcho));
  EXPECT_THAT(services, HasSubstr("grpc.health.v1.Health"));
  EXPECT_THAT(reflection.Ask("file_containing_symbol", kEcho), HasSubstr("EchoRequest"));
  EXPECT_THAT(reflection.Ask("file_containing_symbol", "grpc.health.v1.Health"),
              HasSubstr("HealthCheckRequest"));
}

// The value of a counter, or the number of observations of a histogram; 0 if it is not there.
double Value(prometheus::Registry& registry, const std::string& name,
             const std::map<std::string, std::string>& labels) {
  for (const prometheus::MetricFamily& family : registry.Collect()) {
    if (family.name != name) continue;
    for (const prometheus::ClientMetric& metric : family.metric) {
      std::map<std::string, std::string> found;
      for (const auto& label : metric.label) found[label.name] = label.value;
      if (found != labels) continue;
      return family.type == prometheus::MetricType::Histogram
                 ? static_cast<double>(metric.histogram.sample_count)
                 : metric.counter.value;
    }
  }
  return 0;
}

class MetricsTest : public ServerTest {
 protected:
  MetricsTest() {
    live_.echo.limits.max_messages = 1000;
    live_.Start({.registry = server_});
    live_.Connect({.registry = client_});
  }
  using Labels = std::map<std::string, std::string>;
  static Labels Of(const std::string& type, const std::string& method) {
    return {{"grpc_type", type}, {"grpc_service", kEcho}, {"grpc_method", method}};
  }
  static Labels With(Labels labels, const std::string& code) {
    labels["grpc_code"] = code;
    return labels;
  }
  const std::shared_ptr<prometheus::Registry> server_ = std::make_shared<prometheus::Registry>();
  const std::shared_ptr<prometheus::Registry> client_ = std::make_shared<prometheus::Registry>();
};

TEST_F(MetricsTest, UnaryCallsByCode) {
  EchoRequest request;
  for (int i = 0; i < 3; ++i) GROAT_ASSERT_OK(Echo(request));
  request.set_code(5);
  EXPECT_FALSE(Echo(request).ok());
  const Labels echo = Of("unary", "Echo");
  for (const auto& [registry, prefix] : {std::pair(server_, std::string("grpc_server")),
                                         std::pair(client_, std::string("grpc_client"))}) {
    EXPECT_EQ(Value(*registry, prefix + "_started_total", echo), 4);
    EXPECT_EQ(Value(*registry, prefix + "_handled_total", With(echo, "OK")), 3);
    EXPECT_EQ(Value(*registry, prefix + "_handled_total", With(echo, "NotFound")), 1);
    EXPECT_EQ(Value(*registry, prefix + "_handling_seconds", echo), 4);
  }
  EXPECT_EQ(Value(*server_, "grpc_server_msg_received_total", echo), 4);
  EXPECT_EQ(Value(*client_, "grpc_client_msg_sent_total", echo), 4);
  EXPECT_EQ(Value(*client_, "grpc_client_msg_received_total", echo), 3);
}

TEST_F(MetricsTest, StreamsAndTheirMessages) {
  EchoRequest request;
  request.set_count(10);
  request.set_code(10);
  CallContext context(kPatience);
  auto reader = live_.stub->Stream(&context, request);
  EchoResponse response;
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::ABORTED);
  const Labels stream = Of("server_stream", "Stream");
  EXPECT_EQ(Value(*server_, "grpc_server_msg_sent_total", stream), 10);
  EXPECT_EQ(Value(*server_, "grpc_server_msg_received_total", stream), 1);
  EXPECT_EQ(Value(*server_, "grpc_server_handled_total", With(stream, "Aborted")), 1);
  EXPECT_EQ(Value(*client_, "grpc_client_msg_received_total", stream), 10);

  CallContext chat_context(kPatience);
  auto chat = live_.stub->Chat(&chat_context);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(chat->Write(EchoRequest()));
    ASSERT_TRUE(chat->Read(&response));
  }
  chat->WritesDone();
  EXPECT_TRUE(chat->Finish().ok());
  const Labels chats = Of("bidi_stream", "Chat");
  EXPECT_EQ(Value(*server_, "grpc_server_msg_received_total", chats), 3);
  EXPECT_EQ(Value(*server_, "grpc_server_msg_sent_total", chats), 3);
  EXPECT_EQ(Value(*server_, "grpc_server_handled_total", With(chats, "OK")), 1);
}

TEST_F(MetricsTest, CancelledAndLateCalls) {
  const Labels hold = Of("unary", "Hold");
  {
    CallContext context(kPatience);
    EchoResponse response;
    std::thread calling(
        [&] { EXPECT_FALSE(live_.stub->Hold(&context, EchoRequest(), &response).ok()); });
    const UnaryReply<EchoResponse> reply = live_.echo.held.Take();
    context.TryCancel();
    calling.join();
    live_.server.reset();  // Once it has stopped, the call has ended there as well.
  }
  EXPECT_EQ(Value(*client_, "grpc_client_handled_total", With(hold, "Canceled")), 1);
  EXPECT_EQ(Value(*server_, "grpc_server_handled_total", With(hold, "Canceled")), 1);

  live_.Start({.registry = server_});
  live_.Connect({.registry = client_});
  {
    CallContext context(seconds(1));
    EchoResponse response;
    EXPECT_EQ(live_.stub->Hold(&context, EchoRequest(), &response).error_code(),
              grpc::StatusCode::DEADLINE_EXCEEDED);
    const UnaryReply<EchoResponse> reply = live_.echo.held.Take();
    live_.server.reset();
  }
  EXPECT_EQ(Value(*client_, "grpc_client_handled_total", With(hold, "DeadlineExceeded")), 1);
  EXPECT_EQ(Value(*server_, "grpc_server_started_total", hold), 2);
  // The client's reset and the server's own clock race for the second.
  EXPECT_EQ(Value(*server_, "grpc_server_handled_total", With(hold, "Canceled")) +
                Value(*server_, "grpc_server_handled_total", With(hold, "DeadlineExceeded")),
            2);
}

TEST_F(MetricsTest, UnknownMethodsShareOneSeries) {
  grpc::GenericStub stub(live_.channel);
  for (int i = 0; i < 5; ++i) {
    CallContext context(kPatience);
    grpc::CompletionQueue queue;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
    grpc::Status status;
    auto call = stub.PrepareUnaryCall(&context, "/no.such.Service/Method" + std::to_string(i),
                                      request, &queue);
    call->StartCall();
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  }
  EXPECT_EQ(Value(*client_, "grpc_client_handled_total",
                  {{"grpc_type", "unary"},
                   {"grpc_service", "unknown"},
                   {"grpc_method", "unknown"},
                   {"grpc_code", "Unimplemented"}}),
            5);
  for (const auto& registry : {server_, client_}) {
    for (const prometheus::MetricFamily& family : registry->Collect()) {
      EXPECT_LE(family.metric.size(), 1u) << family.name;
    }
  }
}

TEST_F(MetricsTest, EveryCallThatStartsIsHandledOnce) {
  // Requests that do not parse never reach a handler, and are counted all the same.
  grpc::GenericStub stub(live_.channel);
  CallContext context(kPatience);
  grpc::CompletionQueue queue;
  const grpc::Slice garbage(std::string("\xff\xff\xff"));
  grpc::ByteBuffer request(&garbage, 1);
  grpc::ByteBuffer response;
  grpc::Status status;
  auto call =
      stub.PrepareUnaryCall(&context, "/groat.rpc.testing.v1.EchoService/Echo", request, &queue);
  call->StartCall();
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_FALSE(status.ok());
  live_.server.reset();
  double handled = 0;
  for (const prometheus::MetricFamily& family : server_->Collect()) {
    if (family.name != "grpc_server_handled_total") continue;
    for (const prometheus::ClientMetric& metric : family.metric) handled += metric.counter.value;
  }
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(Value(*server_, "grpc_server_started_total", Of("unary", "Echo")), 1);
}

}  // namespace
}  // namespace groat::rpc
