#include "hotstuff/digest.h"

namespace groat::hotstuff {
namespace {

std::array<uint8_t, 8> Big(uint64_t value) {
  std::array<uint8_t, 8> out;
  StoreBigEndian(value, out.data(), out.size());
  return out;
}

}  // namespace

ChainId GenesisDigest(ByteView encoded_genesis) {
  static const Blake3Context context("groat 2026 hotstuff genesis v1");
  return context(encoded_genesis);
}

BlockId HeaderDigest(ByteView encoded_header) {
  static const Blake3Context context("groat 2026 hotstuff block v1");
  return context(encoded_header);
}

Hash PayloadDigest(ByteView encoded_commands) {
  static const Blake3Context context("groat 2026 hotstuff payload v1");
  return context(encoded_commands);
}

Hash CertificateDigest(ByteView encoded_certificate) {
  static const Blake3Context context("groat 2026 hotstuff certificate v1");
  return context(encoded_certificate);
}

Hash ScheduleDigest(ByteView encoded_schedule) {
  static const Blake3Context context("groat 2026 hotstuff schedule v1");
  return context(encoded_schedule);
}

Hash SnapshotDigest(ByteView encoded_manifest) {
  static const Blake3Context context("groat 2026 hotstuff snapshot v1");
  return context(encoded_manifest);
}

Hash SnapshotPieceDigest(ByteView piece) {
  static const Blake3Context context("groat 2026 hotstuff snapshot piece v1");
  return context(piece);
}

Hash ProposalDigest(const BlockId& block) {
  static const Blake3Context context("groat 2026 hotstuff proposal v1");
  return context(block);
}

Hash VoteDigest(const ChainId& chain, Epoch epoch, View view, const BlockId& block) {
  static const Blake3Context context("groat 2026 hotstuff vote v1");
  return context({chain, Big(epoch.value()), Big(view.value()), block});
}

Hash TimeoutDigest(const ChainId& chain, Epoch epoch, View view, View high_qc_view) {
  static const Blake3Context context("groat 2026 hotstuff timeout v1");
  return context({chain, Big(epoch.value()), Big(view.value()), Big(high_qc_view.value())});
}

Hash HandoverDigest(const ChainId& chain, Epoch epoch, ByteView encoded_change) {
  static const Blake3Context context("groat 2026 hotstuff handover v1");
  return context({chain, Big(epoch.value()), encoded_change});
}

}  // namespace groat::hotstuff
