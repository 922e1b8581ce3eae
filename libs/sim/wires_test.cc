// What links can be told to do to connections. The contract of transport.h is tested in
// sim_transport_test.cc.
#include "sim/wires.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_matchers.h"

namespace groat::sim {
namespace {

using ::groat::testing::StatusIs;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One end of a connection and what came to it.
class End final : public p2p::ConnectionHandler {
 public:
  End(Scheduler& scheduler, std::unique_ptr<p2p::Connection> taken)
      : connection(std::move(taken)), scheduler_(scheduler) {
    connection->Start(*this);
  }
  // Frames queue up behind each other.
  void Write(Bytes frame) {
    if (writing_) {
      waiting_.push_back(std::move(frame));
    } else {
      writing_ = true;
      connection->Write(std::move(frame));
    }
  }

  std::unique_ptr<p2p::Connection> connection;
  std::vector<Bytes> frames;
  std::vector<Instant> times;
  size_t written = 0;
  std::optional<absl::Status> closed;

 private:
  void OnFrame(ByteView frame) override {
    frames.emplace_back(frame.begin(), frame.end());
    times.push_back(scheduler_.Now());
  }
  void OnWritten() override {
    ++written;
    writing_ = false;
    if (waiting_.empty()) return;
    Bytes next = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    Write(std::move(next));
  }
  void OnClosed(const absl::Status& why) override { closed = why; }

  Scheduler& scheduler_;
  bool writing_ = false;
  std::vector<Bytes> waiting_;
};

// A process on a host of its own that takes every connection.
struct Process {
  Process(Scheduler& scheduler, Wires& wires, const std::string& name, uint8_t key)
      : host(name),
        peer(Ed25519PrivateKey(Bytes32{{key}}).public_key()),
        executor(scheduler, key),
        transport(wires.MakeTransport(executor, peer, host)) {
    const auto listening = transport->Listen(
        absl::StrCat(host, ":1"), [](const p2p::PeerId&) { return true; },
        [this, &scheduler](std::unique_ptr<p2p::Connection> connection) {
          accepted.push_back(std::make_unique<End>(scheduler, std::move(connection)));
        });
    GROAT_EXPECT_OK(listening.status());
  }
  ~Process() { executor.Stop(); }

