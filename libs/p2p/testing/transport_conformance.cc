#include "p2p/testing/transport_conformance.h"

#include <gmock/gmock.h>

#include <chrono>
#include <utility>

#include "base/mutex.h"
#include "base/status_matchers.h"
#include "p2p/peer_record.h"

namespace groat::p2p::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

MATCHER_P(HasCode, code, "") {
  *result_listener << arg.ToString();
  return arg.code() == code;
}

// Bytes by which a frame and each place in it is known.
Bytes Pattern(size_t size, size_t number) {
  Bytes frame(size);
  for (size_t i = 0; i < size; ++i) {
    frame[i] = static_cast<uint8_t>(i * 7 + (i >> 8) + number * 31);
  }
  return frame;
}

Ed25519PublicKey Stranger() { return Ed25519PrivateKey(Bytes32{{99}}).public_key(); }

}  // namespace

void TestEnd::CheckCall() {
  EXPECT_TRUE(executor_.IsCurrent()) << "a callback that is no task of the executor";
  EXPECT_FALSE(in_call_) << "a callback inside a call";
  EXPECT_FALSE(closed.has_value()) << "a callback after the last one";
  EXPECT_TRUE(connection != nullptr) << "a callback of a connection that is destroyed";
}

void TestEnd::Start(std::unique_ptr<Connection> taken) {
  connection = std::move(taken);
  in_call_ = true;
  connection->Start(*this);
  in_call_ = false;
}

void TestEnd::Write(Bytes frame) {
  EXPECT_FALSE(writing);
  writing = true;
  in_call_ = true;
  connection->Write(std::move(frame));
  in_call_ = false;
}

void TestEnd::OnFrame(ByteView frame) {
  CheckCall();
  received.emplace_back(frame.begin(), frame.end());
  if (on_frame) on_frame();
}

void TestEnd::OnWritten() {
  CheckCall();
  EXPECT_TRUE(writing) << "OnWritten without a frame";
  writing = false;
  ++written;
  if (on_written) on_written();
}

void TestEnd::OnClosed(const absl::Status& why) {
  CheckCall();
  EXPECT_FALSE(why.ok());
  closed = why;
  if (on_closed) on_closed();
}

TransportConformanceTest::~TransportConformanceTest() {
  pair_->Run(0, [this] {
    accepted_.clear();
    on_accept_ = nullptr;
    pair_->transport(0).Shutdown();
  });
  pair_->Run(1, [this] {
    dialled_.clear();
    pair_->transport(1).Shutdown();
  });
}

void TransportConformanceTest::Listen(Admission admission) {
  pair_->Run(0, [&] {
    const absl::StatusOr<std::string> address = pair_->transport(0).Listen(
        pair_->ListenAddress(0), std::move(admission), [this](std::unique_ptr<Connection> taken) {
          EXPECT_TRUE(pair_->executor(0).IsCurrent());
          if (on_accept_) {
            on_accept_(std::move(taken));
            return;
          }
          accepted_.push_back(std::make_unique<TestEnd>(pair_->executor(0)));
          accepted_.back()->Start(std::move(taken));
        });
    GROAT_ASSERT_OK(address.status());
    address_ = *address;
  });
}

absl::Status TransportConformanceTest::Dial(const std::string& address, const PeerId& expected,
                                            Duration timeout) {
  std::optional<absl::Status> result;
  pair_->Run(1, [&] {
    bool in_call = true;
    pair_->transport(1).Dial(address, expected, timeout,
                             [&](absl::StatusOr<std::unique_ptr<Connection>> connection) {
                               EXPECT_FALSE(in_call) << "an answer inside Dial";
                               EXPECT_TRUE(pair_->executor(1).IsCurrent());
                               EXPECT_FALSE(result.has_value()) << "a second answer";
                               result = connection.status();
                               if (!connection.ok()) return;
                               dialled_.push_back(std::make_unique<TestEnd>(pair_->executor(1)));
                               dialled_.back()->Start(*std::move(connection));
                             });
    in_call = false;
  });
  EXPECT_TRUE(WaitUntil(
      1, [&] { return result.has_value(); }, timeout + kSoon));
  absl::Status status = absl::InternalError("no answer");
  pair_->Run(1, [&] { status = result.value_or(status); });
  return status;
}

