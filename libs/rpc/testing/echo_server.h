// A server of the echo contract that tests steer, and a signal to wait for. Tests only.
#ifndef GROAT_RPC_TESTING_ECHO_SERVER_H_
#define GROAT_RPC_TESTING_ECHO_SERVER_H_

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "rpc/bidi_stream.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "rpc/testing/echo.grpc.pb.h"
#include "rpc/tls.h"
#include "rpc/unary.h"
#include "rpc/write_stream.h"

namespace groat::rpc::testing {

using v1::EchoRequest;
using v1::EchoResponse;
using v1::EchoService;

// Values that arrive from other threads, in order.
template <class T>
class Inbox {
 public:
  void Put(T value) {
    MutexLock lock(mutex_);
    values_.push_back(std::move(value));
    changed_.NotifyAll();
  }
  // Stops the test program if nothing arrives within 30 s.
  T Take() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    MutexLock lock(mutex_);
    while (values_.empty()) GROAT_CHECK(changed_.WaitUntil(mutex_, deadline)) << "nothing arrived";
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  size_t size() const {
    MutexLock lock(mutex_);
    return values_.size();
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<T> values_ ABSL_GUARDED_BY(mutex_);
};

inline EchoResponse MakeResponse(uint32_t index, const std::string& text) {
  EchoResponse response;
  response.set_index(index);
  response.set_text(text);
  return response;
}

// A server stream that reports what happens to it.
class EchoStream final : public BoundedWriteStream<EchoResponse> {
 public:
  using BoundedStream::BoundedStream;
  Inbox<bool> writable;
  Inbox<absl::Status> ended;

 private:
  void OnWritable() override { writable.Put(true); }
  void OnClosed(const absl::Status& status) override { ended.Put(status); }
};

// A chat that hands each message to the test, or echoes it at once.
class EchoChat final : public BoundedBidiStream<EchoRequest, EchoResponse> {
 public:
  EchoChat(grpc::CallbackServerContext* context, StreamLimits limits, bool automatic)
      : BoundedBidiStream(context, limits), automatic_(automatic) {}
  Inbox<EchoRequest> messages;
  Inbox<bool> half_closed;
  Inbox<absl::Status> ended;

 private:
  void OnMessage(EchoRequest message) override {
    if (automatic_) {
      PushOrAbort(MakeResponse(0, message.text()));
      ReadNext();
    } else {
      messages.Put(std::move(message));
    }
  }
  void OnHalfClose() override {
    half_closed.Put(true);
    if (automatic_) Finish(absl::OkStatus());
  }
  void OnClosed(const absl::Status& status) override { ended.Put(status); }

  const bool automatic_;
};

class EchoServer final : public EchoService::CallbackService {
 public:
  // Set before the server starts.
  StreamLimits limits;
  bool automatic = true;  // False: Stream and Chat only hand the stream to the test.

  Inbox<UnaryReply<EchoResponse>> held;
  Inbox<absl::StatusOr<Peer>> peers;  // Of every Echo.
  Inbox<std::shared_ptr<EchoStream>> streams;
  Inbox<std::shared_ptr<EchoChat>> chats;

 private:
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const EchoRequest* request,
                                 EchoResponse* response) override {
    peers.Put(PeerIdentity(*context));
    response->set_text(request->text());
    absl::Status status(static_cast<absl::StatusCode>(request->code()), request->text());
    status.SetPayload("example.org/detail", absl::Cord("seven"));
    return FinishUnary(context, status);
  }
  grpc::ServerUnaryReactor* Hold(grpc::CallbackServerContext* context, const EchoRequest*,
                                 EchoResponse* response) override {
    UnaryReply<EchoResponse> reply(context, response);
    grpc::ServerUnaryReactor* reactor = reply.reactor();
    held.Put(std::move(reply));
    return reactor;
  }
  grpc::ServerWriteReactor<EchoResponse>* Stream(grpc::CallbackServerContext* context,
                                                 const EchoRequest* request) override {
    auto stream = std::make_shared<EchoStream>(context, limits);
    if (automatic) {
      for (uint32_t i = 0; i < request->count(); ++i) {
        stream->Push(MakeResponse(i, std::string(request->payload_bytes(), 'x')));
      }
      stream->Finish(absl::Status(static_cast<absl::StatusCode>(request->code()), "asked for"));
    }
    streams.Put(stream);
    return StartStream(std::move(stream));
  }
  grpc::ServerBidiReactor<EchoRequest, EchoResponse>* Chat(
      grpc::CallbackServerContext* context) override {
    auto chat = std::make_shared<EchoChat>(context, limits, automatic);
    chats.Put(chat);
    return StartStream(std::move(chat));
  }
};

// A plaintext echo server and a client of it.
struct LiveEcho {
  EchoServer echo;
  std::unique_ptr<Server> server;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<EchoService::Stub> stub;

  void Start(ServerOptions options = {}) {
    options.tls.insecure = true;
    options.services = {&echo};
    absl::StatusOr<std::unique_ptr<Server>> started = Server::Start(options);
    GROAT_CHECK_OK(started.status());
    server = *std::move(started);
    Connect({});
  }
  void Connect(const ChannelOptions& options) {
    absl::StatusOr<std::shared_ptr<grpc::Channel>> made =
        MakeChannel("127.0.0.1:" + std::to_string(server->port()), {.insecure = true}, options);
    GROAT_CHECK_OK(made.status());
    channel = *std::move(made);
    stub = EchoService::NewStub(channel);
  }
};

}  // namespace groat::rpc::testing

#endif  // GROAT_RPC_TESTING_ECHO_SERVER_H_
