// The doors to the code that needs AVX-512 IFMA. Plain functions and plain data, because what
// stands in a source compiled for AVX-512 must not be shared with other sources.
//
// Call these only where CpuHasIfma() (engine.h). Pure; values are public, nothing is constant
// time.
#ifndef GROAT_BLS_BULK_KERNELS_H_
#define GROAT_BLS_BULK_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace groat::bls {

// A G1 key as the directory stores it: x and y in eight limbs of 52 bits each, Montgomery form
// with R = 2^416, below 3p. 128 bytes, so two cache lines and no more. (Without AVX-512: x and y in
// six limbs of 64 bits, R = 2^384, below p.)
struct alignas(128) StoredKey {
  uint64_t x[8];
  uint64_t y[8];
};

// Keys of a directory in chunks of kKeysPerChunk.
inline constexpr size_t kKeysPerChunk = size_t{1} << 14;
struct SelectedKeys {
  const StoredKey* const* chunks;
  const uint32_t* indexes;
  size_t count;
};

namespace ifma {

// A sum; limbs as in StoredKey, but below 3p.
struct KeySum {
  uint64_t x[8];
  uint64_t y[8];
  bool infinity;
};
// Memory that SumKeys needs, at an address that is a multiple of 64.
size_t SumKeysWorkspaceBytes();
// The sum of the selected keys, none of which is infinity.
void SumKeys(const SelectedKeys& keys, void* workspace, KeySum& out);

// A sum of points of G2's curve. x: numbers below 3p in limbs of 52 bits, not in Montgomery form;
// y: the same, times 2^-208 modulo p. First the part without u.
struct SignatureSum {
  uint64_t x[2][8];
  uint64_t y[2][8];
  bool infinity;
};
size_t SumSignaturesWorkspaceBytes();
// The sum of those of `count` points, 192 bytes each in ZCash's uncompressed form, that are
// canonical and on the curve; the subgroup is not checked. Bit i % 8 of malformed[i / 8] is set
// for each other one ((count + 7) / 8 bytes are written), and their number returned.
size_t SumSignatures(const uint8_t* bytes, size_t count, void* workspace, uint8_t* malformed,
                     SignatureSum& out);

// A point of G2's curve as StoredKey is one of G1's; first the part without u.
struct alignas(128) StoredSignature {
  uint64_t x[2][8];
  uint64_t y[2][8];
};

// Decode points from ZCash's compressed form, 48 and 96 bytes each, and check that they are in the
// subgroup of order r. Coordinates are below 3p; infinity becomes zeros. A point that is not valid
// becomes zeros too, its bit (as in SumSignatures) is set in `refused`, and the number of such is
// returned.
size_t DecompressKeys(const uint8_t* bytes, size_t count, StoredKey* out, uint8_t* refused);
size_t DecompressSignatures(const uint8_t* bytes, size_t count, StoredSignature* out,
                            uint8_t* refused);

// A pair of points for a pairing, neither infinity; limbs as in StoredKey, below p.
struct PairingPoints {
  uint64_t p_x[8];
  uint64_t p_y[8];
  uint64_t q_x[2][8];
  uint64_t q_y[2][8];
};
// Whether the product of the pairings is one. The points must be in their subgroups.
bool PairingProductIsOne(const PairingPoints* pairs, size_t count);

}  // namespace ifma
}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_KERNELS_H_
