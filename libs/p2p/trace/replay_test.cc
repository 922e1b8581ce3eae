#include "p2p/trace/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_matchers.h"
#include "p2p/protocol/testing/fake_world.h"
#include "p2p/trace/trace_reader.h"
#include "p2p/trace/trace_text.h"
#include "p2p/trace/traced_node.h"
#include "storage/memory_file_system.h"

namespace groat::p2p {
namespace {

using groat::testing::StatusIs;
using std::chrono::milliseconds;
using storage::MemoryFileSystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Reason = ReplayStop::Reason;

// How a protocol behaves that is not quite the recorded one.
enum class Change {
  kNone,
  kOtherPayload,    // The fifth answer ends with another byte.
  kOtherRecipient,  // The fifth answer goes to all.
  kOneCallMore,     // A random number more is drawn after the fifth answer.
  kOneCallLess,     // The fifth answer is not sent.
  kLaterTimer,      // A timer is a nanosecond late.
  kNoWatch,         // Peers are not watched.
  kOtherOptions,    // The channel takes longer messages.
  kOtherResult,     // Requests fail.
};

// Uses all of network and executor: answers messages, says something now and then, by timers that
// it sometimes cancels, and blocks who sends too much rubbish.
class Chatter final : public Protocol {
 public:
  static absl::StatusOr<std::unique_ptr<Protocol>> Make(Network& network, Executor& executor,
                                                        ByteView parameters, Change change) {
    if (parameters.size() != 1) return absl::InvalidArgumentError("want one byte");
    ChannelOptions options{.name = "chat", .when_full = WhenFull::kBackPressure};
    if (change == Change::kOtherOptions) ++options.max_message_bytes;
    const absl::StatusOr<Channel> channel = network.Register(ChannelId(3), options);
    if (!channel.ok()) return channel.status();
    network.Register(ChannelId(3), options).IgnoreError();  // Refused, and so recorded.
    return std::make_unique<Chatter>(network, executor, *channel, parameters[0], change);
  }

  Chatter(Network& network, Executor& executor, const Channel& channel, uint8_t period_ms,
          Change change)
      : network_(network),
        executor_(executor),
        channel_(channel),
        period_(milliseconds(period_ms)),
        change_(change) {
    channel_.receiver->OnReady([this] { Read(); });
    channel_.sender->OnRoom([this](const PeerId& peer) { Say(peer, 'r'); });
    if (change_ != Change::kNoWatch) {
      network_.WatchPeers([this](const PeerId& peer, PeerEvent event) {
        if (event == PeerEvent::kConnected) Say(peer, 'h');
        preferred_ = peer;
      });
    }
    network_.WatchPeers([this](const PeerId&, PeerEvent) { ++changes_; });
    executor_.Post([this] { Arm(); });
  }
  ~Chatter() override { executor_.Cancel(timer_); }

  absl::Status Request(ByteView request) override {
    if (request.empty()) {
      return network_.SetPeers(1, network_.Connected());
    }
    channel_.sender->Send(Recipients::All(), request);
    executor_.Post([this] { Say(preferred_, 'p'); });
    return change_ == Change::kOtherResult ? absl::AbortedError("no") : absl::OkStatus();
  }

