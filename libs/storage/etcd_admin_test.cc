#include "storage/etcd_admin.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "base/status_matchers.h"
#include "crypto/sha256.h"
#include "storage/etcd_register.h"
#include "storage/etcd_snapshot_file.h"
#include "storage/testing/etcd_cluster.h"

namespace groat::storage::testing {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::unique_ptr<EtcdCluster> StartCluster(const EtcdClusterOptions& options) {
  absl::StatusOr<std::unique_ptr<EtcdCluster>> cluster = EtcdCluster::Start(options);
  EXPECT_THAT(cluster, IsOk());
  return cluster.ok() ? *std::move(cluster) : nullptr;
}

std::unique_ptr<EtcdAdmin> Connect(const EtcdCluster& cluster) {
  absl::StatusOr<std::unique_ptr<EtcdAdmin>> admin =
      EtcdAdmin::Connect(cluster.ClientOptions("test/"));
  EXPECT_THAT(admin, IsOk());
  return admin.ok() ? *std::move(admin) : nullptr;
}

std::string ReadFile(const std::string& path) {
  std::stringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(std::filesystem::temp_directory_path() / "groat-admin-XXXXXX") {
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

TEST(EtcdVersionWarningTest, WarnsBelow3512) {
  for (const char* good : {"3.5.12", "3.5.13", "3.6.0", "3.10.0", "4.0.0", "3.6.0-rc.1"}) {
    EXPECT_EQ(EtcdVersionWarning(good), std::nullopt) << good;
  }
  for (const char* old : {"3.4.23", "3.5.11", "3.5.0", "2.3.8", "3.5.12-rc.0"}) {
    EXPECT_THAT(EtcdVersionWarning(old), ::testing::Optional(HasSubstr(old))) << old;
  }
  for (const char* odd : {"", "3.5", "3.5.12.1", "3.x.1", "v3.5.12"}) {
    EXPECT_THAT(EtcdVersionWarning(odd), ::testing::Optional(HasSubstr("not understood"))) << odd;
  }
}

TEST(EtcdAdminTest, ShowsMembersAndTheirState) {
  const auto cluster = StartCluster({.members = 3, .tls = true});
  const auto admin = Connect(*cluster);
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<EtcdMember> members,
                             admin->Members(Consistency::kLinearizable));
  ASSERT_THAT(members, SizeIs(3));
  GROAT_ASSERT_OK_AND_ASSIGN(const size_t leader, cluster->WaitForLeader());
  GROAT_ASSERT_OK_AND_ASSIGN(const EtcdMemberStatus leading, admin->MemberStatus(leader));
  for (size_t i = 0; i < 3; ++i) {
    GROAT_ASSERT_OK_AND_ASSIGN(const EtcdMemberStatus status, admin->MemberStatus(i));
    EXPECT_EQ(status.leader, leading.id);
    EXPECT_EQ(status.raft_term, leading.raft_term);
    EXPECT_GT(status.raft_applied_index, 0u);
    EXPECT_GE(status.raft_index, status.raft_applied_index);
    EXPECT_GT(status.db_size_bytes, 0);
    EXPECT_GT(status.db_size_in_use_bytes, 0);
    EXPECT_GE(status.revision, 1);
    EXPECT_FALSE(status.is_learner);
    EXPECT_THAT(status.errors, IsEmpty());
    EXPECT_THAT(status.version, ::testing::StartsWith("3."));
    const auto member = std::find_if(members.begin(), members.end(),
                                     [&](const EtcdMember& m) { return m.id == status.id; });
    ASSERT_NE(member, members.end());
    EXPECT_EQ(member->name, "m" + std::to_string(i));
    EXPECT_THAT(member->client_urls, ElementsAre("https://" + cluster->endpoint(i)));
    EXPECT_THAT(member->peer_urls, SizeIs(1));
    EXPECT_FALSE(member->is_learner);
  }
  EXPECT_THAT(admin->Alarms(), IsOk());

  cluster->Kill(leader);
  EXPECT_THAT(admin->MemberStatus(leader), StatusIs(absl::StatusCode::kUnavailable, _));
  cluster->Kill((leader + 1) % 3);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto known, admin->Members(Consistency::kStale));
  EXPECT_THAT(known, SizeIs(3));
}

TEST(EtcdAdminTest, LeadershipMoves) {
  const auto cluster = StartCluster({.members = 3});
  const auto admin = Connect(*cluster);
  GROAT_ASSERT_OK_AND_ASSIGN(const size_t leader, cluster->WaitForLeader());
  const size_t successor = (leader + 1) % 3;
  GROAT_ASSERT_OK_AND_ASSIGN(const EtcdMemberStatus status, admin->MemberStatus(successor));
  GROAT_ASSERT_OK(admin->MoveLeader(status.id));
  EXPECT_EQ(*cluster->WaitForLeader(), successor);
  GROAT_EXPECT_OK(admin->MoveLeader(status.id));
  EXPECT_FALSE(admin->MoveLeader(EtcdMemberId(1)).ok());

  // Without the leader's endpoint it says so.
  EtcdOptions blind = cluster->ClientOptions("test/");
  blind.endpoints = {cluster->endpoint(leader)};
  GROAT_ASSERT_OK_AND_ASSIGN(const auto blind_admin, EtcdAdmin::Connect(blind));
  EXPECT_THAT(blind_admin->MoveLeader(status.id),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("none of 1")));
}

