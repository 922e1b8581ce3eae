// Growth proofs over a real connection: chunks, the relay's own errors, a refusing reader,
// stopping.
#include "services/ledger/relay_growth_source.h"

#include <gmock/gmock.h>

#include <thread>

#include "base/status_matchers.h"
#include "merkle/growth_proof.h"
#include "rpc/server.h"
#include "rpc/write_stream.h"
#include "services/ledger/testing/trie_relay.h"
#include "wire/common.h"

namespace groat::ledger_service {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;
using testing::TrieRelay;
using Response = relay::v1::GetGrowthProofResponse;

// Answers GetGrowthProof for one TrieRelay, in chunks of 100 bytes; cycle 99 never ends.
class FakeRelay final : public relay::v1::RelayService::CallbackService {
 public:
  FakeRelay(const TrieRelay& relay, record::SignedRoot root)
      : relay_(relay), root_(std::move(root)) {}

  grpc::ServerWriteReactor<Response>* GetGrowthProof(
      grpc::CallbackServerContext* context,
      const relay::v1::GetGrowthProofRequest* request) override {
    auto stream = std::make_shared<rpc::BoundedWriteStream<Response>>(
        context, rpc::StreamLimits{.max_messages = 100'000});
    if (request->cycle() == 99) return rpc::StartStream(stream);
    if (request->cycle() != root_.statement.cycle.value()) {
      stream->Finish(absl::OutOfRangeError("that cycle is not closed"));
      return rpc::StartStream(stream);
    }
    const Bytes proof = relay_.GrowthProof(root_.statement.cycle);
    for (size_t at = 0; at < proof.size(); at += 100) {
      Response response;
      if (at == 0) wire::ToProto(root_, response.mutable_root());
      const ByteView view(proof);
      response.set_chunk(ToString(view.subspan(at, std::min<size_t>(100, proof.size() - at))));
      stream->Push(std::move(response));
    }
    stream->Finish(absl::OkStatus());
    return rpc::StartStream(stream);
  }

 private:
  const TrieRelay& relay_;
  const record::SignedRoot root_;
};

class RelayGrowthSourceTest : public ::testing::Test {
 protected:
  RelayGrowthSourceTest() {
    rpc::ServerOptions options;
    options.tls.insecure = true;
    options.services = {&service_};
    server_ = *rpc::Server::Start(options);
    source_ = *RelayGrowthSource::Make(
        {{relay_.name(), {"127.0.0.1:" + std::to_string(server_->port())}}}, options.tls, {});
  }
  ~RelayGrowthSourceTest() override {
    source_.reset();
    server_->Drain(std::chrono::milliseconds(0));
  }

  TrieRelay relay_{1};
  const record::SignedRoot before_ = relay_.Next(20);
  const record::SignedRoot root_ = relay_.Next(50);
  FakeRelay service_{relay_, root_};
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<RelayGrowthSource> source_;
};

TEST_F(RelayGrowthSourceTest, CarriesAProofThatVerifies) {
  EXPECT_EQ(source_->EndpointCount(relay_.name()), 1u);
  EXPECT_EQ(source_->EndpointCount({record::RelayId(2), {}}), 0u);
  merkle::GrowthVerifier verifier({.cycle = 2,
                                   .old_root = before_.statement.root,
                                   .new_root = root_.statement.root,
                                   .old_leaf_count = 20,
                                   .new_leaf_count = 50});
  std::optional<record::SignedRoot> said;
  GROAT_ASSERT_OK(source_->Stream(
      root_.statement, 0, [&](ByteView chunk) { return verifier.Feed(chunk); }, &said));
  GROAT_EXPECT_OK(verifier.Finish());
  EXPECT_EQ(said, root_);
}

TEST_F(RelayGrowthSourceTest, PassesTheRelaysErrorOn) {
  record::RootStatement later = root_.statement;
  later.cycle = record::Cycle(3);
  std::optional<record::SignedRoot> said;
  EXPECT_THAT(source_->Stream(
                  later, 0, [](ByteView) { return absl::OkStatus(); }, &said),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("not closed")));
}

TEST_F(RelayGrowthSourceTest, ARefusingReaderEndsTheTransfer) {
  std::optional<record::SignedRoot> said;
  int chunks = 0;
  EXPECT_THAT(source_->Stream(
                  root_.statement, 0,
                  [&](ByteView) {
                    ++chunks;
                    return absl::InvalidArgumentError("wrong");
                  },
                  &said),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("wrong")));
  EXPECT_EQ(chunks, 1);
}

TEST_F(RelayGrowthSourceTest, StopEndsATransferUnderWay) {
  record::RootStatement endless = root_.statement;
  endless.cycle = record::Cycle(99);
  absl::Status status;
  std::thread reader([&] {
    std::optional<record::SignedRoot> said;
    status = source_->Stream(
        endless, 0, [](ByteView) { return absl::OkStatus(); }, &said);
  });
  source_->Stop();
  reader.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace groat::ledger_service