void TransportConformanceTest::Connect() {
  Listen();
  GROAT_ASSERT_OK(Dial(address_, pair_->peer(0)));
  ASSERT_TRUE(WaitUntil(0, [&] { return accepted_.size() == 1; }));
}

TEST_P(TransportConformanceTest, BothEndsKnowEachOther) {
  ASSERT_NO_FATAL_FAILURE(Connect());
  GROAT_EXPECT_OK(CheckAddress(address_));  // With a real port.
  pair_->Run(0, [&] { EXPECT_EQ(accepted_[0]->connection->peer(), pair_->peer(1)); });
  pair_->Run(1, [&] { EXPECT_EQ(dialled_[0]->connection->peer(), pair_->peer(0)); });
}

TEST_P(TransportConformanceTest, AnotherKeyThanExpectedIsRefused) {
  Listen();
  EXPECT_THAT(Dial(address_, Stranger()), HasCode(absl::StatusCode::kUnauthenticated));
  EXPECT_FALSE(WaitUntil(
      0, [&] { return !accepted_.empty(); }, kAWhile));
  // The listener takes no harm.
  GROAT_EXPECT_OK(Dial(address_, pair_->peer(0)));
}

TEST_P(TransportConformanceTest, AdmissionDecidesWhoConnects) {
  // Asked from any thread.
  struct Asked {
    Mutex mutex;
    std::vector<PeerId> peers ABSL_GUARDED_BY(mutex);
    bool admit ABSL_GUARDED_BY(mutex) = false;
  };
  const auto asked = std::make_shared<Asked>();
  Listen([asked](const PeerId& peer) {
    MutexLock lock(asked->mutex);
    asked->peers.push_back(peer);
    return asked->admit;
  });
  EXPECT_THAT(Dial(address_, pair_->peer(0)), HasCode(absl::StatusCode::kUnauthenticated));
  EXPECT_FALSE(WaitUntil(
      0, [&] { return !accepted_.empty(); }, kAWhile));
  {
    MutexLock lock(asked->mutex);
    EXPECT_THAT(asked->peers, ::testing::Each(pair_->peer(1)));
    EXPECT_FALSE(asked->peers.empty());
    asked->admit = true;
  }
  GROAT_EXPECT_OK(Dial(address_, pair_->peer(0)));
  EXPECT_TRUE(WaitUntil(0, [&] { return accepted_.size() == 1; }));
}

TEST_P(TransportConformanceTest, WhereNobodyListensADialIsUnavailable) {
  const absl::Status status = Dial(pair_->UnusedAddress(), pair_->peer(0));
  EXPECT_THAT(status, HasCode(absl::StatusCode::kUnavailable));
}

TEST_P(TransportConformanceTest, ADialEndsAtItsTimeout) {
  const Duration timeout = milliseconds(300);
  Instant began;
  pair_->Run(1, [&] { began = pair_->executor(1).Now(); });
  EXPECT_THAT(Dial(pair_->SilentAddress(), pair_->peer(0), timeout),
              HasCode(absl::StatusCode::kDeadlineExceeded));
  pair_->Run(1, [&] {
    const Duration took = pair_->executor(1).Now() - began;
    EXPECT_GE(took, timeout);
    EXPECT_LE(took, timeout + seconds(5));
  });
}

TEST_P(TransportConformanceTest, BadAndTakenAddressesAreNotListenedOn) {
  Listen();
  const auto listen = [&](const std::string& address) {
    absl::Status status;
    pair_->Run(1, [&] {
      status = pair_->transport(1)
                   .Listen(
                       address, [](const PeerId&) { return true; },
                       [](std::unique_ptr<Connection>) { ADD_FAILURE(); })
                   .status();
    });
    return status;
  };
  for (const char* bad : {"", "host", "host:", ":1", "host:x", "host:65536", "ho st:1"}) {
    EXPECT_THAT(listen(bad), HasCode(absl::StatusCode::kInvalidArgument)) << bad;
  }
  EXPECT_THAT(listen(address_), HasCode(absl::StatusCode::kUnavailable));
}

