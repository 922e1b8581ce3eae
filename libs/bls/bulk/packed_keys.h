// A directory of public keys, packed for fast sums of any selection of them.
//
// Keys are appended and never change. Each takes 128 bytes: affine coordinates in the limbs of the
// code that will add them up, so that a sum converts nothing. Millions of keys fit; the sums are
// for 65,536 of them at a time and work for any number.
//
// Pure. Thread-safe as a container is: many may read or one may append.
#ifndef GROAT_BLS_BULK_PACKED_KEYS_H_
#define GROAT_BLS_BULK_PACKED_KEYS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/bulk/engine.h"
#include "bls/bulk/kernels.h"
#include "bls/bulk/workspace.h"
#include "bls/curve/curves.h"

namespace groat::bls {

class PackedKeys {
 public:
  // Keys are counted in 32 bits.
  static constexpr size_t kMaxKeys = size_t{1} << 32;

  // Engine::kIfma where the processor lacks it stops the process.
  explicit PackedKeys(Engine engine = BestEngine());

  // Appends a key whose subgroup and whose proof of possession the caller has checked.
  // InvalidArgument for infinity; then nothing is appended.
  absl::Status Append(const G1Affine& key);
  // Appends keys of 48 bytes each (ZCash's compressed form), whose proofs of possession the caller
  // has checked. InvalidArgument, naming the first, if one is not canonical, not on the curve, not
  // in the subgroup, or infinity; then nothing is appended.
  absl::Status AppendCompressed(ByteView keys);

  size_t size() const { return size_; }
  Engine engine() const { return engine_; }
  // The index must be below size(), else the process stops.
  G1Affine Get(size_t index) const;

  // The sum of the keys at the indexes, which may be in any order and repeat; infinity for none or
  // where they cancel. OutOfRange if an index is not below size(). Ascending indexes are fastest.
  absl::StatusOr<G1Affine> Sum(std::span<const uint32_t> indexes, Workspace& workspace) const;

  // The sum of the keys whose bits are set. The bitmap has ceil(size() / 8) bytes, the highest bit
  // of the first byte is key 0 (as in bls/signer_set.h). InvalidArgument for another length or a
  // bit set behind the last key. Where more than half of a chunk of kKeysPerChunk keys is set, the
  // unset ones are taken off the chunk's sum instead.
  absl::StatusOr<G1Affine> SumSelected(ByteView bitmap, Workspace& workspace) const;

  // The indexes whose bits are set; errors as above.
  absl::StatusOr<std::vector<uint32_t>> SelectedIndexes(ByteView bitmap) const;

 private:
  struct FreeChunk {
    void operator()(StoredKey* chunk) const;
  };
  using Chunk = std::unique_ptr<StoredKey, FreeChunk>;

  void Store(const StoredKey& key);
  StoredKey Pack(const G1Affine& key) const;
  G1Affine Unpack(const StoredKey& key) const;
  const StoredKey& at(size_t index) const {
    return chunk_pointers_[index / kKeysPerChunk][index % kKeysPerChunk];
  }
  G1Affine SumValid(std::span<const uint32_t> indexes, Workspace& workspace) const;
  absl::Status CheckBitmap(ByteView bitmap) const;

  Engine engine_;
  size_t size_ = 0;
  std::vector<Chunk> chunks_;
  std::vector<const StoredKey*> chunk_pointers_;
  std::vector<G1> chunk_sums_;
};

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_PACKED_KEYS_H_
