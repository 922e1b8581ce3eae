// Changes of validators at whole replicas over real connections: what is approved, what is ordered,
// and what a repeated call is answered.
#include "services/consensus/admin_service.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "base/status_matchers.h"
#include "rpc/channel.h"
#include "services/consensus/testing/test_replicas.h"
#include "wire/common.h"

namespace groat::consensus_service {
namespace {

using ::groat::testing::StatusIs;
using hotstuff::ValidatorChange;
using ::testing::HasSubstr;
using testing::TestReplicas;
namespace v1 = ::groat::consensus::v1;

constexpr std::chrono::seconds kPatience{60};

class AdminServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    replicas_.StartAll();
    for (size_t i = 0; i < 4; ++i) ASSERT_TRUE(replicas_.WaitServing(i));
  }
  std::unique_ptr<v1::ConsensusAdminService::Stub> Admin(size_t i) {
    return v1::ConsensusAdminService::NewStub(replicas_.Channel(i, "admin"));
  }
  v1::GetStatusResponse Status(size_t i) {
    rpc::CallContext context(kPatience);
    v1::GetStatusResponse status;
    const auto stub = v1::ConsensusService::NewStub(replicas_.Channel(i));
    EXPECT_TRUE(stub->GetStatus(&context, {}, &status).ok());
    return status;
  }
  // The same validators in another order, from so many blocks above the last committed one on.
  ValidatorChange Change(uint64_t blocks) {
    ValidatorChange change{Epoch(1), Height(Status(0).committed_height() + blocks),
                           replicas_.genesis().validators};
    std::reverse(change.validators.begin(), change.validators.end());
    return change;
  }
  absl::StatusOr<v1::ApproveChangeResponse> Approve(size_t i, const ValidatorChange& change) {
    rpc::CallContext context(kPatience);
    v1::ApproveChangeRequest request;
    request.set_change(ToString(change.Encode()));
    v1::ApproveChangeResponse response;
    const grpc::Status status = Admin(i)->ApproveChange(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    return response;
  }
  // With the approvals of these replicas.
  v1::ChangeValidatorsRequest Request(const ValidatorChange& change,
                                      const std::vector<size_t>& approvers) {
    v1::ChangeValidatorsRequest request;
    request.set_change(ToString(change.Encode()));
    for (const size_t i : approvers) {
      const auto approval = Approve(i, change);
      GROAT_EXPECT_OK(approval.status());
      if (!approval.ok()) continue;
      v1::ChangeShare* const share = request.add_shares();
      share->set_signer(approval->signer());
      share->set_share(approval->share());
    }
    return request;
  }
  absl::StatusOr<v1::ChangeValidatorsResponse> Order(size_t i,
                                                     const v1::ChangeValidatorsRequest& request) {
    rpc::CallContext context(kPatience);
    v1::ChangeValidatorsResponse response;
    const grpc::Status status = Admin(i)->ChangeValidators(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    return response;
  }

  TestReplicas replicas_{4};
};

TEST_F(AdminServiceTest, ApprovesNothingThatCouldNotStand) {
  ValidatorChange change = Change(100);
  change.next = Epoch(2);
  EXPECT_THAT(Approve(0, change), StatusIs(absl::StatusCode::kFailedPrecondition,
                                           HasSubstr("to epoch 2, want one to 1")));
  change = Change(100);
  change.validators[3] = change.validators[0];
  EXPECT_THAT(Approve(0, change),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("two validators")));
  EXPECT_THAT(Approve(0, Change(0)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("want 9 to 10001")));
  EXPECT_THAT(Approve(0, Change(hotstuff::kChangeNoticeBlocks)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("last height 8")));
  EXPECT_THAT(Approve(0, Change(hotstuff::kChangeLeadBlocks + 2)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("last height 10002")));
  GROAT_EXPECT_OK(Approve(0, Change(hotstuff::kChangeNoticeBlocks + 1)));
  GROAT_EXPECT_OK(Approve(0, Change(hotstuff::kChangeLeadBlocks + 1)));
}

// The change is far ahead, so that it stands while it is asked about.
TEST_F(AdminServiceTest, AChangeThatStandsIsAnsweredWithItsPlaceAndKeepsOthersOut) {
  const ValidatorChange change = Change(hotstuff::kChangeLeadBlocks);
  const ValidatorChange other = Change(hotstuff::kChangeLeadBlocks - 1);
  const v1::ChangeValidatorsRequest others_request = Request(other, {0, 1, 2});
  const v1::ChangeValidatorsRequest request = Request(change, {0, 1, 2});
  EXPECT_THAT(Order(0, Request(change, {0, 1})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want 3")));
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::ChangeValidatorsResponse first, Order(0, request));
  EXPECT_GT(first.position().height(), 0u);
  EXPECT_EQ(first.last_height(), change.last_height.value());

  GROAT_ASSERT_OK_AND_ASSIGN(const v1::ChangeValidatorsResponse again, Order(0, request));
  EXPECT_EQ(again.position().height(), first.position().height());
  EXPECT_EQ(again.position().index(), first.position().index());
  EXPECT_EQ(again.last_height(), first.last_height());
  EXPECT_THAT(Order(0, others_request),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another change stands")));
  EXPECT_THAT(Approve(0, other),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another change stands")));
  GROAT_EXPECT_OK(Approve(0, change));
}

// At another replica, which need not have heard of it, by other approvals, and after its epoch has
// begun: the same place.
TEST_F(AdminServiceTest, ARetryElsewhereOrLaterFindsTheSamePlace) {
  const ValidatorChange change = Change(200);
  const v1::ChangeValidatorsRequest request = Request(change, {0, 1, 2});
  const v1::ChangeValidatorsRequest by_others = Request(change, {1, 2, 3});
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::ChangeValidatorsResponse first, Order(0, request));
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::ChangeValidatorsResponse second, Order(3, by_others));
  EXPECT_EQ(second.position().height(), first.position().height());
  EXPECT_EQ(second.position().index(), first.position().index());

  // Nothing is submitted: the chain reaches the change's height by itself.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (Status(1).epoch() == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  ASSERT_EQ(Status(1).epoch(), 1u);
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::ChangeValidatorsResponse late, Order(1, request));
  EXPECT_EQ(late.position().height(), first.position().height());
  EXPECT_EQ(late.position().index(), first.position().index());
  ValidatorChange other = change;
  other.last_height = Height(change.last_height.value() + 1);
  v1::ChangeValidatorsRequest never = request;
  never.set_change(ToString(other.Encode()));
  EXPECT_THAT(Order(1, never), StatusIs(absl::StatusCode::kFailedPrecondition,
                                        HasSubstr("to epoch 1, want one to 2")));
}

// Made up requests cost a check of keys at most, and reach nothing.
TEST_F(AdminServiceTest, OthersThanOperatorsAreRefusedFirst) {
  const auto admin = v1::ConsensusAdminService::NewStub(replicas_.Channel(0, "client"));
  rpc::CallContext context(kPatience);
  v1::ApproveChangeRequest request;
  request.set_change("x");
  v1::ApproveChangeResponse response;
  EXPECT_THAT(rpc::FromGrpc(admin->ApproveChange(&context, request, &response)),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("client")));
}

}  // namespace
}  // namespace groat::consensus_service
