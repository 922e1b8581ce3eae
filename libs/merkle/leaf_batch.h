// Many trie leaf hashes at once.
//
// A leaf is 72 bytes, two BLAKE3 blocks, and so does not fit Blake3Context::HashBlocks: its second
// block starts from another state in every lane. One by one it costs 15 to 30 times a node, and
// would be most of an insert. So this is BLAKE3's compression function over vectors of lanes, 16
// with AVX-512, 8 with AVX2, 4 elsewhere, chosen at run time.
//
// Source: BLAKE3 (O'Connor, Aumasson, Neves, Wilcox-O'Hearn, 2021), section 2.2. Checked in the
// test against Blake3Context for every count of lanes. Pure and thread-safe.
#ifndef GROAT_MERKLE_LEAF_BATCH_H_
#define GROAT_MERKLE_LEAF_BATCH_H_

#include <span>

#include "merkle/trie_hash.h"

namespace groat::merkle {

// What a leaf's hash is taken over: key 32 | value 32 | cycle u64.
using LeafBytes = FixedBytes<72>;

LeafBytes EncodeLeaf(const TrieLeaf& leaf);

// out[i] receives the hash of leaves[i]; `out` has room for all.
void TrieLeafHashes(std::span<const LeafBytes> leaves, Hash* out);

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_LEAF_BATCH_H_
