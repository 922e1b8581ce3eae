// The sum of selected keys of a directory.
#include "bls/bulk/batch_affine.h"
#include "bls/bulk/ifma/lane_fields.h"
#include "bls/bulk/ifma/transpose.h"
#include "bls/bulk/kernels.h"

namespace groat::bls::ifma {
namespace {

// 192 vectors of 8 new keys a round: points and scratch take 600 KiB of the second-level cache.
constexpr size_t kGroup = 192;
using Workspace = SumWorkspace<LanesFp, kGroup>;

alignas(128) constexpr StoredKey kInfinity = {};

// Keys whose cache lines are asked for ahead: indexes may lie anywhere in the directory.
constexpr size_t kPrefetchAhead = 64;

// Reads keys `first` to `first + 7`.
void LoadKeys(const SelectedKeys& keys, size_t first, AffineLanes<LanesFp>& out) {
  const auto address = [&keys](size_t i) {
    const uint32_t index = keys.indexes[i];
    return &keys.chunks[index / kKeysPerChunk][index % kKeysPerChunk];
  };
  Vec x[8];
  Vec y[8];
#pragma GCC unroll 8
  for (size_t lane = 0; lane < 8; ++lane) {
    const size_t i = first + lane;
    if (i + kPrefetchAhead < keys.count) {
      const StoredKey* ahead = address(i + kPrefetchAhead);
      _mm_prefetch(reinterpret_cast<const char*>(ahead->x), _MM_HINT_T0);
      _mm_prefetch(reinterpret_cast<const char*>(ahead->y), _MM_HINT_T0);
    }
    const StoredKey* key = i < keys.count ? address(i) : &kInfinity;
    x[lane] = _mm512_load_si512(key->x);
    y[lane] = _mm512_load_si512(key->y);
  }
  Transpose(x, out.x.limb);
  Transpose(y, out.y.limb);
}

}  // namespace

size_t SumKeysWorkspaceBytes() { return sizeof(Workspace); }

void SumKeys(const SelectedKeys& keys, void* workspace, KeySum& out) {
  size_t next = 0;
  const auto load = [&](AffineLanes<LanesFp>* points, size_t capacity) {
    size_t loaded = 0;
    for (; loaded < capacity && next < keys.count; ++loaded, next += 8) {
      LoadKeys(keys, next, points[loaded]);
    }
    return loaded;
  };
  AffineLanes<LanesFp> sum;
  SumPoints<LanesFp, kGroup>(load, *static_cast<Workspace*>(workspace), sum);
  out.infinity = (IsZero(sum.y) & 1) != 0;
  for (size_t i = 0; i < 8; ++i) {
    out.x[i] = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(sum.x.limb[i])));
    out.y[i] = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(sum.y.limb[i])));
  }
}

}  // namespace groat::bls::ifma
