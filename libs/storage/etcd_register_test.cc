// What the register promises while members of a real cluster fail.
#include "storage/etcd_register.h"

#include <gmock/gmock.h>

#include <grpcpp/create_channel.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/status_matchers.h"
#include "storage/etcd/rpc.grpc.pb.h"
#include "storage/testing/append_history.h"
#include "storage/testing/append_workload.h"
#include "storage/testing/etcd_cluster.h"
#include "storage/testing/watch_log.h"

namespace groat::storage::testing {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using ::testing::_;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::unique_ptr<EtcdCluster> StartCluster(const EtcdClusterOptions& options) {
  absl::StatusOr<std::unique_ptr<EtcdCluster>> cluster = EtcdCluster::Start(options);
  EXPECT_THAT(cluster, IsOk());
  return cluster.ok() ? *std::move(cluster) : nullptr;
}

std::unique_ptr<EtcdRegister> Connect(const EtcdOptions& options) {
  absl::StatusOr<std::unique_ptr<EtcdRegister>> out = EtcdRegister::Connect(options);
  EXPECT_THAT(out, IsOk());
  return out.ok() ? *std::move(out) : nullptr;
}

// The cluster's client, asking the member `first` before the others.
EtcdOptions Preferring(const EtcdCluster& cluster, size_t first) {
  EtcdOptions options = cluster.ClientOptions("test/");
  std::rotate(options.endpoints.begin(),
              options.endpoints.begin() + static_cast<std::ptrdiff_t>(first),
              options.endpoints.end());
  return options;
}

EtcdOptions Only(const EtcdCluster& cluster, size_t member) {
  EtcdOptions options = cluster.ClientOptions("test/");
  options.endpoints = {cluster.endpoint(member)};
  return options;
}

// Puts by the rule for unknown outcomes: repeated with the same comparison until it is known.
// Unavailable after 60 s.
absl::StatusOr<int64_t> PutSurely(Register& target, const std::string& key,
                                  const std::string& value) {
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (absl::Now() < deadline) {
    const absl::StatusOr<std::optional<KeyValue>> before = target.Read(key);
    if (!before.ok()) continue;
    const KeyValue old = before->value_or(KeyValue{});
    if (before->has_value() && old.value == value) return old.mod_revision;
    const auto result = target.Commit({{{key, old.mod_revision}}, {{key, value, {}}}, {}});
    if (result.ok() && result->committed) return result->revision;
  }
  return absl::UnavailableError("no put succeeded in 60 s");
}

TEST(EtcdRegisterTest, GoesOnWithoutAFollower) {
  const auto cluster = StartCluster({.members = 3});
  GROAT_ASSERT_OK_AND_ASSIGN(const size_t leader, cluster->WaitForLeader());
  const size_t follower = (leader + 1) % 3;
  const auto subject = Connect(Preferring(*cluster, follower));
  GROAT_ASSERT_OK(PutSurely(*subject, "k", "before"));
  cluster->Kill(follower);
  GROAT_ASSERT_OK(PutSurely(*subject, "k", "after"));
  // The failed endpoint costs nothing any more.
  for (int i = 0; i < 20; ++i) {
    GROAT_ASSERT_OK(subject->Commit({{}, {{"n", std::to_string(i), {}}}, {}}));
  }
}

// Safety and liveness: members are killed and started again under load, the leader among them.
TEST(EtcdRegisterTest, HistoryIsLinearizableWhileMembersDie) {
  const auto cluster = StartCluster({.members = 3});
  std::vector<std::unique_ptr<EtcdRegister>> clients;
  std::vector<Register*> registers;
  for (size_t i = 0; i < 3; ++i) {
    clients.push_back(Connect(Preferring(*cluster, i)));
    registers.push_back(clients.back().get());
  }
  constexpr int kClients = 6;
  constexpr int kAppends = 40;
  std::atomic<int> progress = 0;
  AppendHistory history;
  std::thread workload([&] {
    RunAppendWorkload(registers,
                      {.clients = kClients,
                       .appends = kAppends,
                       .on_progress = [&](int count) { progress = count; }},
                      history);
    progress = kClients * kAppends;
  });
  for (int round = 1; round <= 3; ++round) {
    while (progress < round * kClients * kAppends / 4) std::this_thread::yield();
    const absl::StatusOr<size_t> leader = cluster->WaitForLeader();
    EXPECT_THAT(leader, IsOk());
    if (!leader.ok()) break;
    cluster->Kill(*leader);
    EXPECT_THAT(cluster->WaitForLeader(), IsOk());
    EXPECT_THAT(cluster->Restart(*leader), IsOk());
  }
  workload.join();
  EXPECT_EQ(history.FindViolation(), std::nullopt);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto list, registers[0]->Read("list"));
  // Most appends are known to have succeeded in spite of three elections.
  EXPECT_GT(DecodeNumbers(list->value).size(), size_t{kClients * kAppends / 2});
}

