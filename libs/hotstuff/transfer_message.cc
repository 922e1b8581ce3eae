#include "hotstuff/transfer_message.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::hotstuff {
namespace {

// The place in the variant, from 1.
enum class Kind : uint8_t {
  kOfferRequest = 1,
  kOffer,
  kHandoverRequest,
  kHandoverResponse,
  kHeadRequest,
  kHeadResponse,
  kPieceRequest,
  kPieceResponse,
};

void WriteName(const SnapshotName& name, ByteWriter& writer) {
  writer.U64(name.height.value()).Raw(name.digest);
}

SnapshotName ReadName(ByteReader& reader) {
  const Height height(reader.U64());
  return {height, reader.Fixed<32>()};
}

void Write(const OfferRequest&, ByteWriter&) {}

void Write(const Offer& offer, ByteWriter& writer) {
  writer.U64(offer.epoch.value()).U64(offer.last.value()).U64(offer.first.value());
  writer.U8(static_cast<uint8_t>(offer.snapshots.size()));
  for (const SnapshotName& name : offer.snapshots) WriteName(name, writer);
}

void Write(const HandoverRequest& request, ByteWriter& writer) {
  writer.U64(request.first.value());
}

void Write(const HandoverResponse& response, ByteWriter& writer) {
  writer.U64(response.first.value()).U8(static_cast<uint8_t>(response.proofs.size()));
  for (const Bytes& proof : response.proofs) {
    writer.U32(static_cast<uint32_t>(proof.size())).Raw(proof);
  }
}

void Write(const HeadRequest& request, ByteWriter& writer) { WriteName(request.snapshot, writer); }

void Write(const HeadResponse& response, ByteWriter& writer) {
  WriteName(response.snapshot, writer);
  writer.Raw(response.head);
}

void Write(const PieceRequest& request, ByteWriter& writer) {
  WriteName(request.snapshot, writer);
  writer.U32(request.index);
}

void Write(const PieceResponse& response, ByteWriter& writer) {
  WriteName(response.snapshot, writer);
  writer.U32(response.index).Raw(response.piece);
}

absl::StatusOr<TransferMessage> ReadOffer(ByteReader& reader) {
  Offer offer;
  offer.epoch = Epoch(reader.U64());
  offer.last = Height(reader.U64());
  offer.first = Height(reader.U64());
  const size_t count = reader.U8();
  if (count > Offer::kMaxSnapshots) {
    return absl::InvalidArgumentError(
        absl::StrCat("offer of ", count, " snapshots, want at most ", Offer::kMaxSnapshots));
  }
  for (size_t i = 0; i < count; ++i) offer.snapshots.push_back(ReadName(reader));
  GROAT_RETURN_IF_ERROR(reader.Finish("offer"));
  return offer;
}

absl::Status CheckSize(absl::string_view what, size_t size, size_t most) {
  if (size <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " of ", size, " bytes, want at most ", most));
}

Bytes ReadRest(ByteReader& reader) {
  const ByteView rest = reader.Raw(reader.remaining());
  return Bytes(rest.begin(), rest.end());
}

absl::StatusOr<TransferMessage> ReadHandovers(ByteReader& reader) {
  HandoverResponse response;
  response.first = Epoch(reader.U64());
  const size_t count = reader.U8();
  if (count > HandoverResponse::kMaxProofs) {
    return absl::InvalidArgumentError(absl::StrCat(
        "response of ", count, " handover proofs, want at most ", HandoverResponse::kMaxProofs));
  }
  for (size_t i = 0; i < count; ++i) {
    const ByteView proof = reader.Raw(reader.U32());
    GROAT_RETURN_IF_ERROR(
        CheckSize("handover proof", proof.size(), HandoverProof::kMaxEncodedSize));
    response.proofs.emplace_back(proof.begin(), proof.end());
  }
  GROAT_RETURN_IF_ERROR(reader.Finish("handover response"));
  return response;
}

absl::StatusOr<TransferMessage> ReadHead(ByteReader& reader, const CommandBounds& bounds) {
  HeadResponse response;
  response.snapshot = ReadName(reader);
  GROAT_RETURN_IF_ERROR(
      CheckSize("snapshot head", reader.remaining(), SnapshotHead::MaxEncodedSize(bounds)));
  response.head = ReadRest(reader);
  GROAT_RETURN_IF_ERROR(reader.Finish("head response"));
  return response;
}

absl::StatusOr<TransferMessage> ReadPiece(ByteReader& reader) {
  PieceResponse response;
  response.snapshot = ReadName(reader);
  response.index = reader.U32();
  GROAT_RETURN_IF_ERROR(CheckSize("piece", reader.remaining(), SnapshotManifest::kPieceBytes));
  response.piece = ReadRest(reader);
  GROAT_RETURN_IF_ERROR(reader.Finish("piece response"));
  return response;
}

}  // namespace

std::string_view NameOf(const TransferMessage& message) {
  static constexpr std::string_view kNames[] = {
      "offer request", "offer",         "handover request", "handover response",
      "head request",  "head response", "piece request",    "piece response"};
  return kNames[message.index()];
}

Bytes EncodeTransfer(const TransferMessage& message) {
  ByteWriter writer;
  writer.U8(static_cast<uint8_t>(message.index() + 1));
  std::visit([&writer](const auto& body) { Write(body, writer); }, message);
  return writer.Take();
}

absl::StatusOr<TransferMessage> DecodeTransfer(ByteView bytes, const CommandBounds& bounds) {
  if (bytes.empty() || bytes.size() > MaxTransferBytes(bounds)) {
    return absl::InvalidArgumentError(
        absl::StrCat("message of ", bytes.size(), " bytes, want 1 to ", MaxTransferBytes(bounds)));
  }
  ByteReader reader(bytes);
  const uint8_t kind = reader.U8();
  switch (static_cast<Kind>(kind)) {
    case Kind::kOfferRequest: {
      GROAT_RETURN_IF_ERROR(reader.Finish("offer request"));
      return OfferRequest();
    }
    case Kind::kOffer:
      return ReadOffer(reader);
    case Kind::kHandoverRequest: {
      HandoverRequest request{Epoch(reader.U64())};
      GROAT_RETURN_IF_ERROR(reader.Finish("handover request"));
      return request;
    }
    case Kind::kHandoverResponse:
      return ReadHandovers(reader);
    case Kind::kHeadRequest: {
      HeadRequest request{ReadName(reader)};
      GROAT_RETURN_IF_ERROR(reader.Finish("head request"));
      return request;
    }
    case Kind::kHeadResponse:
      return ReadHead(reader, bounds);
    case Kind::kPieceRequest: {
      PieceRequest request{ReadName(reader), 0};
      request.index = reader.U32();
      GROAT_RETURN_IF_ERROR(reader.Finish("piece request"));
      return request;
    }
    case Kind::kPieceResponse:
      return ReadPiece(reader);
  }
  return absl::InvalidArgumentError(absl::StrCat("message kind ", kind, ", want 1 to 8"));
}

size_t MaxTransferBytes(const CommandBounds& bounds) {
  // What comes before the head, or before the proofs of a response and their sizes.
  constexpr size_t kOther = 64 + 4 * HandoverResponse::kMaxProofs;
  return kOther + std::max(SnapshotHead::MaxEncodedSize(bounds),
                           HandoverResponse::kMaxBytes + HandoverProof::kMaxEncodedSize);
}

}  // namespace groat::hotstuff
