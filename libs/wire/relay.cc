#include "wire/relay.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "wire/common.h"

namespace groat::wire {

bool WantsProofs(const relay::v1::SubmitUpdatesRequest& request) {
  return request.wait() >= relay::v1::WAIT_LEVEL_INCLUDED && !request.omit_proofs();
}

absl::StatusOr<std::vector<record::Update>> UpdatesFromProto(
    const relay::v1::SubmitUpdatesRequest& request) {
  if (!relay::v1::WaitLevel_IsValid(request.wait())) {
    return absl::InvalidArgumentError(absl::StrCat("wait is ", static_cast<int>(request.wait()),
                                                   ", want a value of WaitLevel, 0 to ",
                                                   static_cast<int>(relay::v1::WaitLevel_MAX)));
  }
  const int most = WantsProofs(request) ? kMaxUpdatesWithProofs : kMaxUpdatesPerRequest;
  if (request.updates_size() < 1 || request.updates_size() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat(request.updates_size(), " updates, want 1 to ", most,
                     WantsProofs(request) ? " where proofs are returned" : ""));
  }
  std::vector<record::Update> out;
  out.reserve(static_cast<size_t>(request.updates_size()));
  absl::flat_hash_map<Bytes32, int> seen;
  seen.reserve(static_cast<size_t>(request.updates_size()));
  for (int i = 0; i < request.updates_size(); ++i) {
    const relay::v1::Update& proto = request.updates(i);
    if (proto.unlock().size() != 32) {
      return absl::InvalidArgumentError(
          absl::StrCat("updates[", i, "].unlock is ", proto.unlock().size(), " bytes, want 32"));
    }
    if (proto.value().size() != 32) {
      return absl::InvalidArgumentError(
          absl::StrCat("updates[", i, "].value is ", proto.value().size(), " bytes, want 32"));
    }
    record::Update update;
    std::memcpy(update.unlock.data(), proto.unlock().data(), 32);
    std::memcpy(update.value.data(), proto.value().data(), 32);
    if (update.unlock.IsZero()) {
      return absl::InvalidArgumentError(
          absl::StrCat("updates[", i, "].unlock is all zero, want a random secret"));
    }
    const auto [first, inserted] = seen.try_emplace(update.unlock, i);
    if (!inserted) {
      return absl::InvalidArgumentError(absl::StrCat("updates[", i, "] has the unlock of updates[",
                                                     first->second, "], want distinct ones"));
    }
    out.push_back(update);
  }
  return out;
}

absl::StatusOr<Hash> KeyFromProto(const relay::v1::GetProofRequest& request,
                                  record::RelayId relay) {
  switch (request.subject_case()) {
    case relay::v1::GetProofRequest::kKey:
      return Fixed<32>(request.key(), "key");
    case relay::v1::GetProofRequest::kUnlock: {
      GROAT_ASSIGN_OR_RETURN(const Bytes32 unlock, Fixed<32>(request.unlock(), "unlock"));
      return record::KeyOfUnlock(relay, unlock);
    }
    default:
      return absl::InvalidArgumentError("neither key nor unlock is set, want one of them");
  }
}

absl::StatusOr<std::vector<Hash>> KeysFromProto(const relay::v1::GetProofsRequest& request) {
  if (request.keys_size() < 1 || request.keys_size() > kMaxKeysPerRequest) {
    return absl::InvalidArgumentError(
        absl::StrCat(request.keys_size(), " keys, want 1 to ", kMaxKeysPerRequest));
  }
  std::vector<Hash> out;
  for (const std::string& key : request.keys()) {
    GROAT_ASSIGN_OR_RETURN(const Hash hash, Fixed<32>(key, absl::StrCat("keys[", out.size(), "]")));
    out.push_back(hash);
  }
  return out;
}

}  // namespace groat::wire