  std::string host;
  p2p::PeerId peer;
  NodeExecutor executor;
  std::unique_ptr<p2p::Transport> transport;
  std::vector<std::unique_ptr<End>> accepted;
  std::unique_ptr<End> dialled;
};

class WiresTest : public ::testing::Test {
 protected:
  void SetUp() override { Make(1); }
  ~WiresTest() override { Forget(); }
  void Forget() {
    b_.reset();
    a_.reset();
    wires_.reset();
    scheduler_.reset();
  }
  void Make(uint64_t seed) {
    Forget();
    scheduler_ = std::make_unique<Scheduler>();
    wires_ = std::make_unique<Wires>(*scheduler_, seed);
    a_ = std::make_unique<Process>(*scheduler_, *wires_, "a", uint8_t{1});
    b_ = std::make_unique<Process>(*scheduler_, *wires_, "b", uint8_t{2});
  }
  // `a` dials `b`.
  absl::Status Dial(Duration timeout = seconds(3)) {
    std::optional<absl::Status> result;
    a_->transport->Dial("b:1", b_->peer, timeout,
                        [&](absl::StatusOr<std::unique_ptr<p2p::Connection>> connection) {
                          result = connection.status();
                          if (!connection.ok()) return;
                          a_->dialled = std::make_unique<End>(*scheduler_, *std::move(connection));
                        });
    EXPECT_TRUE(scheduler_->RunUntil([&] { return result.has_value(); }, seconds(10)));
    return result.value_or(absl::InternalError("no answer"));
  }
  void Connect() {
    GROAT_ASSERT_OK(Dial());
    ASSERT_EQ(b_->accepted.size(), 1);
  }
  End& from() { return *a_->dialled; }
  End& to() { return *b_->accepted.back(); }

  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Wires> wires_;
  std::unique_ptr<Process> a_;
  std::unique_ptr<Process> b_;
};

TEST_F(WiresTest, ADialTakesSixTrips) {
  wires_->SetLink("a", "b", {.latency = milliseconds(10)});
  wires_->SetLink("b", "a", {.latency = milliseconds(30)});
  Connect();
  EXPECT_EQ(scheduler_->Now(), Instant(milliseconds(120)));
  // Nobody listens: two trips.
  std::optional<Instant> refused;
  a_->transport->Dial("b:2", b_->peer, seconds(3),
                      [&](absl::StatusOr<std::unique_ptr<p2p::Connection>> connection) {
                        EXPECT_THAT(connection.status(),
                                    StatusIs(absl::StatusCode::kUnavailable, HasSubstr("b:2")));
                        refused = scheduler_->Now();
                      });
  scheduler_->RunFor(seconds(1));
  EXPECT_EQ(refused, Instant(milliseconds(160)));
}

TEST_F(WiresTest, AddressesThatCannotBeDialledAreUnavailable) {
  for (const char* address : {"nobody:1", "b", "b:0", "b:70000"}) {
    std::optional<absl::Status> result;
    a_->transport->Dial(address, b_->peer, seconds(3),
                        [&](absl::StatusOr<std::unique_ptr<p2p::Connection>> connection) {
                          result = connection.status();
                        });
    scheduler_->RunFor(seconds(1));
    ASSERT_TRUE(result.has_value()) << address;
    EXPECT_EQ(result->code(), absl::StatusCode::kUnavailable) << address;
  }
}

TEST_F(WiresTest, ListeningIsOnOnesOwnHostAndFreePorts) {
  const auto listen = [&](Process& process, const std::string& address) {
    process.transport->Shutdown();
    return process.transport->Listen(address, nullptr, nullptr);
  };
  EXPECT_THAT(listen(*a_, "b:5").status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("this host is a")));
  GROAT_ASSERT_OK_AND_ASSIGN(const std::string first, listen(*a_, "a:0"));
  const auto other = wires_->MakeTransport(a_->executor, a_->peer, "a");
  GROAT_ASSERT_OK_AND_ASSIGN(const std::string second, other->Listen("a:0", nullptr, nullptr));
  EXPECT_NE(first, second);
  EXPECT_THAT(wires_->MakeTransport(a_->executor, a_->peer, "a")->Listen(first, nullptr, nullptr),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(first)));
}

TEST_F(WiresTest, LatencyAndJitterDelayFramesAndKeepTheirOrder) {
  Connect();
  wires_->SetDefaultLink({.latency = milliseconds(50), .jitter = milliseconds(40)});
  const Instant began = scheduler_->Now();
  std::vector<Bytes> want;
  for (uint8_t i = 0; i < 100; ++i) want.push_back(Bytes(10, i));
  for (const Bytes& frame : want) from().Write(frame);
  scheduler_->RunFor(seconds(1));
  EXPECT_EQ(to().frames, want);
  for (const Instant time : to().times) {
    EXPECT_GE(time - began, milliseconds(50));
    EXPECT_LE(time - began, milliseconds(90));
  }
  EXPECT_NE(to().times.front(), to().times.back());
}