// What a call answers once the cluster is settled: one that has just grown to two voting members
// may be without a leader for a while, and then nobody answers. For calls that may be repeated.
template <typename Call>
absl::Status AnswerOf(Call call) {
  absl::Status answer = call();
  for (const absl::Time deadline = absl::Now() + absl::Seconds(30);
       (absl::IsUnavailable(answer) || IsOutcomeUnknown(answer)) && absl::Now() < deadline;) {
    answer = call();
  }
  return answer;
}

TEST(EtcdAdminTest, LearnerIsAddedPromotedAndRemoved) {
  const auto cluster = StartCluster({.members = 1});
  GROAT_ASSERT_OK_AND_ASSIGN(const size_t number, cluster->AddLearner());
  const auto admin = Connect(*cluster);
  GROAT_ASSERT_OK_AND_ASSIGN(const EtcdMemberStatus learner, admin->MemberStatus(number));
  EXPECT_TRUE(learner.is_learner);
  // It asks the learner first, which refuses, and goes on to the voting member.
  EtcdOptions options = cluster->ClientOptions("test/");
  std::reverse(options.endpoints.begin(), options.endpoints.end());
  GROAT_ASSERT_OK_AND_ASSIGN(const auto client, EtcdRegister::Connect(options));
  GROAT_ASSERT_OK(client->Commit({{{"k", 0}}, {{"k", "1", {}}}, {}}));

  EXPECT_THAT(admin->AddLearner("http://127.0.0.1:1"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("too many learner")));
  // It is refused until the learner has caught up.
  absl::Status promoted = admin->Promote(learner.id);
  for (const absl::Time deadline = absl::Now() + absl::Seconds(30);
       absl::IsFailedPrecondition(promoted) && absl::Now() < deadline;) {
    promoted = admin->Promote(learner.id);
  }
  GROAT_ASSERT_OK(promoted);
  EXPECT_THAT(AnswerOf([&] { return admin->Promote(learner.id); }),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("learner")));
  GROAT_ASSERT_OK(cluster->WaitForLeader());

  EXPECT_THAT(AnswerOf([&] { return admin->Remove(EtcdMemberId(12345)); }),
              StatusIs(absl::StatusCode::kNotFound, _));
  EXPECT_THAT(AnswerOf([&] { return admin->Promote(EtcdMemberId(12345)); }),
              StatusIs(absl::StatusCode::kNotFound, _));
  // etcd refuses it until the members have been connected for 5 s. Its own departure may cut the
  // answer off; the list tells.
  absl::Status removed = admin->Remove(learner.id);
  for (const absl::Time deadline = absl::Now() + absl::Seconds(30);
       absl::IsUnavailable(removed) && absl::Now() < deadline;) {
    removed = admin->Remove(learner.id);
  }
  EXPECT_TRUE(removed.ok() || IsOutcomeUnknown(removed)) << removed;
  // The remaining member, which may apply the removal a little later.
  EtcdOptions remaining = cluster->ClientOptions("test/");
  remaining.endpoints = {cluster->endpoint(0)};
  GROAT_ASSERT_OK_AND_ASSIGN(const auto remaining_admin, EtcdAdmin::Connect(remaining));
  size_t count = 0;
  for (const absl::Time deadline = absl::Now() + absl::Seconds(30);
       count != 1 && absl::Now() < deadline;) {
    const auto members = remaining_admin->Members(Consistency::kLinearizable);
    if (members.ok()) count = members->size();
  }
  EXPECT_EQ(count, 1u);
}

