// Clients of whole replicas whose validators change.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <string>

#include "base/status_matchers.h"
#include "hotstuff/validator_change.h"
#include "services/consensus/testing/service_test.h"
#include "wire/common.h"

namespace groat::consensus_service {
namespace {

using ::groat::testing::StatusIs;
using ::testing::_;
using testing::Commands;
using ::testing::HasSubstr;
using testing::kPatience;
namespace v1 = ::groat::consensus::v1;

class HandoverTest : public testing::ServiceTest {
 protected:
  absl::Status Approve(size_t i, const std::string& name, const hotstuff::ValidatorChange& change,
                       v1::ApproveChangeResponse& response) {
    const auto admin = v1::ConsensusAdminService::NewStub(replicas_.Channel(i, name));
    rpc::CallContext context(kPatience);
    v1::ApproveChangeRequest request;
    request.set_change(ToString(change.Encode()));
    return rpc::FromGrpc(admin->ApproveChange(&context, request, &response));
  }
  // With three validators' consent.
  v1::ChangeValidatorsRequest Approved(const hotstuff::ValidatorChange& change) {
    v1::ChangeValidatorsRequest request;
    request.set_change(ToString(change.Encode()));
    for (size_t i = 0; i < 3; ++i) {
      v1::ApproveChangeResponse response;
      GROAT_EXPECT_OK(Approve(i, "admin", change, response));
      v1::ChangeShare* const share = request.add_shares();
      share->set_signer(response.signer());
      share->set_share(response.share());
    }
    return request;
  }
  absl::Status Order(size_t i, const v1::ChangeValidatorsRequest& request) {
    const auto admin = v1::ConsensusAdminService::NewStub(replicas_.Channel(i, "admin"));
    rpc::CallContext context(kPatience);
    v1::ChangeValidatorsResponse response;
    return rpc::FromGrpc(admin->ChangeValidators(&context, request, &response));
  }
};

TEST_F(HandoverTest, OnlyOperatorsChangeValidators) {
  StartAll();
  hotstuff::ValidatorChange change;
  change.next = Epoch(1);
  change.last_height = Height(30);
  change.validators = replicas_.genesis().validators;
  std::reverse(change.validators.begin(), change.validators.end());
  v1::ApproveChangeResponse response;
  EXPECT_THAT(Approve(0, "client", change, response),
              StatusIs(absl::StatusCode::kPermissionDenied, _));
  v1::ChangeValidatorsRequest request;
  request.set_change(ToString(change.Encode()));
  EXPECT_THAT(Order(1, request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want 3")));
  GROAT_ASSERT_OK(Order(1, Approved(change)));
  // Commands carry the chain to the epoch's last block and over it.
  const auto stub = Stub(0);
  uint64_t epoch = 0;
  for (uint64_t sequence = 1; sequence < 200 && epoch == 0; ++sequence) {
    GROAT_ASSERT_OK(Submit(0, Commands<v1::SubmitRequest>(1, sequence, 1)));
    rpc::CallContext context(kPatience);
    v1::GetStatusResponse status;
    ASSERT_TRUE(stub->GetStatus(&context, {}, &status).ok());
    epoch = status.epoch();
  }
  EXPECT_EQ(epoch, 1u);
  rpc::CallContext context(kPatience);
  v1::GetHandoverResponse handover;
  ASSERT_TRUE(stub->GetHandover(&context, {}, &handover).ok());
  GROAT_EXPECT_OK(hotstuff::ApprovedChange::Decode(wire::View(handover.approved_change()),
                                                   replicas_.genesis().Chain()));
  // And the new validators go on.
  GROAT_EXPECT_OK(Submit(2, Commands<v1::SubmitRequest>(2, 1, 10)));
  // Nothing that was counted is lost with the old core.
  ASSERT_TRUE(replicas_.WaitForMetric(0, "groat_consensus_current_epoch", 1));
  EXPECT_TRUE(replicas_.WaitForMetrics(0, [](const std::map<std::string, double>& metrics) {
    return metrics.at("groat_consensus_committed_blocks_total") ==
           metrics.at("groat_consensus_committed_height");
  }));
}

TEST_F(HandoverTest, ARemovedValidatorTakesNoCommands) {
  StartAll();
  hotstuff::ValidatorChange change;
  change.next = Epoch(1);
  change.last_height = Height(30);
  change.validators = replicas_.genesis().validators;
  change.validators.pop_back();
  GROAT_ASSERT_OK(Order(1, Approved(change)));
  // Clients of all replicas carry the chain over the epoch's end. Those of the removed one are
  // told.
  absl::Status removed;
  for (uint64_t sequence = 1; sequence < 200 && removed.ok(); ++sequence) {
    GROAT_ASSERT_OK(Submit(0, Commands<v1::SubmitRequest>(1, sequence, 1)));
    removed = Submit(3, Commands<v1::SubmitRequest>(2, sequence, 1)).status();
  }
  EXPECT_THAT(removed, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no validator")));
  EXPECT_TRUE(replicas_.WaitNotServing(3));
  // What its clients had not heard of can be submitted elsewhere, and others go on.
  GROAT_EXPECT_OK(Submit(1, Commands<v1::SubmitRequest>(3, 1, 10)));
  EXPECT_TRUE(replicas_.WaitForMetrics(0, [](const std::map<std::string, double>& metrics) {
    return metrics.count("groat_consensus_replica_lag_views{replica=\"2\"}") == 1 &&
           metrics.count("groat_consensus_replica_lag_views{replica=\"3\"}") == 0;
  }));
  EXPECT_EQ(replicas_.Metrics(3)["groat_consensus_waiting_commands"], 0);
}

}  // namespace
}  // namespace groat::consensus_service
