#include "hotstuff/certificate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"

namespace groat::hotstuff {
namespace {

void WriteSigners(const bls::SignerSet& signers, ByteWriter& writer) {
  writer.U16(static_cast<uint16_t>(signers.members())).Raw(signers.Encode());
}

absl::StatusOr<bls::SignerSet> ReadSigners(ByteReader& reader, std::string_view what) {
  const size_t members = reader.U16();
  if (members > kMaxReplicas) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(what), " of ", members, " members, want at most ", kMaxReplicas));
  }
  return bls::SignerSet::Decode(reader.Raw(bls::SignerSet::EncodedSize(members)), members);
}

void WriteSignature(ByteView signature, ByteWriter& writer) {
  writer.U32(static_cast<uint32_t>(signature.size())).Raw(signature);
}

absl::StatusOr<Bytes> ReadSignature(ByteReader& reader, std::string_view what) {
  const size_t size = reader.U32();
  if (size > Proof::kMaxSignatureBytes) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(what), " with a signature of ", size,
                                                   " bytes, want at most ",
                                                   Proof::kMaxSignatureBytes));
  }
  const ByteView bytes = reader.Raw(size);
  return Bytes(bytes.begin(), bytes.end());
}

}  // namespace

QcPtr QuorumCertificate::Make(Epoch epoch, View view, const BlockId& block, Proof proof) {
  auto out = std::shared_ptr<QuorumCertificate>(new QuorumCertificate());
  out->epoch_ = epoch;
  out->view_ = view;
  out->block_ = block;
  out->proof_ = std::move(proof);
  out->hash_ = CertificateDigest(out->Encode());
  return out;
}

QcPtr QuorumCertificate::MakeRoot(Epoch epoch, const BlockId& root) {
  return Make(epoch, View(0), root, Proof());
}

Bytes QuorumCertificate::Encode() const {
  ByteWriter writer;
  writer.U64(epoch_.value()).U64(view_.value()).Raw(block_);
  WriteSigners(proof_.signers, writer);
  WriteSignature(proof_.signature, writer);
  return writer.Take();
}

absl::StatusOr<QcPtr> QuorumCertificate::Decode(ByteView bytes) {
  constexpr std::string_view kWhat = "quorum certificate";
  ByteReader reader(bytes);
  const Epoch epoch(reader.U64());
  const View view(reader.U64());
  const BlockId block = reader.Fixed<32>();
  Proof proof;
  GROAT_ASSIGN_OR_RETURN(proof.signers, ReadSigners(reader, kWhat));
  GROAT_ASSIGN_OR_RETURN(proof.signature, ReadSignature(reader, kWhat));
  GROAT_RETURN_IF_ERROR(reader.Finish(kWhat));
  return Make(epoch, view, block, std::move(proof));
}

TcPtr TimeoutCertificate::Make(Epoch epoch, View view, std::vector<View> high_qc_views,
                               Proof proof) {
  GROAT_CHECK_EQ(high_qc_views.size(), proof.signers.count());
  auto out = std::shared_ptr<TimeoutCertificate>(new TimeoutCertificate());
  out->epoch_ = epoch;
  out->view_ = view;
  for (const View high : high_qc_views) {
    GROAT_CHECK_LT(high, view);
    out->highest_qc_view_ = std::max(out->highest_qc_view_, high);
  }
  out->high_qc_views_ = std::move(high_qc_views);
  out->proof_ = std::move(proof);
  out->hash_ = CertificateDigest(out->Encode());
  return out;
}

Bytes TimeoutCertificate::Encode() const {
  ByteWriter writer;
  writer.U64(epoch_.value()).U64(view_.value());
  WriteSigners(proof_.signers, writer);
  for (const View high : high_qc_views_) writer.U64(high.value());
  WriteSignature(proof_.signature, writer);
  return writer.Take();
}

absl::StatusOr<TcPtr> TimeoutCertificate::Decode(ByteView bytes) {
  constexpr std::string_view kWhat = "timeout certificate";
  ByteReader reader(bytes);
  const Epoch epoch(reader.U64());
  const View view(reader.U64());
  Proof proof;
  GROAT_ASSIGN_OR_RETURN(proof.signers, ReadSigners(reader, kWhat));
  std::vector<View> high_qc_views;
  for (size_t i = 0; i < proof.signers.count(); ++i) {
    high_qc_views.emplace_back(reader.U64());
    if (high_qc_views.back() >= view) {
      return absl::InvalidArgumentError(absl::StrCat("timeout certificate of view ", view.value(),
                                                     " lists the view ",
                                                     high_qc_views.back().value()));
    }
  }
  GROAT_ASSIGN_OR_RETURN(proof.signature, ReadSignature(reader, kWhat));
  GROAT_RETURN_IF_ERROR(reader.Finish(kWhat));
  return Make(epoch, view, std::move(high_qc_views), std::move(proof));
}

}  // namespace groat::hotstuff
