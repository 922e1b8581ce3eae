// groat.relay.v1 <-> domain types.
//
// Pure. InvalidArgument names the field, the value and what was wanted.
#ifndef GROAT_WIRE_RELAY_H_
#define GROAT_WIRE_RELAY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "groat/relay/v1/relay.pb.h"
#include "record/update.h"

namespace groat::wire {

inline constexpr int kMaxUpdatesPerRequest = 10'000;
inline constexpr int kMaxUpdatesWithProofs = 1'000;
inline constexpr int kMaxKeysPerRequest = 1'000;
inline constexpr uint32_t kMaxCyclesPerPage = 1'000;
inline constexpr uint32_t kDefaultCyclesPerPage = 100;

// Whether the answer to a request carries proofs of the updates that it took.
bool WantsProofs(const relay::v1::SubmitUpdatesRequest& request);

// The updates of a request: 1 to kMaxUpdatesPerRequest (kMaxUpdatesWithProofs if it wants proofs),
// with unlocks that are 32 bytes, not zero and distinct, and values of 32 bytes; a known wait
// level.
absl::StatusOr<std::vector<record::Update>> UpdatesFromProto(
    const relay::v1::SubmitUpdatesRequest& request);

// The key that a request names, by itself or by its unlock.
absl::StatusOr<Hash> KeyFromProto(const relay::v1::GetProofRequest& request, record::RelayId relay);

// 1 to kMaxKeysPerRequest keys.
absl::StatusOr<std::vector<Hash>> KeysFromProto(const relay::v1::GetProofsRequest& request);

}  // namespace groat::wire

#endif  // GROAT_WIRE_RELAY_H_
