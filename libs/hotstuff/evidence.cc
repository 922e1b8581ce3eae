#include "hotstuff/evidence.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"

namespace groat::hotstuff {
namespace {

constexpr uint8_t kBlocks = 1;
constexpr uint8_t kVotes = 2;

Bytes Encode(const SignedHeader& signed_header) {
  return ByteWriter().Raw(signed_header.header.Encode()).Raw(signed_header.signature).Take();
}

absl::StatusOr<SignedHeader> DecodeSignedHeader(ByteView bytes) {
  const size_t want = BlockHeader::kEncodedSize + Ed25519Signature::kSize;
  if (bytes.size() != want) {
    return absl::InvalidArgumentError(
        absl::StrCat("signed header is ", bytes.size(), " bytes, want ", want));
  }
  SignedHeader out;
  GROAT_ASSIGN_OR_RETURN(out.header, BlockHeader::Decode(bytes.first(BlockHeader::kEncodedSize)));
  std::memcpy(out.signature.data(), bytes.data() + BlockHeader::kEncodedSize,
              Ed25519Signature::kSize);
  return out;
}

absl::Status Verify(const ConflictingBlocks& blocks, const Verifier& verifier) {
  const BlockHeader& first = blocks.first.header;
  const BlockHeader& second = blocks.second.header;
  if (first.proposer != second.proposer || first.view != second.view || first == second) {
    return absl::InvalidArgumentError(absl::StrCat("blocks of validators ", first.proposer.value(),
                                                   " and ", second.proposer.value(), " in views ",
                                                   first.view.value(), " and ", second.view.value(),
                                                   ", want two of one validator in one view"));
  }
  for (const SignedHeader* part : {&blocks.first, &blocks.second}) {
    if (part->header.chain != verifier.chain || part->header.epoch != verifier.epoch ||
        !verifier.scheme->VerifyBlock(part->header.proposer, ProposalDigest(part->header.Id()),
                                      part->signature)) {
      return absl::InvalidArgumentError(absl::StrCat("block of view ", part->header.view.value(),
                                                     " is not signed by validator ",
                                                     part->header.proposer.value()));
    }
  }
  return absl::OkStatus();
}

absl::Status Verify(const ConflictingVotes& votes, const Verifier& verifier) {
  const Vote& first = votes.first;
  const Vote& second = votes.second;
  if (first.signer != second.signer || first.view != second.view || first.block == second.block) {
    return absl::InvalidArgumentError(absl::StrCat("votes of validators ", first.signer.value(),
                                                   " and ", second.signer.value(), " in views ",
                                                   first.view.value(), " and ", second.view.value(),
                                                   ", want two of one validator in one view"));
  }
  for (const Vote* vote : {&first, &second}) {
    const Hash digest = VoteDigest(verifier.chain, vote->epoch, vote->view, vote->block);
    if (vote->epoch != verifier.epoch ||
        !verifier.scheme->VerifyShare({vote->signer, digest, vote->share})) {
      return absl::InvalidArgumentError(absl::StrCat("vote in view ", vote->view.value(),
                                                     " is not signed by validator ",
                                                     vote->signer.value()));
    }
  }
  return absl::OkStatus();
}

std::pair<Epoch, ReplicaIndex> CulpritIn(const Evidence& evidence) {
  return {EpochOf(evidence), CulpritOf(evidence)};
}

}  // namespace

ReplicaIndex CulpritOf(const Evidence& evidence) {
  if (const auto* blocks = std::get_if<ConflictingBlocks>(&evidence)) {
    return blocks->first.header.proposer;
  }
  return std::get<ConflictingVotes>(evidence).first.signer;
}

Epoch EpochOf(const Evidence& evidence) {
  if (const auto* blocks = std::get_if<ConflictingBlocks>(&evidence)) {
    return blocks->first.header.epoch;
  }
  return std::get<ConflictingVotes>(evidence).first.epoch;
}

std::string_view KindOf(const Evidence& evidence) {
  return std::holds_alternative<ConflictingBlocks>(evidence) ? "two blocks" : "two votes";
}

View ViewOf(const Evidence& evidence) {
  if (const auto* blocks = std::get_if<ConflictingBlocks>(&evidence)) {
    return blocks->first.header.view;
  }
  return std::get<ConflictingVotes>(evidence).first.view;
}

Bytes EncodeEvidence(const Evidence& evidence) {
  Bytes first;
  Bytes second;
  const bool is_blocks = std::holds_alternative<ConflictingBlocks>(evidence);
  if (is_blocks) {
    first = Encode(std::get<ConflictingBlocks>(evidence).first);
    second = Encode(std::get<ConflictingBlocks>(evidence).second);
  } else {
    first = std::get<ConflictingVotes>(evidence).first.Encode();
    second = std::get<ConflictingVotes>(evidence).second.Encode();
  }
  return ByteWriter()
      .U8(is_blocks ? kBlocks : kVotes)
      .U32(static_cast<uint32_t>(first.size()))
      .Raw(first)
      .U32(static_cast<uint32_t>(second.size()))
      .Raw(second)
      .Take();
}

absl::StatusOr<Evidence> DecodeEvidence(ByteView bytes) {
  ByteReader reader(bytes);
  const uint8_t kind = reader.U8();
  const ByteView first = reader.Raw(reader.U32());
  const ByteView second = reader.Raw(reader.U32());
  GROAT_RETURN_IF_ERROR(reader.Finish("evidence"));
  if (kind == kBlocks) {
    ConflictingBlocks blocks;
    GROAT_ASSIGN_OR_RETURN(blocks.first, DecodeSignedHeader(first));
    GROAT_ASSIGN_OR_RETURN(blocks.second, DecodeSignedHeader(second));
    return Evidence(blocks);
  }
  if (kind == kVotes) {
    ConflictingVotes votes;
    GROAT_ASSIGN_OR_RETURN(votes.first, Vote::Decode(first));
    GROAT_ASSIGN_OR_RETURN(votes.second, Vote::Decode(second));
    return Evidence(votes);
  }
  return absl::InvalidArgumentError(absl::StrCat("evidence kind ", kind, ", want 1 or 2"));
}

absl::Status VerifyEvidence(const Evidence& evidence, const Verifier& verifier) {
  return std::visit([&verifier](const auto& parts) { return Verify(parts, verifier); }, evidence);
}

EvidenceLog::EvidenceLog(const std::vector<Evidence>& kept, uint64_t total) {
  for (const Evidence& evidence : kept) Add(evidence);
  total_ = total;
}

bool EvidenceLog::Wants(const Evidence& evidence) const {
  const Culprit culprit = CulpritIn(evidence);
  const auto count = counts_.find(culprit);
  return (count == counts_.end() || count->second < kPerCulprit) &&
         !keys_.contains({culprit, ViewOf(evidence), evidence.index()});
}

bool EvidenceLog::Add(Evidence evidence) {
  if (!Wants(evidence)) return false;
  const Culprit culprit = CulpritIn(evidence);
  keys_.insert({culprit, ViewOf(evidence), evidence.index()});
  ++counts_[culprit];
  ++total_;
  list_.push_back(std::move(evidence));
  if (list_.size() <= kCapacity) return true;
  const Evidence& oldest = list_.front();
  const auto count = counts_.find(CulpritIn(oldest));
  if (--count->second == 0) counts_.erase(count);
  keys_.erase({CulpritIn(oldest), ViewOf(oldest), oldest.index()});
  list_.pop_front();
  return true;
}

}  // namespace groat::hotstuff
