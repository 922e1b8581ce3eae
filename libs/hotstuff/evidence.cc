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

}  // namespace

ReplicaIndex CulpritOf(const Evidence& evidence) {
  if (const auto* blocks = std::get_if<ConflictingBlocks>(&evidence)) {
    return blocks->first.header.proposer;
  }
  return std::get<ConflictingVotes>(evidence).first.signer;
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

bool EvidenceLog::Add(Evidence evidence) {
  const auto key_of = [](const Evidence& item) {
    return std::tuple(CulpritOf(item), ViewOf(item), item.index());
  };
  if (!keys_.insert(key_of(evidence)).second) return false;
  ++total_;
  list_.push_back(std::move(evidence));
  if (list_.size() > kCapacity) {
    keys_.erase(key_of(list_.front()));
    list_.pop_front();
  }
  return true;
}

}  // namespace groat::hotstuff
