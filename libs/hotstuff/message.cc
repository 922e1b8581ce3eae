#include "hotstuff/message.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::hotstuff {
namespace {

enum class Kind : uint8_t {
  kProposal = 1,
  kVote = 2,
  kTimeout = 3,
  kAdvance = 4,
  kBlockRequest = 5,
  kBlockResponse = 6,
  kCommandBatch = 7,
};

void WritePart(ByteView bytes, ByteWriter& writer) {
  writer.U32(static_cast<uint32_t>(bytes.size())).Raw(bytes);
}

template <typename Pointer>
void WriteOptional(const Pointer& part, ByteWriter& writer) {
  WritePart(part == nullptr ? Bytes() : part->Encode(), writer);
}

absl::StatusOr<QcPtr> ReadQc(ByteReader& reader) {
  return QuorumCertificate::Decode(reader.Raw(reader.U32()));
}

absl::StatusOr<QcPtr> ReadOptionalQc(ByteReader& reader) {
  const ByteView bytes = reader.Raw(reader.U32());
  if (bytes.empty()) return QcPtr();
  return QuorumCertificate::Decode(bytes);
}

absl::StatusOr<TcPtr> ReadOptionalTc(ByteReader& reader) {
  const ByteView bytes = reader.Raw(reader.U32());
  if (bytes.empty()) return TcPtr();
  return TimeoutCertificate::Decode(bytes);
}

absl::StatusOr<Bytes> ReadShare(ByteReader& reader) {
  const size_t size = reader.U16();
  if (size > Vote::kMaxShareBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("share of ", size, " bytes, want at most ", Vote::kMaxShareBytes));
  }
  const ByteView bytes = reader.Raw(size);
  return Bytes(bytes.begin(), bytes.end());
}

void Write(const Proposal& proposal, ByteWriter& writer) {
  writer.U8(static_cast<uint8_t>(Kind::kProposal)).Raw(proposal.block->Encode());
}

void Write(const Vote& vote, ByteWriter& writer) {
  writer.U8(static_cast<uint8_t>(Kind::kVote)).Raw(vote.Encode());
}

void Write(const Timeout& timeout, ByteWriter& writer) {
  writer.U8(static_cast<uint8_t>(Kind::kTimeout))
      .U64(timeout.epoch.value())
      .U64(timeout.view.value())
      .U16(timeout.signer.value())
      .U16(static_cast<uint16_t>(timeout.share.size()))
      .Raw(timeout.share);
  WritePart(timeout.high_qc->Encode(), writer);
  WriteOptional(timeout.previous_timeout, writer);
  WritePart(timeout.last_vote.has_value() ? timeout.last_vote->Encode() : Bytes(), writer);
}

void Write(const Advance& advance, ByteWriter& writer) {
  writer.U8(static_cast<uint8_t>(Kind::kAdvance));
  WritePart(advance.high_qc->Encode(), writer);
  WriteOptional(advance.timeout, writer);
}

void Write(const BlockRequest& request, ByteWriter& writer) {
  writer.U8(static_cast<uint8_t>(Kind::kBlockRequest))
      .U64(request.epoch.value())
      .U64(request.from.value())
      .Raw(request.target);
}

void Write(const BlockResponse& response, ByteWriter& writer) {
  writer.U8(static_cast<uint8_t>(Kind::kBlockResponse))
      .U64(response.epoch.value())
      .U64(response.first_available.value());
  WriteOptional(response.certificate, writer);
  writer.U16(static_cast<uint16_t>(response.blocks.size()));
  for (const BlockPtr& block : response.blocks) WritePart(block->Encode(), writer);
}

void Write(const CommandBatch& batch, ByteWriter& writer) {
  writer.U8(static_cast<uint8_t>(Kind::kCommandBatch))
      .U32(static_cast<uint32_t>(batch.commands.size()))
      .Raw(EncodeCommands(batch.commands));
}

absl::StatusOr<Timeout> ReadTimeout(ByteReader& reader) {
  Timeout timeout;
  timeout.epoch = Epoch(reader.U64());
  timeout.view = View(reader.U64());
  timeout.signer = ReplicaIndex(reader.U16());
  GROAT_ASSIGN_OR_RETURN(timeout.share, ReadShare(reader));
  GROAT_ASSIGN_OR_RETURN(timeout.high_qc, ReadQc(reader));
  GROAT_ASSIGN_OR_RETURN(timeout.previous_timeout, ReadOptionalTc(reader));
  const ByteView vote = reader.Raw(reader.U32());
  GROAT_RETURN_IF_ERROR(reader.Finish("timeout"));
  if (!vote.empty()) {
    GROAT_ASSIGN_OR_RETURN(timeout.last_vote, Vote::Decode(vote));
  }
  return timeout;
}

