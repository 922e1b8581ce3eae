#include "wire/common.h"

#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace groat::wire {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

record::Block SampleBlock() {
  record::RootStatement statement{.relay = record::RelayId(1),
                                  .shard = record::Shard(2),
                                  .period = record::Period(3),
                                  .cycle = record::Cycle(4),
                                  .root = {},
                                  .leaf_count = 5,
                                  .new_leaf_count = 5};
  statement.root[0] = 6;
  return {.height = record::Height(7),
          .previous_id = {},
          .timestamp_ms = 8,
          .root = record::SignRoot(statement, Ed25519PrivateKey(Bytes32()))};
}

TEST(WireCommonTest, BlockRoundTrips) {
  common::v1::Block proto;
  ToProto(SampleBlock(), &proto);
  GROAT_ASSERT_OK_AND_ASSIGN(const record::Block back, FromProto(proto));
  EXPECT_EQ(back, SampleBlock());
}

TEST(WireCommonTest, BlockRefusalsNameTheField) {
  common::v1::Block good;
  ToProto(SampleBlock(), &good);
  common::v1::Block bad = good;
  bad.clear_root();
  EXPECT_THAT(FromProto(bad), StatusIs(kInvalid, "root of a block is missing"));
  bad = good;
  bad.set_previous_id("short");
  EXPECT_THAT(FromProto(bad), StatusIs(kInvalid, "previous_id is 5 bytes, want 32"));
  bad = good;
  bad.set_height(9);
  EXPECT_THAT(FromProto(bad), StatusIs(kInvalid, HasSubstr("says that its id is")));
  bad = good;
  bad.mutable_root()->clear_statement();
  EXPECT_THAT(FromProto(bad), StatusIs(kInvalid, "statement of a signed root is missing"));
  bad = good;
  bad.mutable_root()->clear_signature();
  EXPECT_THAT(FromProto(bad), StatusIs(kInvalid, "signature of a root is 0 bytes, want 64"));
}

TEST(WireCommonTest, CheckpointRoundTripsAndIsBounded) {
  record::SignedCheckpoint checkpoint;
  checkpoint.checkpoint.height = record::Height(3);
  checkpoint.checkpoint.log_root[5] = 1;
  checkpoint.quorum.signers = {0x80};
  checkpoint.quorum.signature[5] = 9;
  common::v1::Checkpoint proto;
  ToProto(checkpoint, &proto);
  GROAT_ASSERT_OK_AND_ASSIGN(const record::SignedCheckpoint back, FromProto(proto));
  EXPECT_EQ(back.checkpoint, checkpoint.checkpoint);
  EXPECT_EQ(back.quorum, checkpoint.quorum);

  proto.mutable_quorum()->set_signature(std::string(97, 'x'));
  EXPECT_THAT(FromProto(proto), StatusIs(kInvalid, "signature of a quorum is 97 bytes, want 96"));
  proto.mutable_quorum()->set_signers(std::string(33, 'x'));
  EXPECT_THAT(FromProto(proto), StatusIs(kInvalid, HasSubstr("want at most 32")));
  proto.clear_log_root();
  EXPECT_THAT(FromProto(proto), StatusIs(kInvalid, "log_root is 0 bytes, want 32"));
}

}  // namespace
}  // namespace groat::wire
