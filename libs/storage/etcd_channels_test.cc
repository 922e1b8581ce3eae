#include "storage/etcd_channels.h"

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <deque>

#include "base/mutex.h"
#include "base/status_matchers.h"
#include "storage/etcd/rpc.grpc.pb.h"
#include "storage/etcd_register.h"
#include "storage/testing/watch_log.h"

namespace groat::storage {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Answers transactions with prepared statuses, then with success.
class ScriptedStore : public etcdserverpb::KV::Service {
 public:
  grpc::Status Txn(grpc::ServerContext* context, const etcdserverpb::TxnRequest* request,
                   etcdserverpb::TxnResponse* response) override {
    MutexLock lock(mutex_);
    ++calls_;
    requires_leader_ = context->client_metadata().count("hasleader") == 1;
    while (stalled_) changed_.Wait(mutex_);
    if (!answers_.empty()) {
      const grpc::Status answer = answers_.front();
      answers_.pop_front();
      return answer;
    }
    response->set_succeeded(true);
    if (confused_) return grpc::Status::OK;
    for (int i = 0; i < request->success_size(); ++i) response->add_responses();
    return grpc::Status::OK;
  }

  void Answer(std::deque<grpc::Status> answers) {
    MutexLock lock(mutex_);
    answers_ = std::move(answers);
  }
  void SetStalled(bool stalled) {
    MutexLock lock(mutex_);
    stalled_ = stalled;
    changed_.NotifyAll();
  }
  // From now on the answers lack their steps.
  void Confuse() {
    MutexLock lock(mutex_);
    confused_ = true;
  }
  int calls() {
    MutexLock lock(mutex_);
    return calls_;
  }
  bool requires_leader() {
    MutexLock lock(mutex_);
    return requires_leader_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<grpc::Status> answers_ ABSL_GUARDED_BY(mutex_);
  bool stalled_ ABSL_GUARDED_BY(mutex_) = false;
  bool requires_leader_ ABSL_GUARDED_BY(mutex_) = false;
  bool confused_ ABSL_GUARDED_BY(mutex_) = false;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Says which member it is, and who leads.
class ScriptedMaintenance : public etcdserverpb::Maintenance::Service {
 public:
  grpc::Status Status(grpc::ServerContext*, const etcdserverpb::StatusRequest*,
                      etcdserverpb::StatusResponse* response) override {
    response->mutable_header()->set_member_id(member);
    response->set_leader(leader);
    return grpc::Status::OK;
  }
  std::atomic<uint64_t> member = 1;
  std::atomic<uint64_t> leader = 0;
};

// A member with such a store.
class ScriptedMember {
 public:
  ScriptedMember() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&store_);
    builder.RegisterService(&maintenance_);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }
  ~ScriptedMember() { Stop(); }

  void Stop() { server_->Shutdown(std::chrono::system_clock::now()); }
  ScriptedStore* operator->() { return &store_; }
  // Ids are not zero.
  void SetLeader(uint64_t self, uint64_t leader) {
    maintenance_.member = self;
    maintenance_.leader = leader;
  }
  const std::string& address() const { return address_; }

