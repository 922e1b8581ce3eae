#include "bls/bulk/packed_keys.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "bls/bulk/batch_affine.h"
#include "bls/bulk/fp_limb52.h"
#include "bls/bulk/scalar_fields.h"
#include "bls/curve/encoding.h"

namespace groat::bls {
namespace {

using Field = ScalarField<Fp>;
// 512 new points a round: points and scratch take 170 KiB.
constexpr size_t kScalarGroup = 512;
using ScalarWorkspace = SumWorkspace<Field, kScalarGroup>;

constexpr std::align_val_t kChunkAlignment{4096};

absl::Status Infinity(size_t index) {
  return absl::InvalidArgumentError(absl::StrCat("key ", index, " is infinity"));
}

absl::Status KeyError(size_t index, const absl::Status& status) {
  return absl::InvalidArgumentError(
      absl::StrCat("key ", index, ": ", absl::string_view(status.message())));
}

absl::StatusOr<G1Affine> DecodeKey(ByteView bytes, size_t index) {
  const absl::StatusOr<G1Affine> point = DecodeG1Compressed(bytes);
  if (!point.ok()) return KeyError(index, point.status());
  if (point->IsInfinity().Declassify()) return Infinity(index);
  const absl::Status in_subgroup = CheckInSubgroup(*point);
  if (!in_subgroup.ok()) return KeyError(index, in_subgroup);
  return *point;
}

}  // namespace

PackedKeys::PackedKeys(Engine engine) : engine_(engine) {
  GROAT_CHECK(engine == Engine::kScalar || CpuHasIfma()) << "the processor has no AVX-512 IFMA";
}

void PackedKeys::FreeChunk::operator()(StoredKey* chunk) const {
  ::operator delete(chunk, kChunkAlignment);
}

StoredKey PackedKeys::Pack(const G1Affine& key) const {
  StoredKey out = {};
  if (engine_ == Engine::kIfma) {
    std::ranges::copy(ToLimbs52(key.x), out.x);
    std::ranges::copy(ToLimbs52(key.y), out.y);
  } else {
    std::ranges::copy(key.x.montgomery(), out.x);
    std::ranges::copy(key.y.montgomery(), out.y);
  }
  return out;
}

G1Affine PackedKeys::Unpack(const StoredKey& key) const {
  if (engine_ == Engine::kIfma) return {FromLimbs52(key.x), FromLimbs52(key.y)};
  Limbs<6> x;
  Limbs<6> y;
  std::copy_n(key.x, 6, x.begin());
  std::copy_n(key.y, 6, y.begin());
  return {Fp::FromMontgomery(x), Fp::FromMontgomery(y)};
}

void PackedKeys::Store(const StoredKey& key) {
  GROAT_CHECK_LT(size_, kMaxKeys);
  if (size_ % kKeysPerChunk == 0) {
    auto* chunk =
        static_cast<StoredKey*>(::operator new(kKeysPerChunk * sizeof(StoredKey), kChunkAlignment));
    chunks_.emplace_back(chunk);
    chunk_pointers_.push_back(chunk);
    chunk_sums_.push_back(G1::Infinity());
  }
  new (chunks_.back().get() + size_ % kKeysPerChunk) StoredKey(key);
  ++size_;
}

absl::Status PackedKeys::Append(const G1Affine& key) {
  if (key.IsInfinity().Declassify()) return Infinity(size_);
  Store(Pack(key));
  chunk_sums_.back() += key;
  return absl::OkStatus();
}

absl::Status PackedKeys::AppendCompressed(ByteView keys) {
  if (keys.size() % kG1CompressedBytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(keys.size(), " bytes are not a whole number of keys of 48"));
  }
  const size_t count = keys.size() / kG1CompressedBytes;
  std::vector<StoredKey> stored(count);
  const auto key_bytes = [&keys](size_t i) {
    return keys.subspan(i * kG1CompressedBytes, kG1CompressedBytes);
  };
#if GROAT_BLS_IFMA
  if (engine_ == Engine::kIfma) {
    std::vector<uint8_t> refused((count + 7) / 8);
    ifma::DecompressKeys(keys.data(), count, stored.data(), refused.data());
    for (size_t i = 0; i < count; ++i) {
      const bool zero = std::ranges::all_of(stored[i].y, [](uint64_t limb) { return limb == 0; });
      if (!zero) continue;  // A refused key is zeros too.
      const absl::Status status = DecodeKey(key_bytes(i), i).status();
      GROAT_CHECK(!status.ok()) << "key " << i << " is refused in bulk and accepted alone";
      return status;
    }
  }
#endif
  if (engine_ == Engine::kScalar) {
    for (size_t i = 0; i < count; ++i) {
      GROAT_ASSIGN_OR_RETURN(const G1Affine key, DecodeKey(key_bytes(i), i));
      stored[i] = Pack(key);
    }
  }
  for (const StoredKey& key : stored) {
    Store(key);
    chunk_sums_.back() += Unpack(key);
  }
  return absl::OkStatus();
}