absl::StatusOr<BlockResponse> ReadResponse(ByteReader& reader, const CommandBounds& bounds) {
  BlockResponse response;
  response.epoch = Epoch(reader.U64());
  response.first_available = Height(reader.U64());
  GROAT_ASSIGN_OR_RETURN(response.certificate, ReadOptionalQc(reader));
  const size_t count = reader.U16();
  if (count > kMaxResponseBlocks) {
    return absl::InvalidArgumentError(
        absl::StrCat("response with ", count, " blocks, want at most ", kMaxResponseBlocks));
  }
  for (size_t i = 0; i < count; ++i) {
    GROAT_ASSIGN_OR_RETURN(BlockPtr block, Block::Decode(reader.Raw(reader.U32()), bounds));
    response.blocks.push_back(std::move(block));
  }
  GROAT_RETURN_IF_ERROR(reader.Finish("block response"));
  return response;
}

absl::StatusOr<MessagePtr> DecodeBody(uint8_t kind, ByteReader& reader, ByteView body,
                                      const CommandBounds& bounds) {
  switch (static_cast<Kind>(kind)) {
    case Kind::kProposal: {
      GROAT_ASSIGN_OR_RETURN(BlockPtr block, Block::Decode(body, bounds));
      return MakeMessage(Proposal{std::move(block)});
    }
    case Kind::kVote: {
      GROAT_ASSIGN_OR_RETURN(Vote vote, Vote::Decode(body));
      return MakeMessage(std::move(vote));
    }
    case Kind::kTimeout: {
      GROAT_ASSIGN_OR_RETURN(Timeout timeout, ReadTimeout(reader));
      return MakeMessage(std::move(timeout));
    }
    case Kind::kAdvance: {
      Advance advance;
      GROAT_ASSIGN_OR_RETURN(advance.high_qc, ReadQc(reader));
      GROAT_ASSIGN_OR_RETURN(advance.timeout, ReadOptionalTc(reader));
      GROAT_RETURN_IF_ERROR(reader.Finish("advance"));
      return MakeMessage(std::move(advance));
    }
    case Kind::kBlockRequest: {
      BlockRequest request;
      request.epoch = Epoch(reader.U64());
      request.from = Height(reader.U64());
      request.target = reader.Fixed<32>();
      GROAT_RETURN_IF_ERROR(reader.Finish("block request"));
      return MakeMessage(request);
    }
    case Kind::kBlockResponse: {
      GROAT_ASSIGN_OR_RETURN(BlockResponse response, ReadResponse(reader, bounds));
      return MakeMessage(std::move(response));
    }
    case Kind::kCommandBatch: {
      const size_t count = reader.U32();
      if (reader.failed()) {
        return absl::InvalidArgumentError(
            absl::StrCat("commands of ", body.size(), " bytes, want 4 or more"));
      }
      GROAT_ASSIGN_OR_RETURN(std::vector<Command> commands,
                             DecodeCommands(reader.Raw(reader.remaining()), count, bounds));
      return MakeMessage(CommandBatch{std::move(commands)});
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("message kind ", kind, ", want 1 to 7"));
}

}  // namespace

Bytes Vote::Encode() const {
  return ByteWriter()
      .U64(epoch.value())
      .U64(view.value())
      .Raw(block)
      .U16(signer.value())
      .U16(static_cast<uint16_t>(share.size()))
      .Raw(share)
      .Take();
}

absl::StatusOr<Vote> Vote::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  Vote vote;
  vote.epoch = Epoch(reader.U64());
  vote.view = View(reader.U64());
  vote.block = reader.Fixed<32>();
  vote.signer = ReplicaIndex(reader.U16());
  GROAT_ASSIGN_OR_RETURN(vote.share, ReadShare(reader));
  GROAT_RETURN_IF_ERROR(reader.Finish("vote"));
  return vote;
}

std::string_view NameOf(const Message& message) {
  static constexpr std::string_view kNames[] = {
      "proposal", "vote", "timeout", "advance", "block request", "block response", "commands"};
  return kNames[message.index()];
}

Bytes EncodeMessage(const Message& message) {
  ByteWriter writer;
  std::visit([&writer](const auto& body) { Write(body, writer); }, message);
  return writer.Take();
}

absl::StatusOr<MessagePtr> DecodeMessage(ByteView bytes, const CommandBounds& bounds) {
  if (bytes.empty()) return absl::InvalidArgumentError("message of 0 bytes, want 1 or more");
  if (bytes.size() > MaxMessageBytes(bounds)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "message of ", bytes.size(), " bytes, want at most ", MaxMessageBytes(bounds)));
  }
  ByteReader reader(bytes);
  const uint8_t kind = reader.U8();
  return DecodeBody(kind, reader, bytes.subspan(1), bounds);
}

size_t MaxMessageBytes(const CommandBounds& bounds) {
  return std::max(kMaxResponseBytes, Block::MaxEncodedSize(bounds)) +
         2 * Block::MaxEncodedSize(bounds);
}

}  // namespace groat::hotstuff