 private:
  ScriptedStore store_;
  ScriptedMaintenance maintenance_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

EtcdOptions OptionsFor(const std::vector<std::string>& endpoints) {
  EtcdOptions options;
  options.endpoints = endpoints;
  options.credentials = grpc::InsecureChannelCredentials();
  options.prefix = "test/";
  // Generous, as a test machine can be slow.
  options.call_timeout = absl::Seconds(60);
  options.try_timeout = absl::Seconds(20);
  options.connect_timeout = absl::Seconds(20);
  return options;
}

std::unique_ptr<EtcdRegister> Connect(const EtcdOptions& options) {
  absl::StatusOr<std::unique_ptr<EtcdRegister>> out = EtcdRegister::Connect(options);
  EXPECT_THAT(out, IsOk());
  return *std::move(out);
}

const Transaction kPutOne = {{{"k", 0}}, {{"k", "1", {}}}, {}};

// A writer that writes much finds the leader, wherever it is, and again when it moves; a member
// that is away does not keep it from that.
TEST(EtcdChannelsTest, BusyWritersMoveToTheLeader) {
  constexpr int kCommits = 256;
  ScriptedMember first, second, away;
  first.SetLeader(1, 2);
  second.SetLeader(2, 2);
  away.Stop();
  const auto reg = Connect(OptionsFor({first.address(), away.address(), second.address()}));
  const auto commit = [&](int count) {
    for (int i = 0; i < count; ++i) ASSERT_THAT(reg->Commit(kPutOne), IsOk());
  };
  commit(kCommits);
  EXPECT_EQ(first->calls(), kCommits);
  commit(1);
  EXPECT_EQ(first->calls(), kCommits);
  EXPECT_EQ(second->calls(), 1);
  first.SetLeader(1, 1);
  second.SetLeader(2, 1);
  commit(kCommits);
  EXPECT_EQ(second->calls(), kCommits);
  EXPECT_EQ(first->calls(), kCommits + 1);
}

TEST(EtcdChannelsTest, RefusesBadOptions) {
  const auto message = [](const EtcdOptions& options) {
    return std::string(EtcdRegister::Connect(options).status().message());
  };
  EtcdOptions options = OptionsFor({});
  EXPECT_THAT(message(options), HasSubstr("no etcd endpoint"));
  options.endpoints = {"http://127.0.0.1:2379"};
  EXPECT_THAT(message(options), HasSubstr("want host:port"));
  options.endpoints = {"localhost"};
  EXPECT_THAT(message(options), HasSubstr("want host:port"));
  options.endpoints = {"127.0.0.1:2379"};
  options.credentials = nullptr;
  EXPECT_THAT(message(options), HasSubstr("no etcd credentials"));
  options.credentials = grpc::InsecureChannelCredentials();
  options.call_timeout = absl::Seconds(1);
  EXPECT_THAT(message(options), HasSubstr("call 1s, try 20s"));
  options.call_timeout = absl::Seconds(60);
  options.prefix = "no-slash";
  EXPECT_THAT(message(options), HasSubstr("\"no-slash\""));
  options.prefix = "";
  EXPECT_THAT(message(options), HasSubstr("ends with '/'"));
}

TEST(EtcdChannelsTest, AsksMembersToRefuseWithoutALeader) {
  ScriptedMember member;
  const auto subject = Connect(OptionsFor({member.address()}));
  GROAT_EXPECT_OK(subject->Commit(kPutOne));
  EXPECT_TRUE(member->requires_leader());
}

// Safety: a commit that may have been applied is not sent again, to whatever endpoint.
TEST(EtcdChannelsTest, NeverRepeatsACommitOfUnknownOutcome) {
  const grpc::Status kUnclear[] = {
      {grpc::StatusCode::UNAVAILABLE, "etcdserver: request timed out"},
      {grpc::StatusCode::UNAVAILABLE,
       "etcdserver: request timed out, possibly due to previous leader failure"},
      {grpc::StatusCode::UNAVAILABLE, "etcdserver: leader changed"},
      {grpc::StatusCode::UNAVAILABLE, "etcdserver: server stopped"},
      {grpc::StatusCode::UNAVAILABLE, "Socket closed"},
      {grpc::StatusCode::UNAVAILABLE, "etcdserver: some error of a later version"},
      {grpc::StatusCode::DATA_LOSS, "etcdserver: corrupt cluster"},
      {grpc::StatusCode::INTERNAL, "stream terminated by RST_STREAM"},
      {grpc::StatusCode::UNKNOWN, "context deadline exceeded"},
      {grpc::StatusCode::CANCELLED, "context canceled"},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, "Received message larger than max"},
      {grpc::StatusCode::DEADLINE_EXCEEDED, "context deadline exceeded"},
  };
  for (const grpc::Status& answer : kUnclear) {
    ScriptedMember first;
    ScriptedMember second;
    first->Answer({answer});
    const auto subject = Connect(OptionsFor({first.address(), second.address()}));
    const absl::StatusOr<CommitResult> result = subject->Commit(kPutOne);
    EXPECT_TRUE(IsOutcomeUnknown(result.status())) << result.status();
    EXPECT_THAT(std::string(result.status().message()),
                AllOf(HasSubstr("outcome unknown"), HasSubstr(first.address())));
    EXPECT_EQ(first->calls(), 1);
    EXPECT_EQ(second->calls(), 0);
    // The next one goes to the other member.
    GROAT_EXPECT_OK(subject->Commit(kPutOne));
    EXPECT_EQ(second->calls(), 1);
  }
}

TEST(EtcdChannelsTest, GoesOnAfterARefusalWithoutEffect) {
  const grpc::Status kRefusals[] = {
      {grpc::StatusCode::UNAVAILABLE, "etcdserver: no leader"},
      {grpc::StatusCode::UNAVAILABLE, "etcdserver: not capable"},
      {grpc::StatusCode::UNAVAILABLE, "etcdserver: unhealthy cluster"},
      {grpc::StatusCode::UNAVAILABLE, "etcdserver: rpc not supported for learner"},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, "etcdserver: too many requests"},
      {grpc::StatusCode::UNKNOWN, "raft proposal dropped"},
  };
  for (const grpc::Status& answer : kRefusals) {
    ScriptedMember first;
    ScriptedMember second;
    first->Answer({answer});
    const auto subject = Connect(OptionsFor({first.address(), second.address()}));
    GROAT_EXPECT_OK(subject->Commit(kPutOne));
    EXPECT_EQ(first->calls(), 1);
    EXPECT_EQ(second->calls(), 1);
  }
}

