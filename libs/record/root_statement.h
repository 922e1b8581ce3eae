// A relay's signed word that a cycle ended with this root.
//
// Pure. Layout: docs/formats.md, "Root statement".
#ifndef GROAT_RECORD_ROOT_STATEMENT_H_
#define GROAT_RECORD_ROOT_STATEMENT_H_

#include "absl/status/status.h"
#include "crypto/blake3.h"
#include "crypto/ed25519.h"
#include "record/ids.h"

namespace groat::record {

struct RootStatement {
  RelayId relay;
  Shard shard;
  Period period;
  Cycle cycle;
  Hash root;                    // Zero for an empty trie.
  uint64_t leaf_count = 0;      // Leaves in the period's trie after this cycle.
  uint64_t new_leaf_count = 0;  // Of them, those of this cycle.

  // The signed bytes: "groat root v1\n", then the fields in order, big-endian.
  Bytes Encode() const;
  // "relay 1 shard 0 cycle 7", for messages.
  std::string Name() const;

  friend bool operator==(const RootStatement&, const RootStatement&) = default;
};

struct SignedRoot {
  RootStatement statement;
  Ed25519Signature signature;

  friend bool operator==(const SignedRoot&, const SignedRoot&) = default;
};

SignedRoot SignRoot(const RootStatement& statement, const Ed25519PrivateKey& key);

// InvalidArgument if the signature is not the relay key's over this statement, or if the
// statement contradicts itself (more new leaves than leaves, cycle 0, leaves without a root).
absl::Status VerifyRoot(const SignedRoot& root, const Ed25519PublicKey& key);

// InvalidArgument if `next` cannot follow `previous` of the same relay and shard: a gap, another
// period than `period_cycles` gives, or a leaf count that is not the old one plus the new leaves.
// `previous` is null for the first cycle.
absl::Status CheckFollows(const RootStatement* previous, const RootStatement& next,
                          uint64_t period_cycles);

}  // namespace groat::record

#endif  // GROAT_RECORD_ROOT_STATEMENT_H_
