#include "wire/consensus.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "hotstuff/testing/fixture.h"

namespace groat::wire {
namespace {

using ::groat::testing::StatusIs;
using hotstuff::testing::ChainMaker;
using hotstuff::testing::MakeCommand;
using ::testing::HasSubstr;
namespace v1 = ::groat::consensus::v1;

constexpr hotstuff::CommandBounds kBounds{10, 100};

v1::SubmitRequest Request(std::vector<uint64_t> sequences, size_t payload_bytes = 4) {
  v1::SubmitRequest request;
  request.set_client_id(7);
  for (const uint64_t sequence : sequences) {
    v1::Command* const command = request.add_commands();
    command->set_sequence(sequence);
    command->set_payload(std::string(payload_bytes, 'x'));
  }
  return request;
}

TEST(WireConsensusTest, TakesCommands) {
  GROAT_ASSERT_OK_AND_ASSIGN(const auto commands,
                             CommandsFromProto(Request({1, 2, 9}, 80), kBounds));
  ASSERT_EQ(commands.size(), 3u);
  EXPECT_EQ(commands[2].key, MakeCommand(7, 9).key);
  EXPECT_EQ(commands[2].payload, Bytes(80, 'x'));
}

TEST(WireConsensusTest, NamesWhatIsWrongWithCommands) {
  v1::SubmitRequest reserved = Request({1});
  reserved.set_client_id(UINT64_MAX);
  struct Case {
    v1::SubmitRequest request;
    const char* message;
  };
  for (const Case& test :
       {Case{reserved, "reserved"}, Case{Request({}), "commands: 0"},
        Case{Request({0}), "commands[0].sequence: 0"},
        Case{Request({3, 3}), "commands[1].sequence"}, Case{Request({3, 2}), "want above 3"},
        Case{Request({1}, 81), "want at most 80"},
        Case{Request(std::vector<uint64_t>(10'001, 1)), "commands: 10001"}}) {
    EXPECT_THAT(CommandsFromProto(test.request, kBounds),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.message)));
  }
}

TEST(WireConsensusTest, ChecksAReceivedBlockAgainstItsHeader) {
  ChainMaker maker(4);
  const auto block = maker.Extend(maker.genesis.Block0(), hotstuff::View(1), nullptr,
                                  {MakeCommand(1, 1), MakeCommand(1, 2)});
  v1::Block proto;
  const Bytes header = block->header().Encode();
  const Bytes commands = hotstuff::EncodeCommands(block->commands());
  proto.set_header(ToString(header));
  proto.set_commands(ToString(commands));
  proto.add_repeated_indexes(1);
  GROAT_ASSERT_OK_AND_ASSIGN(const ReceivedBlock received, FromProto(proto, kBounds));
  EXPECT_EQ(received.header.Id(), block->id());
  EXPECT_EQ(received.commands, block->commands());
  EXPECT_EQ(received.fresh, (std::vector<bool>{true, false}));

  v1::Block other = proto;
  other.mutable_commands()->back() = '!';
  EXPECT_THAT(FromProto(other, kBounds),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("commands: their hash")));
  other = proto;
  other.add_repeated_indexes(2);
  EXPECT_THAT(FromProto(other, kBounds),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want below 2")));
}

TEST(WireConsensusTest, OrdersSharesAndRefusesOneTwice) {
  hotstuff::ValidatorChange change;
  change.next = hotstuff::Epoch(1);
  change.last_height = hotstuff::Height(100);
  change.validators = hotstuff::testing::MockValidators(4);
  v1::ChangeValidatorsRequest request;
  const Bytes encoded = change.Encode();
  request.set_change(ToString(encoded));
  for (const uint32_t signer : {2u, 0u}) {
    v1::ChangeShare* const share = request.add_shares();
    share->set_signer(signer);
    share->set_share("s");
  }
  GROAT_ASSERT_OK_AND_ASSIGN(const SignedChange read, FromProto(request, {}, 4));
  EXPECT_EQ(read.change.Encode(), encoded);
  EXPECT_EQ(read.shares[0].signer, hotstuff::ReplicaIndex(0));
  EXPECT_THAT(FromProto(request, {}, 2),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("shares[0].signer: 2")));
  request.mutable_shares(1)->set_signer(2);
  EXPECT_THAT(FromProto(request, {}, 4),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("twice")));
  request.set_change("x");
  EXPECT_THAT(FromProto(request, {}, 4),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("change")));
}

}  // namespace
}  // namespace groat::wire