TEST(EtcdChannelsTest, ReportsFinalRefusalsAtOnce) {
  const struct {
    grpc::Status answer;
    absl::StatusCode code;
  } kCases[] = {
      {{grpc::StatusCode::INVALID_ARGUMENT, "etcdserver: request is too large"},
       absl::StatusCode::kInvalidArgument},
      {{grpc::StatusCode::NOT_FOUND, "etcdserver: requested lease not found"},
       absl::StatusCode::kNotFound},
      {{grpc::StatusCode::RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded"},
       absl::StatusCode::kResourceExhausted},
      {{grpc::StatusCode::PERMISSION_DENIED, "etcdserver: permission denied"},
       absl::StatusCode::kPermissionDenied},
  };
  for (const auto& c : kCases) {
    ScriptedMember first;
    ScriptedMember second;
    first->Answer({c.answer});
    const auto subject = Connect(OptionsFor({first.address(), second.address()}));
    EXPECT_THAT(subject->Commit(kPutOne), StatusIs(c.code, HasSubstr(c.answer.error_message())));
    EXPECT_EQ(second->calls(), 0);
  }
}

TEST(EtcdChannelsTest, RefusalsByAllMembersEndAsUnavailable) {
  ScriptedMember member;
  const grpc::Status no_leader(grpc::StatusCode::UNAVAILABLE, "etcdserver: no leader");
  member->Answer(std::deque<grpc::Status>(1000, no_leader));
  EtcdOptions options = OptionsFor({member.address()});
  options.call_timeout = options.try_timeout = absl::Seconds(4);
  const auto subject = Connect(options);
  EXPECT_THAT(subject->Commit(kPutOne),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no leader")));
  EXPECT_GT(member->calls(), 1);
  EXPECT_LT(member->calls(), 100);  // With pauses.
}

TEST(EtcdChannelsTest, RepeatsReadsOnTheNextMember) {
  ScriptedMember first;
  ScriptedMember second;
  first->Answer({{grpc::StatusCode::UNAVAILABLE, "etcdserver: request timed out"}});
  const auto subject = Connect(OptionsFor({first.address(), second.address()}));
  GROAT_EXPECT_OK(subject->Read("k"));
  EXPECT_EQ(first->calls(), 1);
  EXPECT_EQ(second->calls(), 1);
}

TEST(EtcdChannelsTest, PassesOverAMemberThatIsDown) {
  ScriptedMember down;
  ScriptedMember up;
  down.Stop();
  const auto subject = Connect(OptionsFor({down.address(), up.address()}));
  const absl::Time start = absl::Now();
  for (int i = 0; i < 20; ++i) GROAT_ASSERT_OK(subject->Commit(kPutOne));
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));  // Less than the time to connect.
  EXPECT_EQ(up->calls(), 20);
}

TEST(EtcdChannelsTest, GivesUpAStalledMemberAfterTheTryTimeout) {
  ScriptedMember stalled;
  ScriptedMember up;
  stalled->SetStalled(true);
  EtcdOptions options = OptionsFor({stalled.address(), up.address()});
  options.try_timeout = absl::Milliseconds(200);
  const auto reader = Connect(options);
  GROAT_EXPECT_OK(reader->Read("k"));
  EXPECT_EQ(up->calls(), 1);
  const auto writer = Connect(options);
  EXPECT_TRUE(IsOutcomeUnknown(writer->Commit(kPutOne).status()));
  EXPECT_EQ(up->calls(), 1);
  GROAT_EXPECT_OK(writer->Commit(kPutOne));
  stalled->SetStalled(false);
}

TEST(EtcdChannelsTest, SaysWhyNoMemberCanBeReached) {
  ScriptedMember down;
  down.Stop();
  EtcdOptions options = OptionsFor({down.address()});
  options.call_timeout = options.try_timeout = absl::Milliseconds(300);
  const auto subject = Connect(options);
  const absl::StatusOr<CommitResult> result = subject->Commit(kPutOne);
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kUnavailable,
                               AllOf(HasSubstr(down.address()), HasSubstr("Connection refused"))));
  EXPECT_THAT(subject->Read("k"), StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_THAT(subject->GrantLease(absl::Seconds(5), nullptr),
              StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST(EtcdChannelsTest, ReportsAnAnswerThatDoesNotFit) {
  ScriptedMember member;
  member->Confuse();
  const auto subject = Connect(OptionsFor({member.address()}));
  EXPECT_THAT(subject->Read("k"),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("0 steps, want 2")));
}

// Ending a watch or a lease must not wait for a member that does not answer.
TEST(EtcdChannelsTest, WatchOfAnUnreachableStoreEndsAtOnce) {
  ScriptedMember down;
  down.Stop();
  const auto subject = Connect(OptionsFor({down.address()}));
  testing::WatchLog log;
  const absl::Time start = absl::Now();
  subject->WatchPrefix("", 1, log.Callback()).reset();
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
}

}  // namespace
}  // namespace groat::storage