// Safety: a leader that was paused and replaced must not answer from its past.
TEST(EtcdRegisterTest, PausedLeaderServesNoStaleLinearizableRead) {
  const auto cluster = StartCluster({.members = 3});
  for (int round = 1; round <= 3; ++round) {
    GROAT_ASSERT_OK_AND_ASSIGN(const size_t leader, cluster->WaitForLeader());
    EtcdOptions patient = Only(*cluster, leader);
    patient.call_timeout = patient.try_timeout = absl::Seconds(20);
    const auto of_old_leader = Connect(patient);
    const auto of_others = Connect(Preferring(*cluster, (leader + 1) % 3));
    const std::string value = std::to_string(round);
    GROAT_ASSERT_OK(PutSurely(*of_old_leader, "k", "before " + value));

    cluster->Pause(leader);
    GROAT_ASSERT_OK(cluster->WaitForLeader());
    GROAT_ASSERT_OK(PutSurely(*of_others, "k", value));
    // Reads that wait in the paused leader's socket are the first thing that it sees.
    std::vector<std::thread> readers;
    std::atomic<int> answered = 0;
    for (int i = 0; i < 4; ++i) {
      readers.emplace_back([&] {
        const auto item = of_old_leader->Read("k");
        if (!item.ok()) return;  // No answer is allowed, an old one is not.
        ++answered;
        EXPECT_TRUE(item->has_value());
        EXPECT_EQ((*item)->value, value);
      });
    }
    cluster->Resume(leader);
    for (std::thread& reader : readers) reader.join();
    EXPECT_GT(answered, 0);
    GROAT_EXPECT_OK(of_old_leader->ReadRange(KeyRange::Single("k"), 0, Consistency::kStale));
  }
}

TEST(EtcdRegisterTest, StaleReadsNeedNoQuorum) {
  const auto cluster = StartCluster({.members = 3});
  EtcdOptions options = Only(*cluster, 0);
  options.call_timeout = options.try_timeout = absl::Seconds(2);
  const auto subject = Connect(options);
  GROAT_ASSERT_OK(PutSurely(*subject, "k", "1"));
  cluster->Kill(1);
  cluster->Kill(2);
  EXPECT_THAT(subject->Read("k"), StatusIs(absl::StatusCode::kUnavailable, _));
  GROAT_ASSERT_OK_AND_ASSIGN(const RangeResult stale,
                             subject->ReadRange(KeyRange::Single("k"), 0, Consistency::kStale));
  EXPECT_THAT(stale.items, SizeIs(1));
}

