// Ids of consensus, and the sizes of quorums. Pure values.
#ifndef GROAT_HOTSTUFF_IDS_H_
#define GROAT_HOTSTUFF_IDS_H_

#include <cstddef>
#include <cstdint>

#include "base/strong_id.h"
#include "crypto/blake3.h"

namespace groat::hotstuff {

// A validator by its place in the epoch's validator set. From 0.
using ReplicaIndex = StrongId<struct ReplicaIndexTag, uint16_t>;
// Counts validator sets. From 0.
using Epoch = StrongId<struct EpochTag, uint64_t>;
// One attempt of one leader to add a block. From 1 in each epoch; 0 belongs to the epoch's root.
using View = StrongId<struct ViewTag, uint64_t>;
// Distance of a block from genesis, over all epochs. Genesis has 0.
using Height = StrongId<struct HeightTag, uint64_t>;
// Who submits commands. With the sequence it names a command for ever.
using ClientId = StrongId<struct ClientIdTag, uint64_t>;
using Sequence = StrongId<struct SequenceTag, uint64_t>;

// Counts the blocks that one replica's tree takes, from 1. Children have higher ones than parents.
// Two blocks may share a view: replicas with different high certificates may differ on who leads
// it.
using BlockSerial = StrongId<struct BlockSerialTag, uint64_t>;

using BlockId = Hash;
using ChainId = Hash;

inline constexpr size_t kMaxReplicas = 256;

// How many of n replicas may be Byzantine.
constexpr size_t FaultsOf(size_t replicas) { return replicas == 0 ? 0 : (replicas - 1) / 3; }
// n - f: any two of them share an honest replica.
constexpr size_t QuorumOf(size_t replicas) { return replicas - FaultsOf(replicas); }
// f + 1: at least one of them is honest.
constexpr size_t HonestWitnessesOf(size_t replicas) { return FaultsOf(replicas) + 1; }

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_IDS_H_
