// Every decoder of consensus: whatever decodes must encode to the same bytes, and nothing may
// crash. The first byte chooses the decoder, so that a corpus of one kind stays one.
#include "base/check.h"
#include "hotstuff/client_table.h"
#include "hotstuff/evidence.h"
#include "hotstuff/genesis.h"
#include "hotstuff/leader_schedule.h"
#include "hotstuff/safety_state.h"
#include "hotstuff/transfer_message.h"

namespace groat::hotstuff {
namespace {

constexpr CommandBounds kBounds{64, 4096};
constexpr size_t kMaxClients = 4;

// Only its bounds matter.
Genesis MakeBounds() {
  Genesis genesis;
  genesis.block = kBounds;
  genesis.max_clients = kMaxClients;
  return genesis;
}

Bytes EncodeAgain(const MessagePtr& message) { return EncodeMessage(*message); }
Bytes EncodeAgain(const QcPtr& qc) { return qc->Encode(); }
Bytes EncodeAgain(const TcPtr& tc) { return tc->Encode(); }
Bytes EncodeAgain(const BlockPtr& block) { return block->Encode(); }
Bytes EncodeAgain(const Evidence& evidence) { return EncodeEvidence(evidence); }
Bytes EncodeAgain(const TransferMessage& message) { return EncodeTransfer(message); }
template <typename T>
Bytes EncodeAgain(const T& value) {
  return value.Encode();
}

template <typename T>
void Check(const absl::StatusOr<T>& decoded, ByteView bytes) {
  if (decoded.ok()) GROAT_CHECK(EncodeAgain(*decoded) == Bytes(bytes.begin(), bytes.end()));
}

void TryAll(uint8_t which, ByteView bytes) {
  static const Genesis bounds = MakeBounds();
  switch (which % 17) {
    case 0:
      return Check(DecodeMessage(bytes, kBounds), bytes);
    case 1:
      return Check(Block::Decode(bytes, kBounds), bytes);
    case 2:
      return Check(BlockHeader::Decode(bytes), bytes);
    case 3:
      return Check(QuorumCertificate::Decode(bytes), bytes);
    case 4:
      return Check(TimeoutCertificate::Decode(bytes), bytes);
    case 5:
      return Check(Vote::Decode(bytes), bytes);
    case 6:
      return Check(SafetyState::Decode(bytes), bytes);
    case 7:
      return Check(Genesis::Decode(bytes), bytes);
    case 8:
      return Check(LeaderSchedule::Decode(bytes), bytes);
    case 9:
      return Check(CommitProof::Decode(bytes), bytes);
    case 10:
      return Check(DecodeEvidence(bytes), bytes);
    case 11:
      return Check(ApprovedChange::Decode(bytes, ChainId()), bytes);
    case 12:
      return Check(HandoverProof::Decode(bytes, ChainId()), bytes);
    case 13:
      return Check(SnapshotManifest::Decode(bytes, ChainId(), kMaxClients), bytes);
    case 14:
      return Check(SnapshotHead::Decode(bytes, bounds, ChainId()), bytes);
    case 15:
      return Check(DecodeTransfer(bytes, kBounds), bytes);
    default:
      return Check(ClientTable::Decode(bytes, kMaxClients), bytes);
  }
}

}  // namespace
}  // namespace groat::hotstuff

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  groat::hotstuff::TryAll(data[0], groat::ByteView(data + 1, size - 1));
  return 0;
}