 private:
  void Arm() {
    Instant when = executor_.Now() + period_ + Duration(executor_.Random() % 1000);
    if (change_ == Change::kLaterTimer && ++armed_ == 4) when += Duration(1);
    timer_ = executor_.PostAt(when, [this] {
      for (const PeerId& peer : network_.Connected()) Say(peer, 't');
      Arm();
    });
    const TimerId other = executor_.PostAt(when + Duration(5), [this] { Say(preferred_, 'o'); });
    if (executor_.Random() % 2 == 0) executor_.Cancel(other);
  }
  void Read() {
    while (true) {
      const std::optional<Message> message = ++reads_ % 2 == 0
                                                 ? channel_.receiver->Poll()
                                                 : channel_.receiver->PollPreferring(preferred_);
      if (!message.has_value()) return;
      if (message->payload.size() > 64) {
        channel_.receiver->Reject(message->from, Rejection::kMalformed);
        network_.Block(message->from, "long talk");
        continue;
      }
      if (message->payload[0] != 'a') Answer(*message);
    }
  }
  void Answer(const Message& message) {
    const bool fifth = ++answers_ == 5;
    if (fifth && change_ == Change::kOneCallLess) return;
    Bytes text = message.payload;
    text[0] = 'a';
    if (fifth && change_ == Change::kOtherPayload) text.back() ^= 1;
    channel_.sender->Send(fifth && change_ == Change::kOtherRecipient
                              ? Recipients::All()
                              : Recipients::One(message.from),
                          text);
    if (fifth && change_ == Change::kOneCallMore) executor_.Random();
  }
  void Say(const PeerId& peer, char kind) {
    const std::string text =
        absl::StrCat(std::string(1, kind), " at ", executor_.WallClockMs(), " ", changes_);
    channel_.sender->Send(Recipients::One(peer), AsBytes(text));
  }

  Network& network_;
  Executor& executor_;
  const Channel channel_;
  const Duration period_;
  const Change change_;
  PeerId preferred_;
  TimerId timer_ = 0;
  uint64_t reads_ = 0;
  uint64_t answers_ = 0;
  uint64_t armed_ = 0;
  uint64_t changes_ = 0;
};

ProtocolRegistry RegistryOf(Change change) {
  ProtocolRegistry registry;
  registry.Add("chatter", [change](Network& network, Executor& executor, ByteView parameters) {
    return Chatter::Make(network, executor, parameters, change);
  });
  return registry;
}

// Connects and disconnects others while it is called, as the mesh does when its peers are set.
class AbruptNetwork final : public Network {
 public:
  explicit AbruptNetwork(Network& inner) : inner_(inner) {}
  const PeerId& self() const override { return inner_.self(); }
  absl::StatusOr<Channel> Register(ChannelId id, const ChannelOptions& options) override {
    return inner_.Register(id, options);
  }
  void WatchPeers(PeerWatch watch) override {
    watches_.push_back(watch);
    inner_.WatchPeers(std::move(watch));
  }
  absl::Status Start() override { return inner_.Start(); }
  absl::Status SetPeers(uint64_t index, std::vector<PeerId> peers) override {
    for (const PeerId& peer : peers) {
      for (const PeerWatch& watch : watches_) watch(peer, PeerEvent::kDisconnected);
      for (const PeerWatch& watch : watches_) watch(peer, PeerEvent::kConnected);
    }
    return inner_.SetPeers(index, std::move(peers));
  }
  void DropPeers(uint64_t index) override { inner_.DropPeers(index); }
  void Block(const PeerId& peer, std::string_view why) override { inner_.Block(peer, why); }
  std::vector<PeerId> Connected() const override { return inner_.Connected(); }

 private:
  Network& inner_;
  std::vector<PeerWatch> watches_;
};

struct Recorded {
  uint64_t number;
  TraceKind kind;
  std::string text;
};

class ReplayTest : public ::testing::Test {
 protected:
  // Runs four nodes for a while, the first of them traced; others break its links and send rubbish.
  void Record(uint64_t seed, const TraceFileOptions& options = {.folder = "trace"},
              const std::function<void(TracedNode&, Protocol&)>& at_the_end = nullptr) {
    const auto writer = TraceWriter::Open(disk_, options);
    GROAT_ASSERT_OK(writer);
    testing::FakeWorld world(4, seed);
    AbruptNetwork abrupt(world.network(0));
    TracedNode node(abrupt, world.executor(0), **writer);
    const ProtocolRegistry registry = RegistryOf(Change::kNone);
    std::vector<std::unique_ptr<Protocol>> protocols;
    for (size_t i = 0; i < world.size(); ++i) {
      auto made = i == 0 ? node.Make(registry, "chatter", Bytes{7})
                         : registry.Make("chatter", world.network(i), world.executor(i), Bytes{5});
      GROAT_ASSERT_OK(made);
      protocols.push_back(*std::move(made));
    }
    world.Start();
    world.SetAllLinks({.loss = 0.1, .order = false});
    for (int round = 0; round < 10; ++round) {
      world.RunFor(milliseconds(10));
      GROAT_EXPECT_OK(protocols[0]->Request(AsBytes("request")));
      GROAT_EXPECT_OK(protocols[1]->Request(AsBytes("other request")));
      if (round == 4) {
        GROAT_EXPECT_OK(protocols[0]->Request({}));
      }
      if (round == 6) {
        GROAT_EXPECT_OK(protocols[2]->Request(Bytes(100, 'x')));
      }
      world.SetLink(0, 1, {.up = round % 2 == 0});
    }
    if (at_the_end) at_the_end(node, *protocols[0]);
    (*writer)->Flush();
    protocols.erase(protocols.begin());  // While its network is there.
  }

