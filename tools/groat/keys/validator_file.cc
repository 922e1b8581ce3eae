#include "tools/groat/keys/validator_file.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/whole_file.h"

namespace groat::keys {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxFileBytes = 16 << 10;
constexpr mode_t kPublicMode = 0644;
constexpr size_t kMaxNameBytes = 64;

constexpr const char* kName = "name";
constexpr const char* kKey = "public_key";
constexpr const char* kBlsKey = "bls_public_key";
constexpr const char* kBlsProof = "bls_proof_of_possession";

template <size_t N>
absl::StatusOr<FixedBytes<N>> HexField(const Json& root, const char* field) {
  const auto found = root.find(field);
  if (found == root.end()) {
    return absl::InvalidArgumentError(absl::StrCat("field \"", field, "\" is missing"));
  }
  if (!found->is_string()) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " is ", found->dump(), ", want ", 2 * N, " hexadecimal digits"));
  }
  return FixedBytes<N>::FromHexText(found->get_ref<const std::string&>(), field);
}

absl::Status CheckName(const std::string& name) {
  const bool printable =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~' && c != '/'; });
  if (!name.empty() && name.size() <= kMaxNameBytes && printable) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("name is ", Json(name).dump(-1, ' ', true, Json::error_handler_t::replace),
                   ", want 1 to ", kMaxNameBytes, " printable characters without space and slash"));
}

absl::StatusOr<bls::Registration> ParseBls(const Json& root) {
  GROAT_ASSIGN_OR_RETURN(const auto key_bytes, HexField<bls::PublicKey::kSize>(root, kBlsKey));
  GROAT_ASSIGN_OR_RETURN(const auto proof_bytes,
                         HexField<bls::ProofOfPossession::kSize>(root, kBlsProof));
  GROAT_ASSIGN_OR_RETURN(const bls::PublicKey key, bls::PublicKey::Decode(key_bytes));
  GROAT_ASSIGN_OR_RETURN(const bls::ProofOfPossession proof,
                         bls::ProofOfPossession::Decode(proof_bytes));
  return bls::Registration{key, proof};
}

}  // namespace

std::string FormatValidator(const NamedValidator& validator) {
  Json root;
  root[kName] = validator.name;
  root[kKey] = validator.keys.key.Hex();
  if (validator.keys.bls.has_value()) {
    root[kBlsKey] = validator.keys.bls->key.Encode().Hex();
    root[kBlsProof] = validator.keys.bls->proof.Encode().Hex();
  }
  return root.dump(2) + "\n";
}

absl::StatusOr<NamedValidator> ParseValidator(std::string_view json) {
  const Json root = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return absl::InvalidArgumentError("not a JSON object");
  const std::set<std::string> known = {kName, kKey, kBlsKey, kBlsProof};
  for (const auto& [field, value] : root.items()) {
    if (known.count(field) != 0) continue;
    return absl::InvalidArgumentError(absl::StrCat("unknown field \"", field, "\""));
  }
  NamedValidator out;
  const auto name = root.find(kName);
  if (name != root.end() && name->is_string()) out.name = name->get<std::string>();
  GROAT_RETURN_IF_ERROR(CheckName(out.name));
  GROAT_ASSIGN_OR_RETURN(out.keys.key, HexField<32>(root, kKey));
  if (!root.contains(kBlsKey) && !root.contains(kBlsProof)) return out;
  GROAT_ASSIGN_OR_RETURN(out.keys.bls, ParseBls(root));
  GROAT_RETURN_IF_ERROR(hotstuff::CheckValidators({out.keys}, hotstuff::CertificateKind::kBls));
  return out;
}

absl::Status WriteValidator(const std::filesystem::path& path, const NamedValidator& validator) {
  return WriteWholeFile(path.string(), AsBytes(FormatValidator(validator)), kPublicMode,
                        IfExists::kRefuse);
}

absl::StatusOr<NamedValidator> ReadValidator(const std::filesystem::path& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path.string(), kMaxFileBytes));
  absl::StatusOr<NamedValidator> validator = ParseValidator(file.content);
  if (validator.ok()) return validator;
  return absl::InvalidArgumentError(
      absl::StrCat(path.string(), ": ", std::string(validator.status().message())));
}

absl::StatusOr<NamedValidator> CreateValidator(const NetworkFolder& folder,
                                               const std::string& name) {
  GROAT_RETURN_IF_ERROR(CheckName(name));
  NamedValidator out{name, {}};
  GROAT_ASSIGN_OR_RETURN(out.keys.key, CreateSigningKey(folder, name));
  GROAT_ASSIGN_OR_RETURN(out.keys.bls, CreateLedgerSigningKey(folder, VotesName(name)));
  GROAT_RETURN_IF_ERROR(WriteValidator(folder.ValidatorFile(name), out));
  return out;
}

absl::StatusOr<std::vector<NamedValidator>> ReadValidators(const std::vector<std::string>& paths,
                                                           hotstuff::CertificateKind certificates) {
  std::vector<NamedValidator> out;
  std::map<Ed25519PublicKey, std::string> seen;
  for (const std::string& path : paths) {
    GROAT_ASSIGN_OR_RETURN(NamedValidator validator, ReadValidator(path));
    const auto [other, added] = seen.emplace(validator.keys.key, path);
    if (!added) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " has the same public key as ", other->second));
    }
    if (certificates == hotstuff::CertificateKind::kEd25519List) {
      validator.keys.bls.reset();
    } else if (!validator.keys.bls.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " has no BLS key, which the chain's certificates need"));
    }
    out.push_back(std::move(validator));
  }
  return out;
}

}  // namespace groat::keys