G1Affine PackedKeys::Get(size_t index) const {
  GROAT_CHECK_LT(index, size_);
  return Unpack(at(index));
}

G1Affine PackedKeys::SumValid(std::span<const uint32_t> indexes, Workspace& workspace) const {
#if GROAT_BLS_IFMA
  if (engine_ == Engine::kIfma) {
    ifma::KeySum sum;
    ifma::SumKeys({chunk_pointers_.data(), indexes.data(), indexes.size()},
                  workspace.Reserve(ifma::SumKeysWorkspaceBytes()), sum);
    if (sum.infinity) return G1Affine::Infinity();
    return {FromLimbs52(sum.x), FromLimbs52(sum.y)};
  }
#endif
  auto* memory = new (workspace.Reserve(sizeof(ScalarWorkspace))) ScalarWorkspace;
  size_t next = 0;
  const auto load = [&](AffineLanes<Field>* points, size_t capacity) {
    const size_t count = std::min(capacity, indexes.size() - next);
    for (size_t i = 0; i < count; ++i) {
      const G1Affine key = Unpack(at(indexes[next + i]));
      points[i] = {key.x, key.y};
    }
    next += count;
    return count;
  };
  AffineLanes<Field> sum;
  SumPoints<Field, kScalarGroup>(load, *memory, sum);
  return {sum.x, sum.y};
}

absl::StatusOr<G1Affine> PackedKeys::Sum(std::span<const uint32_t> indexes,
                                         Workspace& workspace) const {
  uint32_t highest = 0;
  for (const uint32_t index : indexes) highest = std::max(highest, index);
  if (!indexes.empty() && highest >= size_) {
    return absl::OutOfRangeError(absl::StrCat("key ", highest, " of ", size_));
  }
  return SumValid(indexes, workspace);
}

absl::Status PackedKeys::CheckBitmap(ByteView bitmap) const {
  const size_t want = (size_ + 7) / 8;
  if (bitmap.size() != want) {
    return absl::InvalidArgumentError(
        absl::StrCat("bitmap is ", bitmap.size(), " bytes, want ", want));
  }
  if (size_ % 8 != 0 && (bitmap.back() & (0xffu >> (size_ % 8))) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("bitmap has bits past key ", size_ - 1));
  }
  return absl::OkStatus();
}

namespace {

// Appends the numbers of the bits of `bitmap`, key `first` at its first bit, that are set, or with
// `inverted` those below `count` that are not.
void AppendBits(ByteView bitmap, size_t first, size_t count, bool inverted,
                std::vector<uint32_t>& out) {
  for (size_t start = 0; start < count; start += 64) {
    const size_t bits = std::min<size_t>(64, count - start);
    uint64_t word = LoadBigEndian(bitmap.data() + start / 8, (bits + 7) / 8);
    word <<= 64 - 8 * ((bits + 7) / 8);
    if (inverted) word = ~word;
    if (bits < 64) word &= ~(~uint64_t{0} >> bits);
    while (word != 0) {
      const auto bit = static_cast<size_t>(std::countl_zero(word));
      out.push_back(static_cast<uint32_t>(first + start + bit));
      word &= ~(uint64_t{1} << (63 - bit));
    }
  }
}

size_t CountBits(ByteView bitmap) {
  size_t count = 0;
  for (const uint8_t byte : bitmap) count += static_cast<size_t>(std::popcount(byte));
  return count;
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> PackedKeys::SelectedIndexes(ByteView bitmap) const {
  GROAT_RETURN_IF_ERROR(CheckBitmap(bitmap));
  std::vector<uint32_t> out;
  out.reserve(CountBits(bitmap));
  AppendBits(bitmap, 0, size_, false, out);
  return out;
}

absl::StatusOr<G1Affine> PackedKeys::SumSelected(ByteView bitmap, Workspace& workspace) const {
  GROAT_RETURN_IF_ERROR(CheckBitmap(bitmap));
  std::vector<uint32_t> added;
  std::vector<uint32_t> taken_off;
  G1 whole_chunks;
  for (size_t chunk = 0; chunk < chunks_.size(); ++chunk) {
    const size_t first = chunk * kKeysPerChunk;
    const size_t count = std::min(kKeysPerChunk, size_ - first);
    const ByteView bits = bitmap.subspan(first / 8, (count + 7) / 8);
    const bool mostly_set = CountBits(bits) > count / 2;
    if (mostly_set) whole_chunks += chunk_sums_[chunk];
    AppendBits(bits, first, count, mostly_set, mostly_set ? taken_off : added);
  }
  G1 sum = whole_chunks;
  if (!added.empty()) sum += SumValid(added, workspace);
  if (!taken_off.empty()) sum += -SumValid(taken_off, workspace);
  return sum.ToAffineVariableTime();
}

}  // namespace groat::bls