TEST_P(TransportConformanceTest, FramesComeWholeAndInOrder) {
  ASSERT_NO_FATAL_FAILURE(Connect());
  const std::vector<size_t> sizes = {
      1, 2, 3, 100, 1000, 16'383, 16'384, 32768, 70'001, kMaxFrameBytes, 5, kMaxFrameBytes, 1};
  std::vector<Bytes> want;
  for (size_t i = 0; i < sizes.size(); ++i) want.push_back(Pattern(sizes[i], i));
  const auto begin = [&](TestEnd& end) {
    end.on_written = [&end, &want] {
      if (end.written < want.size()) end.Write(want[end.written]);
    };
    end.Write(want[0]);
  };
  pair_->Run(0, [&] { begin(*accepted_[0]); });
  pair_->Run(1, [&] { begin(*dialled_[0]); });
  const auto has_all = [&](TestEnd& end) {
    return end.received.size() == want.size() && end.written == want.size();
  };
  EXPECT_TRUE(WaitUntil(0, [&] { return has_all(*accepted_[0]); }));
  EXPECT_TRUE(WaitUntil(1, [&] { return has_all(*dialled_[0]); }));
  pair_->Run(0, [&] { EXPECT_EQ(accepted_[0]->received, want); });
  pair_->Run(1, [&] { EXPECT_EQ(dialled_[0]->received, want); });
}

TEST_P(TransportConformanceTest, EveryFrameIsWrittenOnce) {
  ASSERT_NO_FATAL_FAILURE(Connect());
  constexpr size_t kFrames = 500;
  pair_->Run(1, [&] {
    TestEnd& end = *dialled_[0];
    end.on_written = [&end] {
      if (end.written < kFrames) end.Write(Pattern(10, end.written));
    };
    end.Write(Pattern(10, 0));
  });
  EXPECT_TRUE(WaitUntil(0, [&] { return accepted_[0]->received.size() == kFrames; }));
  EXPECT_TRUE(WaitUntil(1, [&] { return dialled_[0]->written == kFrames; }));
  EXPECT_FALSE(WaitUntil(
      1, [&] { return dialled_[0]->written > kFrames; }, kAWhile));
  pair_->Run(0, [&] {
    ASSERT_EQ(accepted_[0]->received.size(), kFrames);
    for (size_t i = 0; i < kFrames; ++i) ASSERT_EQ(accepted_[0]->received[i], Pattern(10, i)) << i;
  });
}

// Frames that come before a connection is started are not lost.
TEST_P(TransportConformanceTest, FramesWaitForTheStart) {
  std::unique_ptr<Connection> held;
  on_accept_ = [&](std::unique_ptr<Connection> taken) { held = std::move(taken); };
  Listen();
  GROAT_ASSERT_OK(Dial(address_, pair_->peer(0)));
  pair_->Run(1, [&] { dialled_[0]->Write(Pattern(1000, 1)); });
  ASSERT_TRUE(WaitUntil(0, [&] { return held != nullptr; }));
  EXPECT_TRUE(WaitUntil(1, [&] { return dialled_[0]->written == 1; }));
  EXPECT_FALSE(WaitUntil(
      0, [] { return false; }, kAWhile));
  pair_->Run(0, [&] {
    accepted_.push_back(std::make_unique<TestEnd>(pair_->executor(0)));
    accepted_[0]->Start(std::move(held));
  });
  EXPECT_TRUE(WaitUntil(0, [&] { return accepted_[0]->received.size() == 1; }));
  pair_->Run(0, [&] { EXPECT_EQ(accepted_[0]->received[0], Pattern(1000, 1)); });
}

// A reader that pauses holds its writer up, after what buffers take and no more.
TEST_P(TransportConformanceTest, APausedReaderHoldsUpItsWriter) {
  ASSERT_NO_FATAL_FAILURE(Connect());
  constexpr size_t kFrameBytes = 64 << 10;
  constexpr size_t kFrames = (size_t{48} << 20) / kFrameBytes;
  pair_->Run(0, [&] { accepted_[0]->connection->PauseReading(true); });
  pair_->Run(1, [&] {
    TestEnd& end = *dialled_[0];
    end.on_written = [&end] {
      if (end.written < kFrames) end.Write(Pattern(kFrameBytes, end.written));
    };
    end.Write(Pattern(kFrameBytes, 0));
  });
  EXPECT_FALSE(WaitUntil(
      1, [&] { return dialled_[0]->written == kFrames; }, seconds(2)));
  size_t written = 0;
  pair_->Run(1, [&] { written = dialled_[0]->written; });
  EXPECT_FALSE(WaitUntil(
      1, [&] { return dialled_[0]->written > written; }, kAWhile))
      << "the writer came to no halt";
  pair_->Run(0, [&] {
    EXPECT_LE(accepted_[0]->received.size(), 1);
    accepted_[0]->connection->PauseReading(false);
  });
  EXPECT_TRUE(WaitUntil(0, [&] { return accepted_[0]->received.size() == kFrames; }));
  pair_->Run(0, [&] {
    for (size_t i = 0; i < accepted_[0]->received.size(); ++i) {
      ASSERT_EQ(accepted_[0]->received[i], Pattern(kFrameBytes, i)) << i;
    }
  });
}

// Pausing in OnFrame lets at most one more frame through; the rest comes after.
TEST_P(TransportConformanceTest, ReadingMayBePausedInACallback) {
  ASSERT_NO_FATAL_FAILURE(Connect());
  constexpr size_t kFrames = 20;
  pair_->Run(0, [&] {
    TestEnd& end = *accepted_[0];
    end.on_frame = [&end] {
      if (end.received.size() == 1) end.connection->PauseReading(true);
    };
  });
  pair_->Run(1, [&] {
    TestEnd& end = *dialled_[0];
    end.on_written = [&end] {
      if (end.written < kFrames) end.Write(Pattern(10, end.written));
    };
    end.Write(Pattern(10, 0));
  });
  EXPECT_TRUE(WaitUntil(0, [&] { return !accepted_[0]->received.empty(); }));
  EXPECT_FALSE(WaitUntil(
      0, [&] { return accepted_[0]->received.size() > 2; }, kAWhile));
  pair_->Run(0, [&] {
    accepted_[0]->on_frame = nullptr;
    accepted_[0]->connection->PauseReading(false);
    accepted_[0]->connection->PauseReading(true);
    accepted_[0]->connection->PauseReading(false);
  });
  EXPECT_TRUE(WaitUntil(0, [&] { return accepted_[0]->received.size() == kFrames; }));
  pair_->Run(0, [&] {
    for (size_t i = 0; i < accepted_[0]->received.size(); ++i) {
      EXPECT_EQ(accepted_[0]->received[i], Pattern(10, i)) << i;
    }
  });
}

TEST_P(TransportConformanceTest, ConnectionsOfAPairAreIndependent) {
  ASSERT_NO_FATAL_FAILURE(Connect());
  GROAT_ASSERT_OK(Dial(address_, pair_->peer(0)));
  ASSERT_TRUE(WaitUntil(0, [&] { return accepted_.size() == 2; }));
  // The first is held up, the second goes on.
  pair_->Run(0, [&] { accepted_[0]->connection->PauseReading(true); });
  pair_->Run(1, [&] {
    TestEnd& first = *dialled_[0];
    first.on_written = [&first] { first.Write(Pattern(kMaxFrameBytes, first.written)); };
    first.Write(Pattern(kMaxFrameBytes, 0));
    dialled_[1]->Write(Pattern(10, 7));
  });
  EXPECT_TRUE(WaitUntil(0, [&] { return accepted_[1]->received.size() == 1; }));
  // And outlives it.
  pair_->Run(1, [&] { dialled_[0]->Destroy(); });
  pair_->Run(0, [&] { accepted_[1]->Write(Pattern(10, 8)); });
  EXPECT_TRUE(WaitUntil(1, [&] { return dialled_[1]->received.size() == 1; }));
  pair_->Run(1, [&] {
    EXPECT_EQ(dialled_[1]->received[0], Pattern(10, 8));
    EXPECT_FALSE(dialled_[1]->closed.has_value());
  });
}

TEST_P(TransportConformanceTest, TheOtherSideSeesAClose) {
  ASSERT_NO_FATAL_FAILURE(Connect());
  pair_->Run(1, [&] { dialled_[0]->Destroy(); });
  EXPECT_TRUE(WaitUntil(0, [&] { return accepted_[0]->closed.has_value(); }));
  GROAT_ASSERT_OK(Dial(address_, pair_->peer(0)));
  ASSERT_TRUE(WaitUntil(0, [&] { return accepted_.size() == 2; }));
  pair_->Run(0, [&] { accepted_[1]->Destroy(); });
  EXPECT_TRUE(WaitUntil(1, [&] { return dialled_[1]->closed.has_value(); }));
}

TEST_P(TransportConformanceTest, AConnectionMayEndAsItIsAccepted) {
  on_accept_ = [](std::unique_ptr<Connection> taken) { taken.reset(); };
  Listen();
  const absl::Status status = Dial(address_, pair_->peer(0));
  // The end may overtake the answer.
  if (status.ok()) {
    EXPECT_TRUE(WaitUntil(1, [&] { return dialled_[0]->closed.has_value(); }));
  } else {
    EXPECT_THAT(status, HasCode(absl::StatusCode::kUnavailable));
  }
}

// The checks are those of TestEnd: no callback comes to an end without a connection.
TEST_P(TransportConformanceTest, ACallbackMayDestroyTheConnection) {
  Listen();
  for (size_t i = 0; i < 3; ++i) {
    GROAT_ASSERT_OK(Dial(address_, pair_->peer(0)));
    ASSERT_TRUE(WaitUntil(0, [&] { return accepted_.size() == i + 1; }));
  }
  // Before anything is written, so that the tenth frame and the end are seen as they come.
  pair_->Run(1, [&] {
    dialled_[2]->on_closed = [e = dialled_[2].get()] { e->Destroy(); };
    dialled_[0]->on_frame = [e = dialled_[0].get()] {
      if (e->received.size() == 10) e->Destroy();
    };
  });
  pair_->Run(0, [&] {
    for (const auto& end : accepted_) {
      end->on_written = [e = end.get()] { e->Write(Pattern(1000, e->written)); };
      end->Write(Pattern(1000, 0));
    }
    accepted_[2]->on_written = [e = accepted_[2].get()] {
      if (e->written == 20) e->Destroy();
      if (e->written < 20) e->Write(Pattern(1000, e->written));
    };
  });
  pair_->Run(1, [&] {
    dialled_[1]->Write(Pattern(100'000, 0));
    dialled_[1]->on_written = [e = dialled_[1].get()] { e->Destroy(); };
  });
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(WaitUntil(1, [&] { return dialled_[i]->connection == nullptr; })) << i;
  }
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(WaitUntil(0, [&] { return accepted_[i]->closed.has_value(); })) << i;
  }
  pair_->Run(1, [&] { EXPECT_EQ(dialled_[0]->received.size(), 10); });
}

TEST_P(TransportConformanceTest, ADialledConnectionMayBeDroppedAtOnce) {
  Listen();
  bool answered = false;
  pair_->Run(1, [&] {
    pair_->transport(1).Dial(address_, pair_->peer(0), seconds(5),
                             [&](absl::StatusOr<std::unique_ptr<Connection>> connection) {
                               GROAT_EXPECT_OK(connection.status());
                               answered = true;
                             });
  });
  EXPECT_TRUE(WaitUntil(1, [&] { return answered; }));
  EXPECT_TRUE(WaitUntil(0, [&] { return !accepted_.empty() && accepted_[0]->closed.has_value(); }));
}

TEST_P(TransportConformanceTest, NothingFollowsShutdown) {
  Listen();
  bool answered = false;
  pair_->Run(1, [&] {
    for (const std::string& address : {address_, pair_->SilentAddress()}) {
      pair_->transport(1).Dial(
          address, pair_->peer(0), milliseconds(200),
          [&](absl::StatusOr<std::unique_ptr<Connection>>) { answered = true; });
    }
    pair_->transport(1).Shutdown();
  });
  EXPECT_FALSE(WaitUntil(
      1, [&] { return answered; }, kAWhile));
}

TEST_P(TransportConformanceTest, NobodyIsTakenAfterShutdown) {
  ASSERT_NO_FATAL_FAILURE(Connect());
  size_t before = 0;
  pair_->Run(0, [&] {
    before = accepted_.size();
    accepted_[0]->Destroy();
    pair_->transport(0).Shutdown();
  });
  GROAT_EXPECT_OK(CheckAddress(address_));
  EXPECT_FALSE(Dial(address_, pair_->peer(0), seconds(1)).ok());
  pair_->Run(0, [&] { EXPECT_EQ(accepted_.size(), before); });
}

}  // namespace groat::p2p::testing
