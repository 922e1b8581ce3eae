#include "p2p/peer_connection.h"

#include <gmock/gmock.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "sim/node_executor.h"

namespace groat::p2p {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

PeerId Peer(uint8_t number) {
  PeerId peer;
  peer[0] = number;
  return peer;
}

Bytes Frame(const std::vector<Entry>& entries) {
  Bytes frame;
  for (const Entry& entry : entries) AppendEntry(entry, frame);
  return frame;
}

Bytes Control(const ControlMessage& message) {
  const Bytes body = EncodeControl(message);
  return Frame({{ChannelId(0), 0, body}});
}

// The transport's side of one connection.
struct FakeWire {
  ConnectionHandler* handler = nullptr;
  std::vector<Bytes> written;
  std::vector<bool> pauses;
  bool destroyed = false;
};

class FakeConnection final : public Connection {
 public:
  FakeConnection(FakeWire& wire, const PeerId& peer) : wire_(wire), peer_(peer) {}
  ~FakeConnection() override { wire_.destroyed = true; }
  const PeerId& peer() const override { return peer_; }
  void Start(ConnectionHandler& handler) override { wire_.handler = &handler; }
  void Write(Bytes frame) override { wire_.written.push_back(std::move(frame)); }
  void PauseReading(bool paused) override { wire_.pauses.push_back(paused); }

 private:
  FakeWire& wire_;
  const PeerId peer_;
};

// Writes down what it is told, as short words.
class PeerConnectionTest : public ::testing::Test, public ConnectionOwner {
 protected:
  void Make(bool dialled) {
    connection_ = std::make_unique<PeerConnection>(
        *this, executor_, std::make_unique<FakeConnection>(wire_, Peer(1)), dialled);
  }
  void MakeDialled() {
    Make(true);
    HelloMessage hello;
    hello.lane = LaneKind::kBulk;
    connection_->SayHello(hello);
  }
  void MakeAccepted() {
    Make(false);
    connection_->AwaitHello();
  }
  void MakeOpen() {
    MakeDialled();
    connection_->Open(LaneKind::kMain);
    wire_.handler->OnWritten();
    Told();
    wire_.written.clear();
  }
  void Receive(ByteView frame) { wire_.handler->OnFrame(frame); }
  std::vector<std::string> Told() { return std::exchange(told_, {}); }
  std::string Written(size_t index) { return ToHex(wire_.written.at(index)); }

  void OnHello(PeerConnection& connection, const HelloMessage& hello) override {
    Tell(connection, absl::StrCat("hello ", hello.incarnation));
  }
  void OnWelcome(PeerConnection& connection, const WelcomeMessage& welcome) override {
    Tell(connection, absl::StrCat("welcome ", welcome.incarnation));
  }
  void OnRefusal(PeerConnection& connection, const RefusalMessage& refusal) override {
    Tell(connection, absl::StrCat("refusal ", static_cast<int>(refusal.reason)));
  }
  void OnEntry(PeerConnection& connection, const Entry& entry) override {
    Tell(connection, absl::StrCat("entry ", entry.channel.value(), ":", ToString(entry.body)));
  }
  void OnFrameEnd(PeerConnection& connection, size_t frame_bytes) override {
    Tell(connection, absl::StrCat("end of ", frame_bytes));
  }
  void OnWritable(PeerConnection& connection) override { Tell(connection, "writable"); }
  void OnEnded(PeerConnection& connection, Closure closure, const absl::Status& why) override {
    EXPECT_FALSE(why.ok());
    EXPECT_EQ(connection.stage(), PeerConnection::Stage::kClosed);
    EXPECT_TRUE(wire_.destroyed);
    Tell(connection, absl::StrCat("ended ", ClosureName(closure)));
  }
  void Tell(PeerConnection& connection, std::string what) {
    EXPECT_EQ(&connection, connection_.get());
    told_.push_back(what);
    if (what == react_to_) reaction_();
  }