  ReplayResult Replay(Change change) {
    auto result = ReplayTrace(disk_, "trace", RegistryOf(change));
    EXPECT_THAT(result, ::groat::testing::IsOk());
    return result.ok() ? *std::move(result) : ReplayResult();
  }
  std::vector<Recorded> Records() {
    std::vector<Recorded> records;
    auto reader = TraceReader::Open(disk_, "trace");
    TraceRecord record;
    while (*reader->Next(record)) {
      records.push_back(
          {reader->number(), record.kind, TraceRecordText(record, TraceAnswers::kWithout)});
    }
    return records;
  }
  void RemoveFiles() {
    const std::vector<std::string> names = *disk_.List("trace");
    for (const std::string& name : names) GROAT_ASSERT_OK(disk_.Remove("trace/" + name));
  }
  // Writes the trace anew, as `edit` leaves each record; without those for which it gives false.
  void Rewrite(const std::function<bool(uint64_t number, TraceRecord& record)>& edit) {
    MemoryFileSystem old;
    GROAT_ASSERT_OK(old.CreateFolder("trace"));
    const std::vector<std::string> names = *disk_.List("trace");
    for (const std::string& name : names) {
      const std::string path = "trace/" + name;
      GROAT_ASSERT_OK(old.Create(path).status());
      old.SetContent(path, disk_.Content(path));
      GROAT_ASSERT_OK(disk_.Remove(path));
    }
    GROAT_ASSERT_OK_AND_ASSIGN(TraceReader reader, TraceReader::Open(old, "trace"));
    GROAT_ASSERT_OK_AND_ASSIGN(const auto writer, TraceWriter::Open(disk_, {.folder = "trace"}));
    TraceRecord record;
    while (*reader.Next(record)) {
      if (edit(reader.number(), record)) writer->Append(record);
    }
  }
  // The n-th answer that was sent, n from 1.
  Recorded AnswerSent(size_t n) {
    for (const Recorded& record : Records()) {
      if (record.kind != TraceKind::kSend) continue;
      if (!absl::StrContains(record.text, ":61")) continue;  // 'a'
      if (--n == 0) return record;
    }
    ADD_FAILURE() << "no such answer";
    return {};
  }

