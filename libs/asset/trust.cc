#include "asset/trust.h"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::asset {
namespace {

using Json = nlohmann::json;

absl::Status CheckFields(const Json& object, const std::string& where,
                         std::initializer_list<const char*> fields) {
  if (!object.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(where, " is not a JSON object"));
  }
  std::set<std::string> known(fields.begin(), fields.end());
  for (const auto& [name, value] : object.items()) {
    if (known.erase(name) == 0) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": unknown field \"", name, "\""));
    }
  }
  if (!known.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": field \"", *known.begin(), "\" is missing"));
  }
  return absl::OkStatus();
}

template <size_t N = 32>
absl::StatusOr<FixedBytes<N>> HexField(const Json& value, const std::string& where) {
  if (!value.is_string()) return absl::InvalidArgumentError(where + " is not a string");
  return FixedBytes<N>::FromHexText(value.get_ref<const std::string&>(), where);
}

absl::StatusOr<uint64_t> NumberField(const Json& value, const std::string& where, uint64_t least,
                                     uint64_t most) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() < least ||
      value.get<uint64_t>() > most) {
    return absl::InvalidArgumentError(absl::StrCat(
        where, " is ", value.dump(), ", want a whole number from ", least, " to ", most));
  }
  return value.get<uint64_t>();
}

absl::StatusOr<bls::Registration> ParseLedgerNode(const Json& object, const std::string& where) {
  GROAT_RETURN_IF_ERROR(CheckFields(object, where, {"public_key", "proof_of_possession"}));
  GROAT_ASSIGN_OR_RETURN(
      const FixedBytes<bls::PublicKey::kSize> encoded_key,
      HexField<bls::PublicKey::kSize>(object["public_key"], where + " public_key"));
  GROAT_ASSIGN_OR_RETURN(const FixedBytes<bls::ProofOfPossession::kSize> encoded_proof,
                         HexField<bls::ProofOfPossession::kSize>(object["proof_of_possession"],
                                                                 where + " proof_of_possession"));
  const absl::StatusOr<bls::PublicKey> key = bls::PublicKey::Decode(encoded_key);
  const absl::StatusOr<bls::ProofOfPossession> proof =
      bls::ProofOfPossession::Decode(encoded_proof);
  if (!key.ok() || !proof.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": ", key.ok() ? proof.status().message() : key.status().message()));
  }
  return bls::Registration{*key, *proof};
}

absl::StatusOr<RelayTrust> ParseRelay(const Json& object, const std::string& where) {
  GROAT_RETURN_IF_ERROR(
      CheckFields(object, where, {"relay_id", "shard_bits", "period_cycles", "public_key"}));
  RelayTrust out;
  GROAT_ASSIGN_OR_RETURN(const uint64_t id,
                         NumberField(object["relay_id"], where + " relay_id", 1, UINT32_MAX));
  GROAT_ASSIGN_OR_RETURN(const uint64_t bits,
                         NumberField(object["shard_bits"], where + " shard_bits", 0, 16));
  GROAT_ASSIGN_OR_RETURN(out.period_cycles, NumberField(object["period_cycles"],
                                                        where + " period_cycles", 0, UINT32_MAX));
  GROAT_ASSIGN_OR_RETURN(out.public_key, HexField(object["public_key"], where + " public_key"));
  out.relay = record::RelayId(static_cast<uint32_t>(id));
  out.shard_bits = static_cast<uint32_t>(bits);
  return out;
}

}  // namespace

absl::StatusOr<RelayTrust> Trust::Relay(record::RelayId relay) const {
  for (const RelayTrust& trusted : relays) {
    if (trusted.relay == relay) return trusted;
  }
  return absl::NotFoundError(absl::StrCat("relay ", relay.value(), " is not in the trust file"));
}

absl::StatusOr<Trust> ParseTrust(std::string_view json) {
  const Json root = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded()) return absl::InvalidArgumentError("trust file is not JSON");
  GROAT_RETURN_IF_ERROR(CheckFields(root, "trust file", {"ledger_id", "ledger_nodes", "relays"}));
  Trust out;
  GROAT_ASSIGN_OR_RETURN(out.ledger_id, HexField(root["ledger_id"], "ledger_id"));
  if (!root["ledger_nodes"].is_array() || !root["relays"].is_array()) {
    return absl::InvalidArgumentError("ledger_nodes and relays must be JSON arrays");
  }
  for (const Json& node : root["ledger_nodes"]) {
    GROAT_ASSIGN_OR_RETURN(
        const bls::Registration registration,
        ParseLedgerNode(node, absl::StrCat("ledger_nodes[", out.ledger_nodes.size(), "]")));
    out.ledger_nodes.push_back(registration);
  }
  GROAT_RETURN_IF_ERROR(record::NodeKeys::Create(out.ledger_nodes).status());
  for (const Json& object : root["relays"]) {
    const std::string where = absl::StrCat("relays[", out.relays.size(), "]");
    GROAT_ASSIGN_OR_RETURN(const RelayTrust relay, ParseRelay(object, where));
    if (out.Relay(relay.relay).ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": relay ", relay.relay.value(), " is listed twice"));
    }
    out.relays.push_back(relay);
  }
  return out;
}

std::string FormatTrust(const Trust& trust) {
  nlohmann::ordered_json root;
  root["ledger_id"] = trust.ledger_id.Hex();
  root["ledger_nodes"] = Json::array();
  for (const bls::Registration& node : trust.ledger_nodes) {
    root["ledger_nodes"].push_back({{"public_key", node.key.Encode().Hex()},
                                    {"proof_of_possession", node.proof.Encode().Hex()}});
  }
  root["relays"] = Json::array();
  for (const RelayTrust& relay : trust.relays) {
    root["relays"].push_back({{"relay_id", relay.relay.value()},
                              {"shard_bits", relay.shard_bits},
                              {"period_cycles", relay.period_cycles},
                              {"public_key", relay.public_key.Hex()}});
  }
  return root.dump(2) + "\n";
}

}  // namespace groat::asset
