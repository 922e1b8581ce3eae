#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/status_matchers.h"
#include "rpc/bidi_stream.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "rpc/testing/echo_server.h"
#include "rpc/unary.h"
#include "rpc/write_stream.h"

namespace groat::rpc {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EchoChat;
using testing::EchoRequest;
using testing::EchoResponse;
using testing::EchoStream;
using ::testing::HasSubstr;
using testing::LiveEcho;
using testing::MakeResponse;

constexpr seconds kPatience(30);
const std::string kLarge(256 * 1024, 'x');

class StreamTest : public ::testing::Test {
 protected:
  // Opens a stream from the client; the test then holds both ends.
  std::unique_ptr<grpc::ClientReader<EchoResponse>> Open(CallContext& context,
                                                         std::shared_ptr<EchoStream>& stream) {
    auto reader = live_.stub->Stream(&context, EchoRequest());
    stream = live_.echo.streams.Take();
    return reader;
  }
  LiveEcho live_;
};

class ManualStreamTest : public StreamTest {
 protected:
  ManualStreamTest() {
    live_.echo.automatic = false;
    live_.echo.limits = {.max_messages = 4, .max_bytes = 64 * 1024 * 1024};
    live_.Start();
  }
};

TEST_F(StreamTest, MessagesInOrderThenStatus) {
  live_.echo.limits = {.max_messages = 1000, .max_bytes = 1 << 20};
  live_.Start();
  for (const uint32_t code : {0u, 5u}) {
    for (const uint32_t count : {0u, 1u, 2u, 1000u}) {
      EchoRequest request;
      request.set_count(count);
      request.set_payload_bytes(100);
      request.set_code(code);
      CallContext context(kPatience);
      auto reader = live_.stub->Stream(&context, request);
      EchoResponse response;
      uint32_t received = 0;
      while (reader->Read(&response)) EXPECT_EQ(response.index(), received++);
      EXPECT_EQ(received, count);
      EXPECT_EQ(reader->Finish().error_code(), static_cast<int>(code));
      EXPECT_EQ(static_cast<uint32_t>(live_.echo.streams.Take()->ended.Take().code()), code);
    }
  }
}

TEST_F(ManualStreamTest, PushesFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr uint32_t kEach = 2000;
  CallContext context(kPatience);
  std::shared_ptr<EchoStream> stream;
  auto reader = Open(context, stream);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&stream, t] {
      for (uint32_t i = 0; i < kEach; ++i) {
        while (stream->Push(MakeResponse(i, std::to_string(t))) != PushResult::kQueued) {
          std::this_thread::yield();
        }
      }
    });
  }
  std::vector<uint32_t> next(kThreads);
  EchoResponse response;
  for (uint32_t i = 0; i < kThreads * kEach; ++i) {
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.index(), next[std::stoul(response.text())]++);
  }
  for (std::thread& thread : threads) thread.join();
  stream->Finish(absl::OkStatus());
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(ManualStreamTest, SlowReaderPushesBack) {
  CallContext context(kPatience);
  std::shared_ptr<EchoStream> stream;
  auto reader = Open(context, stream);
  uint32_t pushed = 0;
  while (stream->Push(MakeResponse(pushed, kLarge)) == PushResult::kQueued) {
    ASSERT_LT(++pushed, 1000u) << "nothing holds the producer back";
  }
  // The windows and buffers between the two ends hold a few messages at most.
  EXPECT_LT(pushed, 64u);
  uint32_t received = 0;
  EchoResponse response;
  std::thread reading([&] {
    while (reader->Read(&response)) EXPECT_EQ(response.index(), received++);
  });
  for (int round = 0; round < 10; ++round) {
    EXPECT_TRUE(stream->writable.Take());
    while (stream->Push(MakeResponse(pushed, kLarge)) == PushResult::kQueued) ++pushed;
  }
  stream->Finish(absl::OkStatus());
  reading.join();
  EXPECT_EQ(received, pushed);
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(ManualStreamTest, SlowReaderIsCutOff) {
  CallContext context(kPatience);
  std::shared_ptr<EchoStream> stream;
  auto reader = Open(context, stream);
  int pushed = 0;
  while (stream->PushOrAbort(MakeResponse(0, kLarge))) ASSERT_LT(++pushed, 1000);
  EXPECT_TRUE(stream->closed());
  EchoResponse response;
  while (reader->Read(&response)) --pushed;
  EXPECT_GT(pushed, 0) << "what was queued is dropped";
  EXPECT_THAT(FromGrpc(reader->Finish()),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too slow")));
  EXPECT_THAT(stream->ended.Take(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("")));
}

TEST_F(ManualStreamTest, ClientCancelsHalfWay) {
  for (const bool reader_stalls : {false, true}) {
    CallContext context(kPatience);
    std::shared_ptr<EchoStream> stream;
    auto reader = Open(context, stream);
    if (reader_stalls) {
      // A write is outstanding and cannot end before the cancellation.
      while (stream->Push(MakeResponse(0, kLarge)) == PushResult::kQueued) {
      }
    } else {
      stream->Push(MakeResponse(0, "one"));
      EchoResponse response;
      EXPECT_TRUE(reader->Read(&response));
    }
    context.TryCancel();
    EXPECT_THAT(stream->ended.Take(), StatusIs(absl::StatusCode::kCancelled, HasSubstr("")));
    EXPECT_EQ(stream->Push(MakeResponse(0, "late")), PushResult::kClosed);
    stream->Finish(absl::OkStatus());
    stream->Abort(absl::InternalError("late"));
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
}

TEST_F(ManualStreamTest, DeadlinePasses) {
  CallContext context(seconds(1));
  std::shared_ptr<EchoStream> stream;
  auto reader = Open(context, stream);
  // The client's own reset can arrive just before the server's clock reaches the deadline.
  const absl::Status ended = stream->ended.Take();
  EXPECT_TRUE(absl::IsDeadlineExceeded(ended) || absl::IsCancelled(ended)) << ended;
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(ManualStreamTest, FinishDrainsAndAbortDrops) {
  for (const bool abort : {false, true}) {
    CallContext context(kPatience);
    std::shared_ptr<EchoStream> stream;
    auto reader = Open(context, stream);
    int queued = 0;
    while (stream->Push(MakeResponse(0, kLarge)) == PushResult::kQueued) ++queued;
    if (abort) {
      stream->Abort(absl::AbortedError("over"));
    } else {
      stream->Finish(absl::AbortedError("over"));
    }
    stream->Finish(absl::OkStatus());  // Too late to count.
    EXPECT_EQ(stream->Push(MakeResponse(0, "late")), PushResult::kClosed);
    EchoResponse response;
    int received = 0;
    while (reader->Read(&response)) ++received;
    if (abort) {
      EXPECT_LT(received, queued);
    } else {
      EXPECT_EQ(received, queued);
    }
    EXPECT_THAT(FromGrpc(reader->Finish()),
                StatusIs(absl::StatusCode::kAborted, HasSubstr("over")));
  }
}

TEST_F(ManualStreamTest, ConnectionBreaks) {
  CallContext context(kPatience);
  std::shared_ptr<EchoStream> stream;
  {
    auto reader = Open(context, stream);
    stream->Push(MakeResponse(0, "one"));
    context.TryCancel();
    reader->Finish();
  }
  live_.stub.reset();
  live_.channel.reset();
  EXPECT_THAT(stream->ended.Take(), StatusIs(absl::StatusCode::kCancelled, HasSubstr("")));
}

TEST_F(ManualStreamTest, ServerStopsWithOpenStreams) {
  for (const bool reader_stalls : {false, true}) {
    CallContext context(kPatience);
    std::shared_ptr<EchoStream> stream;
    auto reader = Open(context, stream);
    if (reader_stalls) {
      while (stream->Push(MakeResponse(0, kLarge)) == PushResult::kQueued) {
      }
    }
    live_.server->Drain(milliseconds(10));
    EXPECT_TRUE(absl::IsCancelled(stream->ended.Take()));
    live_.server.reset();
    EXPECT_EQ(stream->Push(MakeResponse(0, "late")), PushResult::kClosed) << "outlives the server";
    EchoResponse response;
    while (reader->Read(&response)) {
    }
    EXPECT_FALSE(reader->Finish().ok());
    live_.Start();
  }
}

TEST_F(ManualStreamTest, DrainLetsAStreamEnd) {
  CallContext context(kPatience);
  std::shared_ptr<EchoStream> stream;
  auto reader = Open(context, stream);
  std::thread draining([this] { live_.server->Drain(kPatience); });
  stream->Push(MakeResponse(0, "last words"));
  stream->Finish(absl::OkStatus());
  EchoResponse response;
  EXPECT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.text(), "last words");
  EXPECT_TRUE(reader->Finish().ok());
  draining.join();
}

TEST_F(StreamTest, UnaryReplyFromAnotherThread) {
  live_.Start();
  std::thread answering([this] {
    UnaryReply<EchoResponse> reply = live_.echo.held.Take();
    EXPECT_FALSE(reply.closed());
    reply.Send(MakeResponse(7, "later"));
    EXPECT_TRUE(reply.closed());
    reply.Fail(absl::InternalError("too late"));
  });
  CallContext context(kPatience);
  EchoResponse response;
  EXPECT_THAT(FromGrpc(live_.stub->Hold(&context, EchoRequest(), &response)), IsOk());
  EXPECT_EQ(response.index(), 7u);
  answering.join();
}

TEST_F(StreamTest, UnaryReplyFailures) {
  live_.Start();
  const struct {
    std::function<void(UnaryReply<EchoResponse>)> end;
    absl::StatusCode want;
  } kCases[] = {
      {[](UnaryReply<EchoResponse> r) { r.Fail(absl::NotFoundError("no")); },
       absl::StatusCode::kNotFound},
      {[](UnaryReply<EchoResponse> r) { r.Fail(absl::OkStatus()); }, absl::StatusCode::kInternal},
      {[](UnaryReply<EchoResponse>) {}, absl::StatusCode::kInternal},
  };
  for (const auto& c : kCases) {
    std::thread answering([&] { c.end(live_.echo.held.Take()); });
    CallContext context(kPatience);
    EchoResponse response;
    EXPECT_EQ(FromGrpc(live_.stub->Hold(&context, EchoRequest(), &response)).code(), c.want);
    answering.join();
  }
}

TEST_F(StreamTest, UnaryReplyAfterTheClientLeft) {
  live_.Start();
  CallContext context(kPatience);
  EchoResponse response;
  std::thread calling([&] {
    EXPECT_EQ(live_.stub->Hold(&context, EchoRequest(), &response).error_code(),
              grpc::StatusCode::CANCELLED);
  });
  UnaryReply<EchoResponse> reply = live_.echo.held.Take();
  context.TryCancel();
  calling.join();
  live_.server.reset();  // Waits for the call; the cancellation has to end it.
  EXPECT_TRUE(reply.closed());
  reply.Send(MakeResponse(0, "nobody is there"));
}

TEST_F(StreamTest, UnaryReplyHoldsUpShutdownOnlyForTheGrace) {
  live_.Start();
  std::thread calling([&] {
    CallContext context(kPatience);
    EchoResponse response;
    EXPECT_FALSE(live_.stub->Hold(&context, EchoRequest(), &response).ok());
  });
  const UnaryReply<EchoResponse> reply = live_.echo.held.Take();
  live_.server->Drain(milliseconds(10));
  EXPECT_TRUE(reply.closed());
  calling.join();
}

class ChatTest : public ::testing::Test {
 protected:
  void Start(bool automatic) {
    live_.echo.automatic = automatic;
    live_.echo.limits = {.max_messages = 64, .max_bytes = 64 << 20};
    live_.Start();
  }
  static EchoRequest Say(const std::string& text) {
    EchoRequest request;
    request.set_text(text);
    return request;
  }
  LiveEcho live_;
};

TEST_F(ChatTest, EchoesUntilHalfClose) {
  Start(/*automatic=*/true);
  CallContext context(kPatience);
  auto chat = live_.stub->Chat(&context);
  EchoResponse response;
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(chat->Write(Say(std::to_string(i))));
    ASSERT_TRUE(chat->Read(&response));
    EXPECT_EQ(response.text(), std::to_string(i));
  }
  EXPECT_TRUE(chat->WritesDone());
  EXPECT_FALSE(chat->Read(&response));
  EXPECT_TRUE(chat->Finish().ok());
  const std::shared_ptr<EchoChat> server_side = live_.echo.chats.Take();
  EXPECT_THAT(server_side->ended.Take(), IsOk());
  EXPECT_EQ(server_side->half_closed.size(), 1u);
}

TEST_F(ChatTest, HandlerSetsThePaceOfReading) {
  Start(/*automatic=*/false);
  CallContext context(kPatience);
  auto chat = live_.stub->Chat(&context);
  const std::shared_ptr<EchoChat> server_side = live_.echo.chats.Take();
  server_side->ReadNext();  // No effect: the first read is outstanding.
  // Far more than the windows hold, so the writer must be stopped on the way.
  constexpr int kCount = 64;
  std::atomic<int> written = 0;
  std::thread writing([&] {
    for (int i = 0; i < kCount; ++i) {
      ASSERT_TRUE(chat->Write(Say(std::to_string(i) + kLarge)));
      ++written;
    }
    chat->WritesDone();
  });
  EXPECT_EQ(server_side->messages.Take().text().substr(0, 2), "0x");
  EXPECT_EQ(server_side->messages.size(), 0u) << "no message without ReadNext";
  EXPECT_LT(written, kCount);
  for (int i = 1; i < kCount; ++i) {
    server_side->ReadNext();
    const std::string text = server_side->messages.Take().text();
    EXPECT_EQ(text.substr(0, text.find('x')), std::to_string(i));
  }
  server_side->ReadNext();
  EXPECT_TRUE(server_side->half_closed.Take());
  server_side->ReadNext();  // No effect after the last.
  server_side->Finish(absl::OkStatus());
  writing.join();
  EXPECT_TRUE(chat->Finish().ok());
}

TEST_F(ChatTest, ServerEndsWhileTheClientIsStillOpen) {
  Start(/*automatic=*/false);
  for (const bool reading : {true, false}) {
    CallContext context(kPatience);
    auto chat = live_.stub->Chat(&context);
    const std::shared_ptr<EchoChat> server_side = live_.echo.chats.Take();
    if (!reading) {
      chat->Write(Say("one"));
      server_side->messages.Take();
    }
    server_side->Push(MakeResponse(0, "bye"));
    server_side->Finish(absl::AbortedError("enough"));
    EchoResponse response;
    EXPECT_TRUE(chat->Read(&response));
    EXPECT_FALSE(chat->Read(&response));
    EXPECT_THAT(FromGrpc(chat->Finish()),
                StatusIs(absl::StatusCode::kAborted, HasSubstr("enough")));
    EXPECT_TRUE(absl::IsAborted(server_side->ended.Take()));
    server_side->ReadNext();  // Harmless afterwards.
  }
}

TEST_F(ChatTest, ClientCancels) {
  Start(/*automatic=*/false);
  for (const bool reading : {true, false}) {
    CallContext context(kPatience);
    auto chat = live_.stub->Chat(&context);
    const std::shared_ptr<EchoChat> server_side = live_.echo.chats.Take();
    if (!reading) {
      chat->Write(Say("one"));
      server_side->messages.Take();
    }
    context.TryCancel();
    EXPECT_TRUE(absl::IsCancelled(server_side->ended.Take()));
    EXPECT_EQ(server_side->half_closed.size(), 0u) << "cancelled is not half-closed";
    EXPECT_EQ(chat->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
}

TEST_F(ChatTest, ServerStopsWithOpenChat) {
  Start(/*automatic=*/false);
  CallContext context(kPatience);
  auto chat = live_.stub->Chat(&context);
  const std::shared_ptr<EchoChat> server_side = live_.echo.chats.Take();
  live_.server.reset();
  EXPECT_TRUE(absl::IsCancelled(server_side->ended.Take()));
  server_side->ReadNext();
  EXPECT_EQ(server_side->Push(MakeResponse(0, "late")), PushResult::kClosed);
  EXPECT_FALSE(chat->Finish().ok());
}

// Safety: no order of pushing, reading, finishing, aborting, cancelling and stopping the server
// breaks a rule of gRPC (which aborts the process), hangs, or loses the end of a stream.
// Method: seeded chaos, for a sanitizer to watch.
TEST_F(ChatTest, Chaos) {
  constexpr int kClients = 4;
  constexpr int kCallsEach = 60;
  live_.echo.automatic = false;
  live_.echo.limits = {.max_messages = 3, .max_bytes = 1 << 20};
  live_.Start();
  std::atomic<bool> stop = false;
  std::atomic<int> opened = 0;
  std::atomic<int> ended = 0;
  // Two threads work on the same streams, as a driver and a hub would.
  testing::Inbox<std::shared_ptr<EchoStream>> shared_streams;
  testing::Inbox<std::shared_ptr<EchoChat>> shared_chats;
  const auto torture = [](auto& stream, std::minstd_rand& random) {
    for (int i = 0; i < 8; ++i) {
      const size_t size = random() % 4 == 0 ? 100'000 : 10;
      switch (random() % 12) {
        case 0:
          stream->Finish(absl::OkStatus());
          break;
        case 1:
          stream->Abort(absl::AbortedError("chaos"));
          break;
        case 2:
          stream->PushOrAbort(MakeResponse(0, std::string(size, 'x')));
          break;
        default:
          stream->Push(MakeResponse(0, std::string(size, 'x')));
      }
    }
  };
  const auto serve = [&](unsigned seed) {
    std::minstd_rand random(seed);
    while (!stop) {
      if (live_.echo.streams.size() > 0) shared_streams.Put(live_.echo.streams.Take());
      if (live_.echo.chats.size() > 0) shared_chats.Put(live_.echo.chats.Take());
      std::this_thread::yield();
    }
  };
  const auto drive = [&](unsigned seed) {
    std::minstd_rand random(seed);
    std::vector<std::shared_ptr<EchoStream>> streams;
    std::vector<std::shared_ptr<EchoChat>> chats;
    while (!stop || !streams.empty() || !chats.empty()) {
      while (shared_streams.size() > 0 && streams.size() < 8) {
        streams.push_back(shared_streams.Take());
        ++opened;
      }
      while (shared_chats.size() > 0 && chats.size() < 8) {
        chats.push_back(shared_chats.Take());
        ++opened;
      }
      for (auto& stream : streams) torture(stream, random);
      for (auto& chat : chats) {
        torture(chat, random);
        chat->ReadNext();
      }
      ended += static_cast<int>(
          std::erase_if(streams, [](const auto& stream) { return stream->ended.size() > 0; }) +
          std::erase_if(chats, [](const auto& chat) { return chat->ended.size() > 0; }));
      std::this_thread::yield();
    }
  };
  const auto call = [&](unsigned seed) {
    std::minstd_rand random(seed);
    for (int i = 0; i < kCallsEach; ++i) {
      CallContext context(milliseconds(random() % 4 == 0 ? 1 + random() % 5 : 20'000));
      const auto reads = random() % 10;
      EchoResponse response;
      if (random() % 2 == 0) {
        auto reader = live_.stub->Stream(&context, EchoRequest());
        for (uint64_t r = 0; r < reads && reader->Read(&response); ++r) {
        }
        context.TryCancel();
        reader->Finish();
      } else {
        auto chat = live_.stub->Chat(&context);
        for (uint64_t r = 0; r < reads; ++r) {
          if (!chat->Write(Say("hello"))) break;
          if (random() % 3 == 0 && !chat->Read(&response)) break;
        }
        if (random() % 2 == 0) chat->WritesDone();
        if (random() % 2 == 0) context.TryCancel();
        while (chat->Read(&response)) {
        }
        chat->Finish();
      }
    }
  };
  std::vector<std::thread> clients;
  for (unsigned i = 0; i < kClients; ++i) clients.emplace_back(call, 100 + i);
  std::thread serving(serve, 1);
  std::thread driving(drive, 2);
  for (std::thread& thread : clients) thread.join();
  // Some calls are left open for the shutdown to end.
  CallContext context(kPatience);
  auto left_open = live_.stub->Chat(&context);
  live_.server->Drain(milliseconds(20));
  stop = true;
  serving.join();
  driving.join();
  EchoResponse response;
  while (left_open->Read(&response)) {
  }
  left_open->Finish();
  EXPECT_EQ(opened, ended);
}

}  // namespace
}  // namespace groat::rpc
