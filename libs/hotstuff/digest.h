// The hashes of consensus, each in a domain of its own, so that no signature means two things.
//
// Pure. Layouts: the comments below; all integers big-endian.
#ifndef GROAT_HOTSTUFF_DIGEST_H_
#define GROAT_HOTSTUFF_DIGEST_H_

#include "hotstuff/ids.h"

namespace groat::hotstuff {

// H("groat 2026 hotstuff genesis v1", encoded genesis): names the chain in everything signed.
ChainId GenesisDigest(ByteView encoded_genesis);
// H("groat 2026 hotstuff block v1", encoded header).
BlockId HeaderDigest(ByteView encoded_header);
// H("groat 2026 hotstuff payload v1", encoded commands).
Hash PayloadDigest(ByteView encoded_commands);
// H("groat 2026 hotstuff certificate v1", encoded certificate).
Hash CertificateDigest(ByteView encoded_certificate);
// H("groat 2026 hotstuff schedule v1", encoded leader schedule).
Hash ScheduleDigest(ByteView encoded_schedule);
// H("groat 2026 hotstuff snapshot v1", encoded manifest).
Hash SnapshotDigest(ByteView encoded_manifest);
// H("groat 2026 hotstuff snapshot piece v1", piece).
Hash SnapshotPieceDigest(ByteView piece);
// H("groat 2026 hotstuff proposal v1", block id): what a proposer signs. The id covers chain and
// epoch.
Hash ProposalDigest(const BlockId& block);
// H("groat 2026 hotstuff vote v1", chain id 32 ‖ epoch u64 ‖ view u64 ‖ block id 32).
Hash VoteDigest(const ChainId& chain, Epoch epoch, View view, const BlockId& block);
// H("groat 2026 hotstuff timeout v1", chain id 32 ‖ epoch u64 ‖ view u64 ‖ high QC's view u64). The
// domain differs from a vote's, so a timeout certificate never passes for a vote certificate.
Hash TimeoutDigest(const ChainId& chain, Epoch epoch, View view, View high_qc_view);
// H("groat 2026 hotstuff handover v1", chain id 32 ‖ epoch u64 ‖ encoded validator change): what
// the validators of an epoch sign to let another set follow.
Hash HandoverDigest(const ChainId& chain, Epoch epoch, ByteView encoded_change);

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_DIGEST_H_
