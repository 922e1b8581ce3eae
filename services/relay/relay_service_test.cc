// The whole relay over gRPC, with a disk and a ledger in this process.
#include <google/protobuf/util/message_differencer.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "asset/bundle.h"
#include "base/status_matchers.h"
#include "bls/testing/test_keys.h"
#include "crypto/key_file.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "merkle/growth_proof.h"
#include "record/update.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "services/relay/relay_server.h"
#include "services/relay/testing/fake_ledger.h"
#include "wire/common.h"
#include "wire/provenance.h"

namespace groat::relay_service {
namespace {

using ::groat::testing::StatusIs;
using ::testing::_;
using ::testing::HasSubstr;
// The messages of the contract under test; WaitLevel is also a type of the service itself.
using namespace relay::v1;  // NOLINT
using WaitFor = relay::v1::WaitLevel;

constexpr std::chrono::milliseconds kPatience{20'000};

Bytes32 Secret(uint64_t number) {
  static const Blake3Context context("groat test unlock");
  uint8_t seed[8];
  StoreBigEndian(number, seed, 8);
  return context(ByteView(seed));
}

void AddUpdate(SubmitUpdatesRequest& request, uint64_t unlock, uint64_t value) {
  Update* update = request.add_updates();
  wire::SetBytes(Secret(unlock), update->mutable_unlock());
  wire::SetBytes(Secret(1'000'000 + value), update->mutable_value());
}

class RelayServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "relay_test_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    config_.listen = "127.0.0.1:0";
    config_.metrics_listen = "127.0.0.1:0";
    config_.data_dir = folder_ + "/data";
    config_.signing_key_file = folder_ + "/relay.key.pem";
    config_.ledger_trust = folder_ + "/trust.json";
    config_.ledger_endpoints = {ledger_.endpoint()};
    config_.tls.insecure = true;
    config_.cycle_time = std::chrono::milliseconds(20);
    GROAT_ASSERT_OK(WritePrivateKeyFile(config_.signing_key_file, key_, IfExists::kRefuse));
  }
  void TearDown() override {
    relay_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start() {
    const asset::Trust trust = ledger_.TrustFor(RelayTrust());
    GROAT_ASSERT_OK(WriteWholeFile(config_.ledger_trust, AsBytes(asset::FormatTrust(trust)), 0644,
                                   IfExists::kReplace));
    auto relay = RelayServer::Start(config_, logger_, [this](const absl::Status& status) {
      MutexLock lock(mutex_);
      fatal_ = status;
      changed_.NotifyAll();
    });
    GROAT_ASSERT_OK(relay);
    relay_ = *std::move(relay);
    stub_ = relay::v1::RelayService::NewStub(Channel());
  }
  void StartServing() {
    Start();
    if (relay_ != nullptr) WaitUntilServing();
  }
  asset::RelayTrust RelayTrust() const {
    return {.relay = record::RelayId(config_.relay_id),
            .shard_bits = config_.shard_bits,
            .period_cycles = config_.period_cycles,
            .public_key = key_.public_key()};
  }
  void Restart() {
    relay_.reset();
    Start();
    WaitUntilServing();
  }
  // Health says so once the history was compared with the ledger's.
  void WaitUntilServing() {
    const auto health = grpc::health::v1::Health::NewStub(Channel());
    grpc::health::v1::HealthCheckRequest request;
    rpc::CallContext context(kPatience);
    const auto reader = health->Watch(&context, request);
    grpc::health::v1::HealthCheckResponse response;
    while (reader->Read(&response)) {
      if (response.status() == grpc::health::v1::HealthCheckResponse::SERVING) break;
    }
    context.TryCancel();
    ASSERT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  }
  std::shared_ptr<grpc::Channel> Channel() const {
    return grpc::CreateChannel("127.0.0.1:" + std::to_string(relay_->port()),
                               grpc::InsecureChannelCredentials());
  }

  absl::StatusOr<SubmitUpdatesResponse> Submit(const SubmitUpdatesRequest& request) {
    rpc::CallContext context(kPatience);
    SubmitUpdatesResponse response;
    const absl::Status status = rpc::FromGrpc(stub_->SubmitUpdates(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<SubmitUpdatesResponse> Submit(uint64_t unlock, uint64_t value,
                                               WaitFor wait = WAIT_LEVEL_ACCEPTED) {
    SubmitUpdatesRequest request;
    AddUpdate(request, unlock, value);
    request.set_wait(wait);
    return Submit(request);
  }

  absl::StatusOr<GetProofResponse> GetProof(uint64_t unlock, uint64_t since = 0, uint64_t at = 0,
                                            bool prove_absence = false) {
    GetProofRequest request;
    wire::SetBytes(Secret(unlock), request.mutable_unlock());
    request.set_since_cycle(since);
    request.set_at_cycle(at);
    request.set_prove_absence(prove_absence);
    rpc::CallContext context(kPatience);
    GetProofResponse response;
    const absl::Status status = rpc::FromGrpc(stub_->GetProof(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  GetStatusResponse Status() {
    rpc::CallContext context(kPatience);
    GetStatusResponse response;
    EXPECT_TRUE(stub_->GetStatus(&context, {}, &response).ok());
    return response;
  }
  // The closed cycles from `from` to `to`, as the watch tells them.
  std::vector<CycleInfo> Watch(uint64_t from, uint64_t to) {
    rpc::CallContext context(kPatience);
    WatchCyclesRequest request;
    request.set_from_cycle(from);
    const auto reader = stub_->WatchCycles(&context, request);
    std::vector<CycleInfo> out;
    WatchCyclesResponse response;
    while (from + out.size() <= to && reader->Read(&response)) out.push_back(response.cycle());
    context.TryCancel();
    return out;
  }
  void WaitForCycle(uint64_t cycle) { ASSERT_EQ(Watch(cycle, cycle).size(), 1u); }

  FakeLedger ledger_;
  const Ed25519PrivateKey key_ = Ed25519PrivateKey::Generate();
  telemetry::Logger logger_{{.service = "relay", .level = telemetry::LogLevel::kError}};
  Config config_;
  std::string folder_;
  std::unique_ptr<RelayServer> relay_;
  std::unique_ptr<relay::v1::RelayService::Stub> stub_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<absl::Status> fatal_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(RelayServiceTest, AcceptsOnceRepeatsTheAnswerAndCatchesADoubleSpend) {
  StartServing();
  GROAT_ASSERT_OK_AND_ASSIGN(const SubmitUpdatesResponse first, Submit(1, 1));
  EXPECT_EQ(first.results(0).outcome(), UPDATE_OUTCOME_ACCEPTED);
  GROAT_ASSERT_OK_AND_ASSIGN(const SubmitUpdatesResponse again, Submit(1, 1));
  EXPECT_EQ(again.results(0).outcome(), UPDATE_OUTCOME_REPEATED);
  EXPECT_EQ(again.results(0).cycle(), first.results(0).cycle());

  WaitForCycle(first.results(0).cycle());
  const auto caught = Submit(1, 2);
  ASSERT_THAT(caught, StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("was set in cycle")));
  const auto detail = rpc::GetDetail<SubmitUpdatesResponse>(caught.status());
  ASSERT_TRUE(detail.has_value());
  const UpdateResult& result = detail->results(0);
  EXPECT_EQ(result.outcome(), UPDATE_OUTCOME_DOUBLE_SPEND);
  EXPECT_EQ(result.standing_value(), ToString(Secret(1'000'001)));
  GROAT_ASSERT_OK_AND_ASSIGN(const auto proof, wire::FromProto(result.proof()));
  GROAT_EXPECT_OK(asset::Verify(proof, RelayTrust()));
  EXPECT_EQ(proof.value(), Secret(1'000'001));
}

TEST_F(RelayServiceTest, ADoubleSpendDoesNotTouchTheOthersOfItsBatch) {
  StartServing();
  GROAT_ASSERT_OK(Submit(1, 1));
  SubmitUpdatesRequest request;
  AddUpdate(request, 2, 2);
  AddUpdate(request, 1, 9);
  AddUpdate(request, 3, 3);
  request.set_wait(WAIT_LEVEL_INCLUDED);
  GROAT_ASSERT_OK_AND_ASSIGN(const SubmitUpdatesResponse response, Submit(request));
  EXPECT_EQ(response.results(0).outcome(), UPDATE_OUTCOME_ACCEPTED);
  EXPECT_EQ(response.results(1).outcome(), UPDATE_OUTCOME_DOUBLE_SPEND);
  EXPECT_EQ(response.results(2).outcome(), UPDATE_OUTCOME_ACCEPTED);
  for (const UpdateResult& result : response.results()) {
    GROAT_ASSERT_OK_AND_ASSIGN(const auto proof, wire::FromProto(result.proof()));
    GROAT_EXPECT_OK(asset::Verify(proof, RelayTrust()));
  }
}

// An anchored answer is enough for a bundle that verifies offline.
TEST_F(RelayServiceTest, AnchoredAnswerMakesABundleThatVerifies) {
  config_.period_cycles = 3;
  StartServing();
  WaitForCycle(5);
  GROAT_ASSERT_OK_AND_ASSIGN(const SubmitUpdatesResponse response,
                             Submit(7, 7, WAIT_LEVEL_ANCHORED));
  ASSERT_EQ(response.blocks_size(), 1);
  asset::ProofBundle bundle;
  GROAT_ASSERT_OK_AND_ASSIGN(bundle.provenance, wire::FromProto(response.results(0).proof()));
  GROAT_ASSERT_OK_AND_ASSIGN(bundle.checkpoint, wire::FromProto(response.checkpoint()));
  const std::vector<record::Block> blocks = ledger_.blocks();
  const auto add_block = [&](record::Cycle cycle) {
    const record::Block& block = blocks[cycle.value() - 1];
    bundle.blocks.push_back(
        {block, ledger_.PathOf(block.height, bundle.checkpoint.checkpoint.height)});
  };
  add_block(bundle.provenance.root.statement.cycle);
  for (const auto& null : bundle.provenance.nulls) add_block(null.root.statement.cycle);
  EXPECT_GE(bundle.blocks.size(), 2u) << "an earlier period is proven empty of the key";

  std::vector<asset::VerifiedStep> steps;
  GROAT_EXPECT_OK(asset::Verify(bundle, ledger_.TrustFor(RelayTrust()), &steps));
  EXPECT_EQ(steps.size(), 2 + bundle.blocks.size());
  GROAT_ASSERT_OK_AND_ASSIGN(const auto parsed, wire::ParseBundle(wire::FormatBundle(bundle)));
  GROAT_EXPECT_OK(asset::Verify(parsed, ledger_.TrustFor(RelayTrust())));

  asset::Trust other = ledger_.TrustFor(RelayTrust());
  other.ledger_nodes = {bls::testing::TestRegistration(0)};
  EXPECT_THAT(asset::Verify(bundle, other),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("signature of the quorum certificate")));
}

TEST_F(RelayServiceTest, ProofsAtEveryCycleAndInEveryPeriodAlsoAfterARestart) {
  for (uint64_t period_cycles : {0, 1, 4}) {
    config_.period_cycles = period_cycles;
    config_.data_dir = folder_ + "/data" + std::to_string(period_cycles);
    ledger_.Forget(record::Height(0));  // Each period length is a network of its own.
    StartServing();
    std::map<uint64_t, uint64_t> cycle_of;
    for (uint64_t i = 0; i < 12; ++i) {
      GROAT_ASSERT_OK_AND_ASSIGN(const auto response, Submit(i, i, WAIT_LEVEL_INCLUDED));
      cycle_of[i] = response.results(0).cycle();
    }
    for (int round = 0; round < 2; ++round) {
      const uint64_t last = Status().last_closed_cycle();
      for (const auto& [unlock, cycle] : cycle_of) {
        GROAT_ASSERT_OK_AND_ASSIGN(const auto response, GetProof(unlock));
        GROAT_ASSERT_OK_AND_ASSIGN(const auto proof, wire::FromProto(response.provenance()));
        EXPECT_EQ(proof.cycle().value(), cycle);
        GROAT_EXPECT_OK(asset::Verify(proof, RelayTrust()));
        GROAT_ASSERT_OK_AND_ASSIGN(const auto late, GetProof(unlock, cycle));
        EXPECT_EQ(late.provenance().null_proofs_size(), 0) << "born in its own cycle";
      }
      EXPECT_THAT(GetProof(999), StatusIs(absl::StatusCode::kNotFound, HasSubstr("is not set")));
      GROAT_ASSERT_OK_AND_ASSIGN(const auto absent, GetProof(999, 0, last, true));
      GROAT_ASSERT_OK_AND_ASSIGN(const auto absence, wire::FromProto(absent.absence()));
      GROAT_EXPECT_OK(asset::Verify(absence, RelayTrust()));
      EXPECT_THAT(GetProof(1, 0, last + 1000),
                  StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("has not been closed")));
      Restart();
    }
    EXPECT_EQ(Status().key_count(), 12u);
  }
}

TEST_F(RelayServiceTest, GrowthProofsLeadFromRootToRoot) {
  config_.period_cycles = 4;
  StartServing();
  for (uint64_t i = 0; i < 40; ++i) GROAT_ASSERT_OK(Submit(i, i, WAIT_LEVEL_INCLUDED));
  const std::vector<CycleInfo> cycles = Watch(1, 12);
  ASSERT_EQ(cycles.size(), 12u);
  for (size_t i = 0; i < cycles.size(); ++i) {
    const common::v1::RootStatement& now = cycles[i].root().statement();
    merkle::GrowthClaim claim;
    claim.cycle = now.cycle();
    GROAT_ASSERT_OK_AND_ASSIGN(claim.new_root, wire::Fixed<32>(now.root(), "root"));
    claim.new_leaf_count = now.new_leaf_count();
    claim.old_leaf_count = now.leaf_count() - now.new_leaf_count();
    if (i % 4 != 0) {
      GROAT_ASSERT_OK_AND_ASSIGN(claim.old_root,
                                 wire::Fixed<32>(cycles[i - 1].root().statement().root(), "root"));
    }
    merkle::GrowthVerifier verifier(claim);
    rpc::CallContext context(kPatience);
    GetGrowthProofRequest request;
    request.set_cycle(now.cycle());
    const auto reader = stub_->GetGrowthProof(&context, request);
    GetGrowthProofResponse response;
    while (reader->Read(&response)) GROAT_ASSERT_OK(verifier.Feed(AsBytes(response.chunk())));
    ASSERT_TRUE(reader->Finish().ok());
    GROAT_EXPECT_OK(verifier.Finish());
  }
}

TEST_F(RelayServiceTest, StreamAnswersEveryRequestOnce) {
  StartServing();
  rpc::CallContext context(kPatience);
  const auto stream = stub_->StreamUpdates(&context);
  constexpr uint64_t kRequests = 500;
  std::thread writer([&] {
    for (uint64_t id = 0; id < kRequests; ++id) {
      StreamUpdatesRequest request;
      request.set_request_id(id);
      AddUpdate(*request.mutable_submit(), id % 400, id);  // 100 of them are double spends.
      request.mutable_submit()->set_wait(id % 2 == 0 ? WAIT_LEVEL_ACCEPTED : WAIT_LEVEL_INCLUDED);
      ASSERT_TRUE(stream->Write(request));
    }
    StreamUpdatesRequest bad;
    bad.set_request_id(kRequests);
    ASSERT_TRUE(stream->Write(bad));
    stream->WritesDone();
  });
  std::map<uint64_t, uint32_t> codes;
  StreamUpdatesResponse response;
  while (stream->Read(&response)) {
    EXPECT_TRUE(codes.emplace(response.request_id(), response.code()).second);
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(codes.size(), kRequests + 1);
  EXPECT_EQ(codes[kRequests], static_cast<uint32_t>(absl::StatusCode::kInvalidArgument));
  size_t caught = 0;
  for (const auto& [id, code] : codes) {
    if (code == static_cast<uint32_t>(absl::StatusCode::kAlreadyExists)) ++caught;
  }
  EXPECT_EQ(caught, 100u);
}

TEST_F(RelayServiceTest, RefusesBadInputByNameAndTakesNothing) {
  StartServing();
  const auto refused = [&](const SubmitUpdatesRequest& request, const std::string& text) {
    EXPECT_THAT(Submit(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
  };
  refused({}, "0 updates, want 1 to 10000");
  SubmitUpdatesRequest request;
  AddUpdate(request, 1, 1);
  AddUpdate(request, 2, 1);
  SubmitUpdatesRequest bad = request;
  bad.mutable_updates(1)->set_unlock("short");
  refused(bad, "updates[1].unlock is 5 bytes, want 32");
  bad = request;
  bad.mutable_updates(0)->set_value(std::string(33, 'x'));
  refused(bad, "updates[0].value is 33 bytes, want 32");
  bad = request;
  bad.mutable_updates(1)->set_unlock(std::string(32, '\0'));
  refused(bad, "updates[1].unlock is all zero");
  bad = request;
  *bad.add_updates() = request.updates(0);
  refused(bad, "updates[2] has the unlock of updates[0]");
  bad = request;
  bad.set_wait(static_cast<relay::v1::WaitLevel>(9));
  refused(bad, "wait is 9");
  bad = {};
  for (uint64_t i = 0; i < 1001; ++i) AddUpdate(bad, i, i);
  bad.set_wait(WAIT_LEVEL_INCLUDED);
  refused(bad, "1001 updates, want 1 to 1000 where proofs are returned");
  for (uint64_t i = 1001; i < 10'001; ++i) AddUpdate(bad, i, i);
  bad.set_wait(WAIT_LEVEL_ACCEPTED);
  refused(bad, "10001 updates, want 1 to 10000");
  EXPECT_EQ(Status().key_count(), 0u);

  GetProofsRequest proofs;
  proofs.add_keys("x");
  rpc::CallContext context(kPatience);
  GetProofsResponse response;
  EXPECT_THAT(rpc::FromGrpc(stub_->GetProofs(&context, proofs, &response)),
              StatusIs(absl::StatusCode::kInvalidArgument, "keys[0] is 1 bytes, want 32"));
}

TEST_F(RelayServiceTest, IntakeAndCyclesGoOnWhileTheLedgerIsAway) {
  StartServing();
  GROAT_ASSERT_OK(Submit(1, 1, WAIT_LEVEL_ANCHORED));
  ledger_.SetAvailable(false);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto included, Submit(2, 2, WAIT_LEVEL_INCLUDED));
  EXPECT_EQ(included.results(0).outcome(), UPDATE_OUTCOME_ACCEPTED);
  WaitForCycle(included.results(0).cycle() + 5);
  ledger_.SetAvailable(true);
  GROAT_ASSERT_OK(Submit(3, 3, WAIT_LEVEL_ANCHORED));
  // Every cycle reached the ledger, in order and without a gap.
  const std::vector<record::Block> blocks = ledger_.blocks();
  for (size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(blocks[i].root.statement.cycle.value(), i + 1);
  }
}

// A relay whose disk is an old copy would take spent keys again, so it asks first.
TEST_F(RelayServiceTest, TakesNoUpdateBeforeItsHistoryWasCompared) {
  ledger_.SetAvailable(false);
  Start();
  EXPECT_THAT(Submit(1, 1), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("starting")));
  ledger_.SetAvailable(true);
  absl::StatusOr<SubmitUpdatesResponse> taken = Submit(1, 1);
  while (absl::IsUnavailable(taken.status())) taken = Submit(1, 1);
  GROAT_EXPECT_OK(taken);
}

TEST_F(RelayServiceTest, ALedgerRestoredFromABackupGetsTheLostCyclesAgain) {
  StartServing();
  GROAT_ASSERT_OK(Submit(1, 1, WAIT_LEVEL_ANCHORED));
  WaitForCycle(20);
  relay_.reset();
  const size_t blocks = ledger_.blocks().size();
  ledger_.Forget(record::Height(7));
  StartServing();
  GROAT_ASSERT_OK_AND_ASSIGN(const auto anchored, Submit(2, 2, WAIT_LEVEL_ANCHORED));
  EXPECT_GT(anchored.results(0).cycle(), 20u);
  EXPECT_GT(ledger_.blocks().size(), blocks);
}

TEST_F(RelayServiceTest, DrainAnswersWhoWaitsAndRefusesNewUpdates) {
  config_.cycle_time = std::chrono::hours(1);
  config_.drain_time = std::chrono::milliseconds(5000);
  StartServing();
  absl::StatusOr<SubmitUpdatesResponse> waiting = absl::UnknownError("not answered");
  std::thread client([&] { waiting = Submit(1, 1, WAIT_LEVEL_INCLUDED); });
  while (Status().key_count() == 0) std::this_thread::yield();
  relay_->Drain();
  client.join();
  GROAT_ASSERT_OK(waiting);
  EXPECT_EQ(waiting->results(0).cycle(), 1u);
  EXPECT_THAT(Submit(2, 2), StatusIs(absl::StatusCode::kUnavailable, _));
  Restart();
  EXPECT_EQ(Status().last_closed_cycle(), 1u);
  EXPECT_EQ(Status().key_count(), 1u);
}

TEST_F(RelayServiceTest, StopsWithBothRootsWhenTheLedgerHasAnotherHistory) {
  const Ed25519PrivateKey& key = key_;
  record::RootStatement statement{.relay = record::RelayId(1),
                                  .shard = record::Shard(0),
                                  .period = record::Period(0),
                                  .cycle = record::Cycle(1),
                                  .root = Secret(5),
                                  .leaf_count = 1,
                                  .new_leaf_count = 1};
  ledger_.Forge(record::SignRoot(statement, key));
  Start();
  MutexLock lock(mutex_);
  while (!fatal_.has_value()) changed_.Wait(mutex_);
  EXPECT_THAT(*fatal_,
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(statement.root.Hex())));
}

TEST_F(RelayServiceTest, RefusesAnotherNetworksFolderAndTrust) {
  Start();
  relay_.reset();
  config_.relay_id = 2;
  const auto restart = [&] { return RelayServer::Start(config_, logger_, {}).status(); };
  EXPECT_THAT(restart(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("relay 2 is not")));
  GROAT_ASSERT_OK(WriteWholeFile(config_.ledger_trust,
                                 AsBytes(asset::FormatTrust(ledger_.TrustFor(RelayTrust()))), 0644,
                                 IfExists::kReplace));
  EXPECT_THAT(restart(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("relay_id")));
  config_.relay_id = 1;
  config_.period_cycles = 9;
  GROAT_ASSERT_OK(WriteWholeFile(config_.ledger_trust,
                                 AsBytes(asset::FormatTrust(ledger_.TrustFor(RelayTrust()))), 0644,
                                 IfExists::kReplace));
  EXPECT_THAT(restart(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("period_cycles")));
}

}  // namespace
}  // namespace groat::relay_service