  MemoryFileSystem disk_;
};

TEST_F(ReplayTest, SameProtocolGivesNoDifference) {
  std::set<TraceKind> seen;
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    Record(seed);
    const ReplayResult result = Replay(Change::kNone);
    EXPECT_EQ(result.stop.reason, Reason::kEnd)
        << result.stop.want << " / " << result.stop.came << " / " << result.stop.why;
    EXPECT_EQ(result.run, seed);
    EXPECT_EQ(result.protocol, "chatter");
    EXPECT_GT(result.tasks, 50u);
    // All but the start and, after the last task, what the destructor did.
    EXPECT_EQ(result.stop.record, Records().back().number);
  }
  for (const Recorded& record : Records()) seen.insert(record.kind);
  for (const TraceKind kind : AllTraceKinds()) {
    const bool is_expected = kind != TraceKind::kContinue && kind != TraceKind::kGap &&
                             kind != TraceKind::kStartNetwork && kind != TraceKind::kDropPeers &&
                             kind != TraceKind::kRoom;
    EXPECT_EQ(seen.contains(kind), is_expected) << NameOf(kind);
  }
}

TEST_F(ReplayTest, StopsWhereTheProtocolDoesSomethingElse) {
  Record(3);
  const Recorded fifth = AnswerSent(5);
  const auto expect = [&](Change change, const std::string& came, const std::string& why) {
    const ReplayResult result = Replay(change);
    EXPECT_EQ(result.stop.reason, Reason::kDifference);
    EXPECT_THAT(result.stop.came, HasSubstr(came));
    EXPECT_THAT(result.stop.why, HasSubstr(why));
    return result.stop;
  };
  ReplayStop stop = expect(Change::kOtherPayload, "send channel=3", "payload, from byte ");
  EXPECT_EQ(stop.record, fifth.number);
  EXPECT_EQ(stop.want, fifth.text);
  EXPECT_NE(stop.came, fifth.text);

  stop = expect(Change::kOtherRecipient, "recipients=all", "recipients");
  EXPECT_EQ(stop.record, fifth.number);
  stop = expect(Change::kOneCallMore, "random", "another call");
  EXPECT_EQ(stop.record, fifth.number + 1);
  stop = expect(Change::kOneCallLess, "poll", "another call");
  EXPECT_EQ(stop.record, fifth.number);

  stop = expect(Change::kLaterTimer, "post_at when_ns=", "when_ns");
  EXPECT_THAT(stop.want, HasSubstr("post_at"));
  stop = expect(Change::kOtherOptions, "max_message_bytes=1048577", "options");
  EXPECT_EQ(stop.record, 2u);
  stop = expect(Change::kNoWatch, "post", "another call");
  EXPECT_THAT(stop.want, HasSubstr("watch_peers"));
  stop = expect(Change::kOtherResult, "returned code=ABORTED", "code");
  EXPECT_THAT(stop.want, HasSubstr("returned code=OK"));
}

TEST_F(ReplayTest, StopsWhereAnInputWasAnother) {
  Record(3);
  // The message that the fifth answer answers.
  const Recorded fifth = AnswerSent(5);
  Bytes payload;
  Rewrite([&](uint64_t number, TraceRecord& record) {
    if (number + 1 == fifth.number) {
      EXPECT_TRUE(record.has_message);
      payload.assign(record.payload.begin(), record.payload.end());
      payload.back() ^= 1;
      record.payload = payload;
    }
    return true;
  });
  const ReplayResult result = Replay(Change::kNone);
  EXPECT_EQ(result.stop.reason, Reason::kDifference);
  EXPECT_EQ(result.stop.record, fifth.number);
  EXPECT_EQ(result.stop.want, fifth.text);
  EXPECT_THAT(result.stop.why, HasSubstr("payload, from byte "));
}

// Each record on its own.
TEST_F(ReplayTest, StopsWhereARecordIsMissing) {
  Record(4);
  const std::vector<Recorded> records = Records();
  RemoveFiles();
  for (uint64_t missing = 2; missing <= 200; missing += 7) {
    Record(4);
    Rewrite([&](uint64_t number, TraceRecord&) { return number != missing; });
    const ReplayResult result = Replay(Change::kNone);
    EXPECT_EQ(result.stop.reason, Reason::kDifference) << records[missing - 1].text;
    EXPECT_GE(result.stop.record + 1, missing);
    RemoveFiles();
  }
}

TEST_F(ReplayTest, EndsTasksWhereTheyEnded) {
  Record(3);
  const std::vector<Recorded> records = Records();
  // A call more than the protocol makes, at the end of a task.
  uint64_t after = 0;
  for (size_t i = 100; after == 0; ++i) {
    if (BeginsTask(records[i].kind)) after = records[i].number;
  }
  uint64_t inserted = 0;
  Rewrite([&](uint64_t number, TraceRecord& record) {
    if (number == after) {
      record = TraceRecord();
      record.kind = TraceKind::kRandom;
      inserted = number;
    }
    return number <= after;
  });
  const ReplayResult result = Replay(Change::kNone);
  EXPECT_EQ(result.stop.reason, Reason::kDifference);
  EXPECT_EQ(result.stop.record, inserted);
  EXPECT_EQ(result.stop.came, "the end of its task");
  EXPECT_EQ(result.stop.want, "random");
}

TEST_F(ReplayTest, TasksThatTheProtocolNeverAskedForAreDifferences) {
  const struct {
    TraceKind kind;
    const char* came;
  } cases[] = {
      {TraceKind::kTimerFired, "no such task"}, {TraceKind::kTaskRan, "no such task"},
      {TraceKind::kReady, "no callback"},       {TraceKind::kRoom, "no callback"},
      {TraceKind::kConnected, "no such watch"}, {TraceKind::kDisconnected, "no such watch"}};
  for (const auto& unasked : cases) {
    SCOPED_TRACE(NameOf(unasked.kind));
    Record(1);
    bool replaced = false;
    Rewrite([&](uint64_t, TraceRecord& record) {
      if (replaced || !BeginsTask(record.kind)) return !replaced;
      replaced = true;
      record = TraceRecord();
      record.kind = unasked.kind;
      record.number = 12345;
      record.channel = ChannelId(99);
      return true;
    });
    const ReplayResult result = Replay(Change::kNone);
    EXPECT_EQ(result.stop.reason, Reason::kDifference);
    EXPECT_EQ(result.stop.came, unasked.came);
    RemoveFiles();
  }
}

TEST_F(ReplayTest, WhatTheApplicationDoesItselfIsSkipped) {
  Record(5, {.folder = "trace"}, [](TracedNode& node, Protocol& protocol) {
    node.executor().Post([&] { node.executor().Random(); });
    node.network().WatchPeers([](const PeerId&, PeerEvent) {});
    GROAT_EXPECT_OK(node.network().SetPeers(2, {}));
    node.executor().Now();
    GROAT_EXPECT_OK(protocol.Request(AsBytes("after")));
  });
  const ReplayResult result = Replay(Change::kNone);
  EXPECT_EQ(result.stop.reason, Reason::kEnd) << result.stop.came << result.stop.want;
  EXPECT_EQ(result.skipped, 5u + 1u);  // SetPeers has two; the protocol's destructor cancels.
}

// An application that asks something from within the protocol's own task.
TEST_F(ReplayTest, RequestWithinATaskCannotBeReplayed) {
  class Caller final : public Protocol {
   public:
    explicit Caller(std::function<void()> callback) : callback_(std::move(callback)) {}
    absl::Status Request(ByteView request) override {
      if (!request.empty() && callback_) callback_();
      return absl::OkStatus();
    }

   private:
    std::function<void()> callback_;
  };
  std::function<void()> callback;
  const auto registry_of = [](std::function<void()> called) {
    ProtocolRegistry registry;
    registry.Add("caller", [called](Network&, Executor&, ByteView) {
      return absl::StatusOr<std::unique_ptr<Protocol>>(std::make_unique<Caller>(called));
    });
    return registry;
  };
  {
    GROAT_ASSERT_OK_AND_ASSIGN(const auto writer, TraceWriter::Open(disk_, {.folder = "trace"}));
    testing::FakeWorld world(1, 1);
    TracedNode node(world.network(0), world.executor(0), *writer);
    GROAT_ASSERT_OK_AND_ASSIGN(const auto protocol,
                               node.Make(registry_of([&callback] { callback(); }), "caller", {}));
    callback = [&protocol] { GROAT_EXPECT_OK(protocol->Request({})); };
    GROAT_EXPECT_OK(protocol->Request({}));
    GROAT_EXPECT_OK(protocol->Request(Bytes{1}));
  }
  GROAT_ASSERT_OK_AND_ASSIGN(const ReplayResult result,
                             ReplayTrace(disk_, "trace", registry_of(nullptr)));
  EXPECT_EQ(result.stop.reason, Reason::kUnreadable);
  EXPECT_EQ(result.stop.record, 6u);
  EXPECT_THAT(result.stop.why, HasSubstr("request within a task"));
}

TEST_F(ReplayTest, GapsDamageAndTornEnds) {
  Record(6);
  const std::string path = "trace/" + disk_.List("trace")->front();
  const Bytes sound = disk_.Content(path);
  Bytes damaged = sound;
  damaged[sound.size() / 2] ^= 1;
  disk_.SetContent(path, damaged);
  ReplayResult result = Replay(Change::kNone);
  EXPECT_EQ(result.stop.reason, Reason::kUnreadable);
  EXPECT_THAT(result.stop.why, AllOf(HasSubstr(path), HasSubstr("offset")));
  EXPECT_GT(result.records, 10u);

  // A torn end hides no difference before it.
  Bytes torn(sound.begin(), sound.begin() + static_cast<ptrdiff_t>(sound.size() / 2));
  disk_.SetContent(path, torn);
  result = Replay(Change::kNone);
  EXPECT_EQ(result.stop.reason, Reason::kEnd);
  EXPECT_GT(result.torn_bytes, 0u);
  EXPECT_EQ(Replay(Change::kOtherPayload).stop.reason, Reason::kDifference);
  disk_.SetContent(path, sound);

  Rewrite([](uint64_t number, TraceRecord& record) {
    if (number != 50) return true;
    record = TraceRecord();
    record.kind = TraceKind::kGap;
    record.number = 3;
    return true;
  });
  result = Replay(Change::kNone);
  EXPECT_EQ(result.stop.reason, Reason::kUnreadable);
  EXPECT_EQ(result.stop.record, 50u);
  EXPECT_THAT(result.stop.why, HasSubstr("3 records were lost"));
}

TEST_F(ReplayTest, RunsOverManyFilesAndRefusesOnesWithoutAStart) {
  Record(7, {.folder = "trace", .file_bytes = 4096, .max_files = 1000});
  EXPECT_GT(disk_.List("trace")->size(), 3u);
  EXPECT_EQ(Replay(Change::kNone).stop.reason, Reason::kEnd);
  // An old run and a new one.
  Record(8, {.folder = "trace", .file_bytes = 4096, .max_files = 1000});
  EXPECT_EQ(Replay(Change::kNone).run, 2u);
  GROAT_ASSERT_OK_AND_ASSIGN(const ReplayResult first,
                             ReplayTrace(disk_, "trace", RegistryOf(Change::kNone), /*run=*/1));
  EXPECT_EQ(first.run, 1u);
  EXPECT_EQ(first.stop.reason, Reason::kEnd);

  Record(9, {.folder = "trace", .file_bytes = 4096, .max_files = 3});
  EXPECT_THAT(ReplayTrace(disk_, "trace", RegistryOf(Change::kNone)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("run 3 begins with continue"), HasSubstr("deleted"))));
  EXPECT_THAT(ReplayTrace(disk_, "trace", RegistryOf(Change::kNone), 1),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("run 1")));
  EXPECT_THAT(ReplayTrace(disk_, "none", RegistryOf(Change::kNone)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
}

TEST_F(ReplayTest, ProtocolsThatCannotBeMade) {
  Record(1);
  EXPECT_THAT(ReplayTrace(disk_, "trace", ProtocolRegistry()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"chatter\" is not known")));
  // One that was refused then is refused now.
  {
    GROAT_ASSERT_OK_AND_ASSIGN(const auto writer, TraceWriter::Open(disk_, {.folder = "trace"}));
    testing::FakeWorld world(1, 1);
    TracedNode node(world.network(0), world.executor(0), *writer);
    EXPECT_THAT(node.Make(RegistryOf(Change::kNone), "chatter", Bytes{1, 2}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want one byte")));
  }
  EXPECT_EQ(Replay(Change::kNone).stop.reason, Reason::kEnd);
}

}  // namespace
}  // namespace groat::p2p