// A commit whose answer was lost: the same comparison again finds out what became of it.
TEST(EtcdRegisterTest, UnknownOutcomeIsSettledByTheSameComparison) {
  const auto cluster = StartCluster({});
  EtcdOptions impatient = Only(*cluster, 0);
  impatient.try_timeout = absl::Milliseconds(200);
  const auto subject = Connect(impatient);
  GROAT_ASSERT_OK(PutSurely(*subject, "warm", "1"));
  cluster->Pause(0);
  const Transaction transaction = {{{"k", 0}}, {{"k", "1", {}}}, {}};
  EXPECT_TRUE(IsOutcomeUnknown(subject->Commit(transaction).status()));
  cluster->Resume(0);
  const auto patient = Connect(Only(*cluster, 0));
  GROAT_ASSERT_OK_AND_ASSIGN(const CommitResult again, patient->Commit(transaction));
  if (!again.committed) {
    ASSERT_THAT(again.current, SizeIs(1));
    EXPECT_EQ(again.current[0].value, "1");
  }
  // Whichever of the two came first, it happened once.
  GROAT_ASSERT_OK_AND_ASSIGN(const auto item, patient->Read("k"));
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->create_revision, item->mod_revision);
}

TEST(EtcdRegisterTest, WatchGoesOnAcrossMembers) {
  const auto cluster = StartCluster({.members = 3});
  GROAT_ASSERT_OK_AND_ASSIGN(const size_t leader, cluster->WaitForLeader());
  const auto writer = Connect(Preferring(*cluster, leader));
  const size_t watched = (leader + 1) % 3;
  const auto watcher = Connect(Preferring(*cluster, watched));
  constexpr int kRounds = 3;
  constexpr int kPuts = 10;
  std::vector<int64_t> revisions;
  WatchLog log;
  const auto watch = watcher->WatchPrefix("block/", 1, log.Callback());
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kPuts; ++i) {
      const std::string key = "block/" + std::to_string(round * kPuts + i);
      GROAT_ASSERT_OK_AND_ASSIGN(const int64_t revision, PutSurely(*writer, key, "v"));
      revisions.push_back(revision);
    }
    EXPECT_THAT(log.WaitForEvents(revisions.size()), SizeIs(revisions.size()));
    if (round == 0) cluster->Kill(watched);
    if (round == 1) {
      GROAT_ASSERT_OK(cluster->Restart(watched));
      cluster->Kill(leader);
    }
  }
  std::vector<int64_t> seen;
  for (const WatchEvent& event : log.WaitForEvents(revisions.size())) {
    seen.push_back(event.item.mod_revision);
  }
  EXPECT_EQ(seen, revisions);
}

TEST(EtcdRegisterTest, LeaseIsLostInTimeWhenTheStoreIsGone) {
  const auto cluster = StartCluster({});
  const auto subject = Connect(Only(*cluster, 0));
  const absl::Time start = absl::Now();
  std::unique_ptr<Lease> lease;
  Signal assigned;
  Signal lost;
  absl::StatusOr<std::unique_ptr<Lease>> granted = subject->GrantLease(absl::Seconds(2), [&] {
    assigned.Wait();
    EXPECT_TRUE(lease->lost());
    lease.reset();  // Allowed in the callback.
    lost.Raise();
  });
  GROAT_ASSERT_OK(granted);
  lease = *std::move(granted);
  assigned.Raise();
  cluster->Kill(0);
  EXPECT_TRUE(lost.Wait());
  EXPECT_GT(absl::Now() - start, absl::Seconds(1));
  EXPECT_LT(absl::Now() - start, absl::Seconds(8));
}

TEST(EtcdRegisterTest, LeaseThatAnotherEndedIsLost) {
  const auto cluster = StartCluster({});
  const auto subject = Connect(Only(*cluster, 0));
  Signal lost;
  GROAT_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Lease> lease,
                             subject->GrantLease(absl::Seconds(3), [&] { lost.Raise(); }));
  // The member was down for longer than a time to live, but the lease is kept alive again.
  cluster->Kill(0);
  GROAT_ASSERT_OK(cluster->Restart(0));
  EXPECT_FALSE(lease->lost());
  const auto channel = grpc::CreateChannel(cluster->endpoint(0), cluster->credentials());
  grpc::ClientContext context;
  etcdserverpb::LeaseRevokeRequest request;
  request.set_id(lease->id().value());
  etcdserverpb::LeaseRevokeResponse response;
  ASSERT_TRUE(
      etcdserverpb::Lease::NewStub(channel)->LeaseRevoke(&context, request, &response).ok());
  EXPECT_TRUE(lost.Wait());
  EXPECT_TRUE(lease->lost());
}