  sim::Scheduler scheduler_;
  sim::NodeExecutor executor_{scheduler_, 1};
  FakeWire wire_;
  std::unique_ptr<PeerConnection> connection_;
  std::vector<std::string> told_;
  std::string react_to_;
  std::function<void()> reaction_;
};

TEST_F(PeerConnectionTest, TheDiallerSaysHelloAndIsWelcomed) {
  MakeDialled();
  EXPECT_EQ(connection_->peer(), Peer(1));
  EXPECT_TRUE(connection_->dialled());
  EXPECT_EQ(connection_->lane(), LaneKind::kBulk);
  EXPECT_EQ(Written(0).substr(0, 20),
            "00000000000"
            "04b010101");
  EXPECT_FALSE(connection_->writable());
  wire_.handler->OnWritten();
  EXPECT_FALSE(connection_->writable());  // Not before it is open.
  EXPECT_THAT(Told(), IsEmpty());
  Receive(Control(WelcomeMessage{.incarnation = 7}));
  EXPECT_THAT(Told(), ElementsAre("welcome 7"));
  connection_->Open(LaneKind::kBulk);
  EXPECT_TRUE(connection_->writable());
}

TEST_F(PeerConnectionTest, AWelcomeMayComeBeforeTheHelloHasLeft) {
  MakeDialled();
  react_to_ = "welcome 7";
  reaction_ = [&] { connection_->Open(LaneKind::kBulk); };
  Receive(Control(WelcomeMessage{.incarnation = 7}));
  EXPECT_FALSE(connection_->writable());
  wire_.handler->OnWritten();
  EXPECT_THAT(Told(), ElementsAre("welcome 7", "writable"));
  EXPECT_TRUE(connection_->writable());
}

TEST_F(PeerConnectionTest, TheOtherSideAnswersAHello) {
  MakeAccepted();
  EXPECT_THAT(wire_.written, IsEmpty());
  HelloMessage hello;
  hello.incarnation = 5;
  Receive(Control(hello));
  EXPECT_THAT(Told(), ElementsAre("hello 5"));
  connection_->Welcome({.incarnation = 6});
  connection_->Open(LaneKind::kMain);
  EXPECT_EQ(Written(0),
            "00000000000"
            "00a"
            "02010000000000000006");
  EXPECT_FALSE(connection_->writable());
  wire_.handler->OnWritten();
  EXPECT_THAT(Told(), ElementsAre("writable"));
}

TEST_F(PeerConnectionTest, ARepeatedHelloSaysNothingNew) {
  MakeAccepted();
  Receive(Control(HelloMessage()));
  Receive(Control(HelloMessage()));
  EXPECT_THAT(Told(), ElementsAre("hello 0"));
}

TEST_F(PeerConnectionTest, ARefusalIsSentBeforeTheEnd) {
  MakeAccepted();
  Receive(Control(HelloMessage()));
  Told();
  connection_->Refuse(RefusalReason::kNamespace);
  EXPECT_TRUE(connection_->refusing());
  EXPECT_EQ(Written(0),
            "00000000000"
            "002"
            "0302");
  EXPECT_FALSE(wire_.destroyed);
  Receive(Control(HelloMessage()));  // Not heard any more, whatever it is.
  Receive(Bytes{1});
  EXPECT_THAT(Told(), IsEmpty());
  wire_.handler->OnWritten();
  EXPECT_THAT(Told(), ElementsAre("ended refused"));
}

TEST_F(PeerConnectionTest, TheDiallerLearnsOfARefusal) {
  MakeDialled();
  Receive(Control(RefusalMessage{RefusalReason::kDuplicate}));
  EXPECT_THAT(Told(), ElementsAre("refusal 6"));
}

TEST_F(PeerConnectionTest, WhatIsNoGreetingEndsIt) {
  const Bytes hello = EncodeControl(HelloMessage());
  Bytes two = Control(HelloMessage());
  AppendEntry({ChannelId(0), 0, hello}, two);
  Bytes longer = Control(HelloMessage());
  longer.push_back(0);
  const struct {
    const char* name;
    Bytes frame;
  } kCases[] = {
      {"empty frame", {}},
      {"cut header", {0, 0, 0}},
      {"two entries", two},
      {"a byte behind", longer},
      {"another channel", Frame({{ChannelId(1), 0, hello}})},
      {"compressed", Frame({{ChannelId(0), kCompressedFlag, hello}})},
      {"a piece", Frame({{ChannelId(0), kMoreFollowsFlag, hello}})},
      {"unknown kind", Frame({{ChannelId(0), 0, AsBytes("\x09")}})},
      {"cut hello", Frame({{ChannelId(0), 0, ByteView(hello).first(hello.size() - 1)}})},
      {"empty entry", Frame({{ChannelId(0), 0, {}}})},
      {"ping", Control(PingMessage{1})},
      {"pong", Control(PongMessage{1})},
      {"records", Control(RecordsMessage{})},
      {"known", Control(KnownMessage{})},
      {"open bulk", Control(OpenBulkMessage{})},
  };
  for (const bool dialled : {false, true}) {
    for (const auto& c : kCases) {
      SCOPED_TRACE(c.name);
      wire_ = {};
      if (dialled) {
        MakeDialled();
      } else {
        MakeAccepted();
      }
      Receive(c.frame);
      EXPECT_THAT(Told(), ElementsAre("ended bad_hello"));
    }
  }
}

TEST_F(PeerConnectionTest, GreetingsOfTheOtherRoleEndIt) {
  for (const Bytes& frame :
       {Control(WelcomeMessage()), Control(RefusalMessage{RefusalReason::kVersion})}) {
    wire_ = {};
    MakeAccepted();
    Receive(frame);
    EXPECT_THAT(Told(), ElementsAre("ended bad_hello"));
  }
  wire_ = {};
  MakeDialled();
  Receive(Control(HelloMessage()));
  EXPECT_THAT(Told(), ElementsAre("ended bad_hello"));
}

TEST_F(PeerConnectionTest, GivesTheEntriesOfAFrame) {
  MakeOpen();
  const Bytes frame = Frame({{ChannelId(0), 0, AsBytes("c")}, {ChannelId(5), 0, AsBytes("m")}});
  Receive(frame);
  EXPECT_THAT(Told(), ElementsAre("entry 0:c", "entry 5:m", "end of 16"));
}

TEST_F(PeerConnectionTest, AMalformedFrameEndsIt) {
  MakeOpen();
  Bytes frame = Frame({{ChannelId(5), 0, AsBytes("m")}});
  frame.push_back(1);
  Receive(frame);
  EXPECT_THAT(Told(), ElementsAre("entry 5:m", "ended malformed_frame", "end of 9"));
}

TEST_F(PeerConnectionTest, TheOwnerMayCloseItAtAnEntry) {
  MakeOpen();
  react_to_ = "entry 5:m";
  reaction_ = [&] { connection_->Close(); };
  Bytes frame = Frame({{ChannelId(5), 0, AsBytes("m")}, {ChannelId(6), 0, AsBytes("n")}});
  frame.push_back(1);
  Receive(frame);
  EXPECT_THAT(Told(), ElementsAre("entry 5:m", "end of 17"));
  EXPECT_TRUE(wire_.destroyed);
}

TEST_F(PeerConnectionTest, TheOwnerMayCloseItAtEveryGreeting) {
  const struct {
    bool dialled;
    Bytes frame;
    const char* told;
  } kCases[] = {
      {false, Control(HelloMessage()), "hello 0"},
      {true, Control(WelcomeMessage()), "welcome 0"},
      {true, Control(RefusalMessage{RefusalReason::kVersion}), "refusal 1"},
  };
  reaction_ = [&] { connection_->Close(); };
  for (const auto& c : kCases) {
    wire_ = {};
    if (c.dialled) {
      MakeDialled();
    } else {
      MakeAccepted();
    }
    react_to_ = c.told;
    Receive(c.frame);
    EXPECT_THAT(Told(), ElementsAre(c.told));
    EXPECT_TRUE(wire_.destroyed);
    EXPECT_EQ(connection_->stage(), PeerConnection::Stage::kClosed);
  }
}

TEST_F(PeerConnectionTest, WritesOneFrameAtATime) {
  MakeOpen();
  connection_->Write({1, 2, 3});
  EXPECT_FALSE(connection_->writable());
  EXPECT_EQ(Written(0), "010203");
  EXPECT_DEATH(connection_->Write({4}), "writable");
  react_to_ = "writable";
  reaction_ = [&] {
    if (wire_.written.size() < 3) connection_->Write({5});
  };
  wire_.handler->OnWritten();
  EXPECT_EQ(Written(1), "05");
  EXPECT_FALSE(connection_->writable());
}

TEST_F(PeerConnectionTest, TheTransportsEndIsTold) {
  MakeOpen();
  wire_.handler->OnClosed(absl::UnavailableError("gone"));
  EXPECT_THAT(Told(), ElementsAre("ended broken"));
  connection_->PauseReading(true);  // Nothing is left to pause.
  EXPECT_THAT(wire_.pauses, IsEmpty());
}

TEST_F(PeerConnectionTest, RemembersWhenItHeardTheLast) {
  scheduler_.RunFor(1s);
  MakeOpen();
  EXPECT_EQ(connection_->last_received(), Instant(1s));
  scheduler_.RunFor(1s);
  Receive(Control(PingMessage()));
  EXPECT_EQ(connection_->last_received(), Instant(2s));
  scheduler_.RunFor(1s);
  connection_->PauseReading(true);
  connection_->PauseReading(true);
  EXPECT_TRUE(connection_->paused());
  scheduler_.RunFor(1s);
  connection_->PauseReading(false);  // Silence counts from here.
  EXPECT_EQ(connection_->last_received(), Instant(4s));
  EXPECT_THAT(wire_.pauses, ElementsAre(true, false));
}

}  // namespace
}  // namespace groat::p2p