TEST(EtcdAdminTest, SavesACheckedSnapshot) {
  const auto cluster = StartCluster({});
  const auto admin = Connect(*cluster);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto client,
                             EtcdRegister::Connect(cluster->ClientOptions("test/")));
  GROAT_ASSERT_OK(client->Commit({{}, {{"needle", "in the snapshot", {}}}, {}}));
  const TemporaryFolder folder;
  const std::string path = folder.File("snapshot.db");
  GROAT_ASSERT_OK_AND_ASSIGN(const int64_t size, admin->SaveSnapshot(0, path, absl::Seconds(20)));
  const std::string content = ReadFile(path);
  ASSERT_EQ(static_cast<int64_t>(content.size()), size);
  ASSERT_EQ(content.size() % 512, 32u);  // Pages and the digest, as etcd's restore wants it.
  EXPECT_THAT(content, HasSubstr("in the snapshot"));
  const ByteView database = AsBytes(content).first(content.size() - 32);
  EXPECT_EQ(ToString(Sha256(database)), content.substr(content.size() - 32));
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));

  EXPECT_THAT(admin->SaveSnapshot(0, folder.File("missing/s.db"), absl::Seconds(5)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing/s.db")));
  cluster->Kill(0);
  EXPECT_THAT(admin->SaveSnapshot(0, folder.File("none.db"), absl::Seconds(5)),
              StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_FALSE(std::filesystem::exists(folder.File("none.db")));
  EXPECT_FALSE(std::filesystem::exists(folder.File("none.db.partial")));
}

// A full store refuses writes without effect until it was cleaned and its alarm lowered.
TEST(EtcdAdminTest, FullStoreIsCleanedAndItsAlarmLowered) {
  const auto cluster = StartCluster({.extra_flags = {"--quota-backend-bytes=4000000"}});
  const auto admin = Connect(*cluster);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto client,
                             EtcdRegister::Connect(cluster->ClientOptions("test/")));
  absl::StatusOr<CommitResult> result;
  int64_t revision = 0;
  // etcd looks at its size as of its last write to the disk, up to 0.1 s ago.
  for (int i = 0; i < 500; ++i) {
    result = client->Commit({{}, {{"big", std::string(900'000, 'x'), {}}}, {}});
    if (!result.ok()) break;
    revision = result->revision;
  }
  ASSERT_THAT(result, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("space")));
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<EtcdAlarm> alarms, admin->Alarms());
  ASSERT_THAT(alarms, SizeIs(1));
  EXPECT_EQ(alarms[0].kind, EtcdAlarmKind::kNoSpace);
  GROAT_ASSERT_OK_AND_ASSIGN(const EtcdMemberStatus full, admin->MemberStatus(0));
  EXPECT_EQ(alarms[0].member, full.id);
  EXPECT_THAT(full.errors, ::testing::Contains(HasSubstr("NOSPACE")));

  GROAT_ASSERT_OK(client->Compact(revision));
  // The compaction frees pages in the background, some time after its answer.
  EtcdMemberStatus status = full;
  for (const absl::Time deadline = absl::Now() + absl::Seconds(30);
       status.db_size_bytes >= full.db_size_bytes && absl::Now() < deadline;) {
    GROAT_ASSERT_OK(admin->Defragment(0, absl::Seconds(20)));
    GROAT_ASSERT_OK_AND_ASSIGN(status, admin->MemberStatus(0));
  }
  EXPECT_LT(status.db_size_bytes, full.db_size_bytes);
  GROAT_ASSERT_OK(admin->Disarm(alarms[0]));
  GROAT_EXPECT_OK(admin->Disarm(alarms[0]));
  EXPECT_THAT(*admin->Alarms(), IsEmpty());
  GROAT_EXPECT_OK(client->Commit({{}, {{"small", "1", {}}}, {}}));
}

TEST(EtcdSnapshotFileTest, ChecksTheDigestOfWhateverPieces) {
  const TemporaryFolder folder;
  const std::string body(1000, 'b');
  const std::string whole = body + ToString(Sha256(AsBytes(body)));
  for (const size_t piece : {size_t{1}, size_t{31}, size_t{32}, size_t{33}, whole.size()}) {
    GROAT_ASSERT_OK_AND_ASSIGN(EtcdSnapshotFile file,
                               EtcdSnapshotFile::Create(folder.File("good")));
    for (size_t i = 0; i < whole.size(); i += piece) {
      GROAT_ASSERT_OK(file.Append(std::string_view(whole).substr(i, piece)));
    }
    GROAT_ASSERT_OK_AND_ASSIGN(const int64_t size, file.Finish());
    EXPECT_EQ(size, static_cast<int64_t>(whole.size()));
    EXPECT_EQ(ReadFile(folder.File("good")), whole);
  }
  std::string flipped = whole;
  flipped[500] = 'c';
  for (const std::string& bad :
       {flipped, whole.substr(0, whole.size() - 1), std::string("short"), std::string()}) {
    GROAT_ASSERT_OK_AND_ASSIGN(EtcdSnapshotFile file, EtcdSnapshotFile::Create(folder.File("bad")));
    GROAT_ASSERT_OK(file.Append(bad));
    EXPECT_THAT(file.Finish(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("digest")));
  }
  EXPECT_FALSE(std::filesystem::exists(folder.File("bad")));
  EXPECT_FALSE(std::filesystem::exists(folder.File("bad.partial")));
}

}  // namespace
}  // namespace groat::storage::testing