TEST(EtcdRegisterTest, PrefixesKeepRegistersApart) {
  const auto cluster = StartCluster({});
  const auto first = Connect(cluster->ClientOptions("a/"));
  const auto second = Connect(cluster->ClientOptions("b/"));
  GROAT_ASSERT_OK(first->Commit({{{"k", 0}}, {{"k", "1", {}}}, {}}));
  GROAT_ASSERT_OK(second->Commit({{{"k", 0}}, {{"k", "2", {}}}, {}}));
  GROAT_ASSERT_OK(second->Commit({{}, {}, {KeyRange::Prefix("")}}));
  GROAT_ASSERT_OK_AND_ASSIGN(const RangeResult all, first->ReadRange(KeyRange::Prefix("")));
  ASSERT_THAT(all.items, SizeIs(1));
  EXPECT_EQ(all.items[0].value, "1");
}

// Reads that wait share one write.
TEST(EtcdRegisterTest, ConcurrentLinearizableReadsShareTheirFence) {
  const auto cluster = StartCluster({});
  const auto subject = Connect(Only(*cluster, 0));
  GROAT_ASSERT_OK_AND_ASSIGN(const int64_t before, PutSurely(*subject, "k", "1"));
  constexpr int kThreads = 16;
  constexpr int kReads = 20;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kReads; ++i) {
        const auto item = subject->Read("k");
        ASSERT_TRUE(item.ok()) << item.status();
        EXPECT_EQ((*item)->value, "1");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  GROAT_ASSERT_OK_AND_ASSIGN(const int64_t after, PutSurely(*subject, "k", "2"));
  EXPECT_LT(after - before, kThreads * kReads / 2);
}

class EtcdTlsTest : public ::testing::TestWithParam<CertificateKeyKind> {};
INSTANTIATE_TEST_SUITE_P(KeyKinds, EtcdTlsTest,
                         ::testing::Values(CertificateKeyKind::kP256,
                                           CertificateKeyKind::kEd25519));

TEST_P(EtcdTlsTest, BothSidesNeedCertificates) {
  const auto cluster = StartCluster({.members = 3, .tls = true, .key_kind = GetParam()});
  const auto subject = Connect(cluster->ClientOptions("test/"));
  GROAT_ASSERT_OK(PutSurely(*subject, "k", "1"));

  EtcdOptions plain = Only(*cluster, 0);
  plain.credentials = grpc::InsecureChannelCredentials();
  plain.call_timeout = plain.try_timeout = absl::Seconds(1);
  EXPECT_THAT(Connect(plain)->Read("k"), StatusIs(absl::StatusCode::kUnavailable, _));

  // A client of another CA neither trusts the members nor is trusted.
  const TestCertificates foreign = MakeTestCertificates(GetParam());
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = foreign.ca;
  ssl.pem_cert_chain = foreign.certificate;
  ssl.pem_private_key = foreign.key;
  EtcdOptions stranger = plain;
  stranger.credentials = grpc::SslCredentials(ssl);
  EXPECT_THAT(Connect(stranger)->Read("k"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("certificate verify failed")));

  // The members ask for a certificate.
  grpc::SslCredentialsOptions anonymous;
  anonymous.pem_root_certs = cluster->certificates().ca;
  EtcdOptions nobody = plain;
  nobody.credentials = grpc::SslCredentials(anonymous);
  EXPECT_THAT(Connect(nobody)->Read("k"), StatusIs(absl::StatusCode::kUnavailable, _));
}

}  // namespace
}  // namespace groat::storage::testing
