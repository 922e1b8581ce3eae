#include "hotstuff/safety_state.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::hotstuff {
namespace {

constexpr uint8_t kVersion = 1;

void WritePart(ByteView bytes, ByteWriter& writer) {
  writer.U32(static_cast<uint32_t>(bytes.size())).Raw(bytes);
}

}  // namespace

Bytes SafetyState::Encode() const {
  ByteWriter writer;
  writer.U8(kVersion)
      .Raw(chain)
      .U64(epoch.value())
      .U64(timeout_view.value())
      .U64(last_proposed_view.value());
  WritePart(last_vote.has_value() ? last_vote->Encode() : Bytes(), writer);
  WritePart(high_qc->Encode(), writer);
  WritePart(lock->Encode(), writer);
  WritePart(high_tc == nullptr ? Bytes() : high_tc->Encode(), writer);
  return writer.Take();
}

absl::StatusOr<SafetyState> SafetyState::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  const uint8_t version = reader.U8();
  SafetyState state;
  state.chain = reader.Fixed<32>();
  state.epoch = Epoch(reader.U64());
  state.timeout_view = View(reader.U64());
  state.last_proposed_view = View(reader.U64());
  const ByteView vote = reader.Raw(reader.U32());
  const ByteView high_qc = reader.Raw(reader.U32());
  const ByteView lock = reader.Raw(reader.U32());
  const ByteView high_tc = reader.Raw(reader.U32());
  GROAT_RETURN_IF_ERROR(reader.Finish("safety state"));
  if (version != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("safety state version ", version, ", want ", kVersion));
  }
  if (!vote.empty()) {
    GROAT_ASSIGN_OR_RETURN(state.last_vote, Vote::Decode(vote));
  }
  GROAT_ASSIGN_OR_RETURN(state.high_qc, QuorumCertificate::Decode(high_qc));
  GROAT_ASSIGN_OR_RETURN(state.lock, QuorumCertificate::Decode(lock));
  if (!high_tc.empty()) {
    GROAT_ASSIGN_OR_RETURN(state.high_tc, TimeoutCertificate::Decode(high_tc));
  }
  return state;
}

View ProposalLimit(const SafetyState& durable) {
  View last = std::max(durable.timeout_view, durable.last_proposed_view);
  if (durable.last_vote.has_value()) last = std::max(last, durable.last_vote->view);
  return last == View(0) ? last : last.Next();
}

}  // namespace groat::hotstuff
