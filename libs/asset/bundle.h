// A proof bundle: everything about one update that somebody needs to check it without a connection,
// against nothing but the network's trust file.
//
// Pure.
#ifndef GROAT_ASSET_BUNDLE_H_
#define GROAT_ASSET_BUNDLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "asset/provenance.h"
#include "asset/trust.h"
#include "merkle/block_log.h"
#include "record/block.h"
#include "record/checkpoint.h"

namespace groat::asset {

// That a block is in the ledger which a checkpoint covers.
struct BlockEvidence {
  record::Block block;
  std::vector<merkle::LogHash> log_path;  // RFC 6962 inclusion path, from the leaf up; at most 64.
};

struct ProofBundle {
  ProofOfProvenance provenance;
  // The block of every root in the proof: that of `provenance.root` first, then those of the null
  // proofs in their order.
  std::vector<BlockEvidence> blocks;
  record::SignedCheckpoint checkpoint;
};

// One thing that was checked, for people to read.
struct VerifiedStep {
  std::string text;
};

// InvalidArgument names the first thing that is wrong; NotFound an unknown relay. `steps`, if not
// null, receives what was found right, in order, also when a later step fails.
absl::Status Verify(const ProofBundle& bundle, const Trust& trust,
                    std::vector<VerifiedStep>* steps = nullptr);

}  // namespace groat::asset

#endif  // GROAT_ASSET_BUNDLE_H_