TEST_F(WiresTest, BandwidthIsSharedByAllConnectionsOfALink) {
  Connect();
  End* const first_to = b_->accepted[0].get();
  const std::unique_ptr<End> first = std::move(a_->dialled);
  GROAT_ASSERT_OK(Dial());
  wires_->SetLink("a", "b", {.latency = milliseconds(1), .bytes_per_second = 1e6});
  const Instant began = scheduler_->Now();
  constexpr size_t kFrames = 50;
  for (size_t i = 0; i < kFrames; ++i) {
    first->Write(Bytes(9'940, 1));  // 10,000 bytes with headers.
    from().Write(Bytes(9'940, 2));
    to().Write(Bytes(9'940, 3));  // The other direction has no limit.
  }
  ASSERT_TRUE(scheduler_->RunUntil([&] { return from().frames.size() == kFrames; }, seconds(5)));
  EXPECT_LT(scheduler_->Now() - began, milliseconds(200));
  ASSERT_TRUE(scheduler_->RunUntil(
      [&] { return first_to->frames.size() + to().frames.size() == 2 * kFrames; }, seconds(5)));
  const Duration took = scheduler_->Now() - began;
  EXPECT_GE(took, milliseconds(1000));
  EXPECT_LE(took, milliseconds(1010));
}

// What a writer may have under way is bounded, however slow the link is.
TEST_F(WiresTest, ASlowLinkHoldsUpItsWriter) {
  Connect();
  wires_->SetDefaultLink({.latency = milliseconds(1), .bytes_per_second = 1e5});
  for (int i = 0; i < 100; ++i) from().Write(Bytes(16'384, 1));
  scheduler_->RunFor(milliseconds(10));
  EXPECT_EQ(from().written, kSocketBufferBytes / 16'384);
  scheduler_->RunFor(seconds(30));
  EXPECT_EQ(to().frames.size(), 100);
  EXPECT_EQ(from().written, 100);
}

class WiresFaultTest : public WiresTest, public ::testing::WithParamInterface<uint64_t> {
 protected:
  void SetUp() override { Make(GetParam()); }
  // 2,000 numbered frames over a link of this kind; how often each came.
  std::vector<uint64_t> Run(const LinkOptions& link) {
    Connect();
    wires_->SetLink("a", "b", link);
    for (uint64_t i = 0; i < kFrames; ++i) {
      Bytes frame(8);
      StoreBigEndian(i, frame.data(), 8);
      from().Write(frame);
      scheduler_->RunFor(milliseconds(1));
    }
    scheduler_->RunFor(seconds(1));
    std::vector<uint64_t> numbers;
    for (const Bytes& frame : to().frames) numbers.push_back(LoadBigEndian(frame.data(), 8));
    return numbers;
  }
  static constexpr uint64_t kFrames = 2000;
};

TEST_P(WiresFaultTest, FramesAreLostAtTheirRate) {
  const std::vector<uint64_t> got = Run({.success_rate = 0.9});
  EXPECT_NEAR(static_cast<double>(got.size()), 1800, 80);
  EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
  EXPECT_EQ(wires_->stats().frames_lost, kFrames - got.size());
  EXPECT_EQ(from().written, kFrames);
}

TEST_P(WiresFaultTest, FramesAreDuplicatedAtTheirRate) {
  const std::vector<uint64_t> got = Run({.duplicate_rate = 0.1});
  EXPECT_NEAR(static_cast<double>(got.size()), 2200, 80);
  EXPECT_EQ(wires_->stats().frames_duplicated, got.size() - kFrames);
  std::map<uint64_t, int> times;
  for (const uint64_t number : got) ++times[number];
  EXPECT_EQ(times.size(), kFrames);
  for (const auto& [number, count] : times) EXPECT_LE(count, 2) << number;
}

TEST_P(WiresFaultTest, FramesAreReorderedAtTheirRate) {
  const std::vector<uint64_t> got = Run({.latency = milliseconds(10), .reorder_rate = 0.05});
  EXPECT_EQ(got.size(), kFrames);
  size_t overtaken = 0;
  uint64_t highest = 0;
  for (const uint64_t number : got) {
    if (number < highest) ++overtaken;
    highest = std::max(highest, number);
  }
  EXPECT_GT(overtaken, 50);
  EXPECT_LT(overtaken, 150);
}

TEST_P(WiresFaultTest, FramesAreDamagedByOneBitAtTheirRate) {
  const std::vector<uint64_t> got = Run({.corrupt_rate = 0.05});
  ASSERT_EQ(got.size(), kFrames);
  uint64_t damaged = 0;
  for (uint64_t i = 0; i < kFrames; ++i) {
    if (got[i] == i) continue;
    ++damaged;
    EXPECT_EQ(std::popcount(got[i] ^ i), 1) << i;
  }
  EXPECT_EQ(damaged, wires_->stats().frames_corrupted);
  EXPECT_NEAR(static_cast<double>(damaged), 100, 50);
}

INSTANTIATE_TEST_SUITE_P(Seeds, WiresFaultTest, ::testing::Range(uint64_t{1}, uint64_t{6}));

// As TCP repeats what it could not get through.
TEST_F(WiresTest, WhatIsWrittenIntoACutComesAfterIt) {
  Connect();
  from().Write({1});
  wires_->Cut("a", "b");
  from().Write({2});
  scheduler_->RunFor(seconds(5));
  from().Write({3});
  to().Write({9});
  scheduler_->RunFor(seconds(5));
  EXPECT_THAT(to().frames, IsEmpty());
  EXPECT_THAT(from().frames, ElementsAre(Bytes{9})) << "a cut has one direction";
  EXPECT_EQ(from().written, 3);
  wires_->Mend("a", "b");
  from().Write({4});
  scheduler_->RunFor(milliseconds(10));
  EXPECT_THAT(to().frames, ElementsAre(Bytes{1}, Bytes{2}, Bytes{3}, Bytes{4}));
}

TEST_F(WiresTest, ACutHoldsUpTheWriter) {
  Connect();
  wires_->Cut("a", "b");
  for (int i = 0; i < 100; ++i) from().Write(Bytes(16'384, 1));
  scheduler_->RunFor(seconds(60));
  EXPECT_EQ(from().written, kSocketBufferBytes / 16'384);
  wires_->Heal();
  scheduler_->RunFor(seconds(1));
  EXPECT_EQ(to().frames.size(), 100);
}

TEST_F(WiresTest, AConnectionThatEndsInACutIsSeenToEndAfterIt) {
  Connect();
  wires_->Cut("a", "b");
  a_->dialled.reset();
  scheduler_->RunFor(seconds(60));
  EXPECT_FALSE(to().closed.has_value());
  wires_->Heal();
  scheduler_->RunFor(milliseconds(10));
  EXPECT_TRUE(to().closed.has_value());
}

TEST_F(WiresTest, PartitionsSeparateGroups) {
  Process c(*scheduler_, *wires_, "c", 3);
  wires_->Partition({{"a"}, {"b", "c"}});
  EXPECT_EQ(Dial(milliseconds(100)).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(wires_->Passes(wires_->HostIndex("a"), wires_->HostIndex("c")));
  EXPECT_TRUE(wires_->Passes(wires_->HostIndex("b"), wires_->HostIndex("c")));
  // A host that came later is with those that no group has.
  EXPECT_FALSE(wires_->Passes(wires_->HostIndex("a"), wires_->HostIndex("d")));
  wires_->Partition({{"c"}});
  GROAT_EXPECT_OK(Dial());
  EXPECT_FALSE(wires_->Passes(wires_->HostIndex("a"), wires_->HostIndex("c")));
  wires_->Heal();
  EXPECT_TRUE(wires_->Passes(wires_->HostIndex("a"), wires_->HostIndex("c")));
}

TEST_F(WiresTest, ADialIntoACutEndsAtItsTimeout) {
  for (const auto& [from_host, to_host] : {std::pair("a", "b"), std::pair("b", "a")}) {
    wires_->Cut(from_host, to_host);
    const Instant began = scheduler_->Now();
    EXPECT_EQ(Dial(milliseconds(500)).code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_EQ(scheduler_->Now() - began, milliseconds(500));
    wires_->Heal();
  }
}

// The listener's end of a connection that its dialler gave up is closed.
TEST_F(WiresTest, ADialThatIsTooSlowLeavesNoConnection) {
  wires_->SetDefaultLink({.latency = milliseconds(20)});
  EXPECT_EQ(Dial(milliseconds(110)).code(), absl::StatusCode::kDeadlineExceeded);
  ASSERT_EQ(b_->accepted.size(), 1);
  scheduler_->RunFor(seconds(1));
  EXPECT_TRUE(to().closed.has_value());
}

TEST_F(WiresTest, ASilentHostSaysNothing) {
  Connect();
  wires_->SetHostState("b", HostState::kSilent);
  from().Write({1});
  to().Write({2});
  b_->accepted.clear();  // Without power no end of a connection is told.
  scheduler_->RunFor(seconds(60));
  EXPECT_THAT(from().frames, IsEmpty());
  EXPECT_FALSE(from().closed.has_value());
  EXPECT_EQ(Dial(milliseconds(500)).code(), absl::StatusCode::kDeadlineExceeded);
  wires_->SetHostState("b", HostState::kUp);
  scheduler_->RunFor(seconds(1));
  ASSERT_FALSE(from().closed.has_value());
  // What is written now is answered by a reset.
  from().Write({3});
  scheduler_->RunFor(seconds(1));
  EXPECT_TRUE(from().closed.has_value());
}

TEST_F(WiresTest, ADeadHostResetsItsConnectionsAndRefusesDials) {
  Connect();
  wires_->SetHostState("b", HostState::kDead);
  scheduler_->RunFor(seconds(1));
  EXPECT_TRUE(from().closed.has_value());
  EXPECT_TRUE(to().closed.has_value());
  EXPECT_EQ(Dial().code(), absl::StatusCode::kUnavailable);
  wires_->SetHostState("b", HostState::kUp);
  GROAT_EXPECT_OK(Dial());
}

// A frozen process's machine goes on: it takes what its buffers hold, and completes no handshake.
TEST_F(WiresTest, AFrozenProcessReadsWhenItThaws) {
  Connect();
  b_->executor.Freeze(true);
  for (int i = 0; i < 100; ++i) from().Write(Bytes(16'384, static_cast<uint8_t>(i)));
  const std::unique_ptr<End> first = std::move(a_->dialled);
  EXPECT_EQ(Dial(milliseconds(500)).code(), absl::StatusCode::kDeadlineExceeded);
  scheduler_->RunFor(seconds(10));
  EXPECT_THAT(to().frames, IsEmpty());
  EXPECT_EQ(first->written, kSocketBufferBytes / 16'384);
  b_->executor.Freeze(false);
  scheduler_->RunFor(seconds(1));
  ASSERT_EQ(to().frames.size(), 100);
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(to().frames[i][0], i);
  EXPECT_EQ(first->written, 100);
}

TEST_F(WiresTest, AFrozenProcessMayBeKilled) {
  Connect();
  b_->executor.Freeze(true);
  from().Write({1});
  scheduler_->RunFor(seconds(1));
  b_.reset();
  scheduler_->RunFor(seconds(1));
  EXPECT_TRUE(from().closed.has_value());
  EXPECT_EQ(wires_->stats().frames_delivered, 0);
}

TEST_F(WiresTest, LinkOptionsMayBeTakenBack) {
  wires_->SetLink("a", "b", {.latency = seconds(1)});
  EXPECT_EQ(wires_->Link(wires_->HostIndex("a"), wires_->HostIndex("b")).latency, seconds(1));
  EXPECT_EQ(wires_->Link(wires_->HostIndex("b"), wires_->HostIndex("a")).latency, milliseconds(1));
  wires_->ClearLinks();
  EXPECT_EQ(wires_->Link(wires_->HostIndex("a"), wires_->HostIndex("b")).latency, milliseconds(1));
}

}  // namespace
}  // namespace groat::sim
