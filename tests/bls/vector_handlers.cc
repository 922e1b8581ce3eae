#include "tests/bls/vector_handlers.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/status_macros.h"
#include "bls/aggregate.h"
#include "bls/batch_verify.h"
#include "bls/curve/encoding.h"
#include "bls/hash/hash_to_g2.h"
#include "bls/proof_of_possession.h"
#include "bls/public_key.h"
#include "bls/secret_key.h"
#include "bls/signature.h"

namespace groat::bls {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kRfcTestTag = "QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";

std::string Prefixed(ByteView bytes) { return "0x" + ToHex(bytes); }

absl::StatusOr<Json> Field(const Json& input, const char* name) {
  if (!input.is_object() || !input.contains(name)) {
    return absl::InvalidArgumentError(absl::StrCat("input has no field ", name));
  }
  return input[name];
}

absl::StatusOr<std::string> TextField(const Json& input, const char* name) {
  GROAT_ASSIGN_OR_RETURN(const Json value, Field(input, name));
  if (!value.is_string()) return absl::InvalidArgumentError(absl::StrCat(name, " is no string"));
  return value.get<std::string>();
}

absl::StatusOr<Bytes> HexBytes(const Json& value, const char* name) {
  if (!value.is_string()) return absl::InvalidArgumentError(absl::StrCat(name, " is no string"));
  std::string text = value.get<std::string>();
  if (text.rfind("0x", 0) == 0) text = text.substr(2);
  absl::StatusOr<Bytes> bytes = FromHex(text);
  if (!bytes.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", bytes.status().message()));
  }
  return bytes;
}

absl::StatusOr<Bytes> HexField(const Json& input, const char* name) {
  GROAT_ASSIGN_OR_RETURN(const Json value, Field(input, name));
  return HexBytes(value, name);
}

// A list of encodings, each a hexadecimal string.
absl::StatusOr<std::vector<Bytes>> HexList(const Json& list, const char* name) {
  if (!list.is_array()) return absl::InvalidArgumentError(absl::StrCat(name, " is no list"));
  std::vector<Bytes> out;
  for (const Json& item : list) {
    GROAT_ASSIGN_OR_RETURN(Bytes bytes, HexBytes(item, name));
    out.push_back(std::move(bytes));
  }
  return out;
}

absl::StatusOr<std::vector<Bytes>> HexListField(const Json& input, const char* name) {
  GROAT_ASSIGN_OR_RETURN(const Json list, Field(input, name));
  return HexList(list, name);
}

// All of them, or nothing if one is refused.
template <typename T>
std::optional<std::vector<T>> DecodeAll(const std::vector<Bytes>& encodings) {
  std::vector<T> out;
  for (const Bytes& encoding : encodings) {
    absl::StatusOr<T> item = T::Decode(encoding);
    if (!item.ok()) return std::nullopt;
    out.push_back(*std::move(item));
  }
  return out;
}

std::vector<ByteView> Views(const std::vector<Bytes>& messages) {
  return {messages.begin(), messages.end()};
}

absl::StatusOr<Json> RunSign(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const Bytes scalar, HexField(input, "privkey"));
  GROAT_ASSIGN_OR_RETURN(const Bytes message, HexField(input, "message"));
  const absl::StatusOr<SecretKey> key = SecretKey::Decode(scalar);
  if (!key.ok()) return Json();
  return Json(Prefixed(Sign(*key, message).Encode()));
}

absl::StatusOr<Json> RunVerify(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const Bytes encoded_key, HexField(input, "pubkey"));
  GROAT_ASSIGN_OR_RETURN(const Bytes message, HexField(input, "message"));
  GROAT_ASSIGN_OR_RETURN(const Bytes encoded_signature, HexField(input, "signature"));
  const absl::StatusOr<PublicKey> key = PublicKey::Decode(encoded_key);
  const absl::StatusOr<Signature> signature = Signature::Decode(encoded_signature);
  return Json(key.ok() && signature.ok() && Verify(*key, message, *signature));
}

absl::StatusOr<Json> RunAggregate(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const std::vector<Bytes> encodings, HexList(input, "input"));
  const auto signatures = DecodeAll<Signature>(encodings);
  if (!signatures.has_value()) return Json();
  const absl::StatusOr<Signature> sum = Aggregate(*signatures);
  return sum.ok() ? Json(Prefixed(sum->Encode())) : Json();
}

// The bare sum: keys are taken as points of G1, infinity among them.
absl::StatusOr<Json> RunAggregatePublicKeys(const Json& input) {
  const Json& list = input.is_object() && input.contains("pubkeys") ? input["pubkeys"] : input;
  GROAT_ASSIGN_OR_RETURN(const std::vector<Bytes> encodings, HexList(list, "pubkeys"));
  if (encodings.empty()) return Json();
  const auto keys = DecodeAll<PublicKeySum>(encodings);
  if (!keys.has_value()) return Json();
  PublicKeySum sum;
  for (const PublicKeySum& key : *keys) sum.Add(key);
  return Json(Prefixed(sum.Encode()));
}

absl::StatusOr<Json> RunFastAggregateVerify(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const std::vector<Bytes> encoded_keys, HexListField(input, "pubkeys"));
  GROAT_ASSIGN_OR_RETURN(const Bytes message, HexField(input, "message"));
  GROAT_ASSIGN_OR_RETURN(const Bytes encoded_signature, HexField(input, "signature"));
  const auto keys = DecodeAll<PublicKey>(encoded_keys);
  const absl::StatusOr<Signature> signature = Signature::Decode(encoded_signature);
  return Json(keys.has_value() && signature.ok() &&
              FastAggregateVerify(*keys, message, *signature));
}

absl::StatusOr<Json> RunAggregateVerify(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const std::vector<Bytes> encoded_keys, HexListField(input, "pubkeys"));
  GROAT_ASSIGN_OR_RETURN(const std::vector<Bytes> messages, HexListField(input, "messages"));
  GROAT_ASSIGN_OR_RETURN(const Bytes encoded_signature, HexField(input, "signature"));
  const auto keys = DecodeAll<PublicKey>(encoded_keys);
  const absl::StatusOr<Signature> signature = Signature::Decode(encoded_signature);
  return Json(keys.has_value() && signature.ok() &&
              AggregateVerify(*keys, Views(messages), *signature));
}

absl::StatusOr<Json> RunBatchVerify(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const std::vector<Bytes> encoded_keys, HexListField(input, "pubkeys"));
  GROAT_ASSIGN_OR_RETURN(const std::vector<Bytes> messages, HexListField(input, "messages"));
  GROAT_ASSIGN_OR_RETURN(const std::vector<Bytes> encoded_signatures,
                         HexListField(input, "signatures"));
  const auto keys = DecodeAll<PublicKey>(encoded_keys);
  const auto signatures = DecodeAll<Signature>(encoded_signatures);
  if (!keys.has_value() || !signatures.has_value() || keys->size() != messages.size() ||
      keys->size() != signatures->size()) {
    return Json(false);
  }
  std::vector<SignedMessage> items;
  for (size_t i = 0; i < keys->size(); ++i) {
    items.push_back({(*keys)[i], messages[i], (*signatures)[i]});
  }
  return Json(BatchVerify(items));
}

absl::StatusOr<Json> RunHashToG2(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const std::string message, TextField(input, "msg"));
  const auto point =
      EncodeUncompressed(HashToG2(AsBytes(message), AsBytes(kRfcTestTag)).ToAffineVariableTime());
  // The encoding has the imaginary part first; the vectors have the real part first.
  const ByteView bytes(point);
  const auto coordinate = [&](size_t offset) {
    return Prefixed(bytes.subspan(offset + 48, 48)) + "," + Prefixed(bytes.subspan(offset, 48));
  };
  return Json{{"x", coordinate(0)}, {"y", coordinate(96)}};
}

absl::StatusOr<Json> RunKeygen(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const Bytes ikm, HexField(input, "ikm"));
  Bytes key_info;
  if (input.contains("key_info")) {
    GROAT_ASSIGN_OR_RETURN(key_info, HexField(input, "key_info"));
  }
  const absl::StatusOr<SecretKey> key = SecretKey::KeyGen(ikm, key_info);
  if (!key.ok()) return Json();
  Bytes32 scalar;
  key->EncodeTo(std::span<uint8_t, 32>(scalar.data(), 32));
  return Json{{"privkey", Prefixed(scalar)}, {"pubkey", Prefixed(key->public_key().Encode())}};
}

absl::StatusOr<Json> RunPopProve(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const Bytes scalar, HexField(input, "privkey"));
  const absl::StatusOr<SecretKey> key = SecretKey::Decode(scalar);
  if (!key.ok()) return Json();
  return Json(Prefixed(PopProve(*key).Encode()));
}

absl::StatusOr<Json> RunPopVerify(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const Bytes encoded_key, HexField(input, "pubkey"));
  GROAT_ASSIGN_OR_RETURN(const Bytes encoded_proof, HexField(input, "proof"));
  const absl::StatusOr<PublicKey> key = PublicKey::Decode(encoded_key);
  const absl::StatusOr<ProofOfPossession> proof = ProofOfPossession::Decode(encoded_proof);
  return Json(key.ok() && proof.ok() && PopVerify(*key, *proof));
}

absl::StatusOr<Json> RunDeserializeG1(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const Bytes encoded, HexField(input, "pubkey"));
  return Json(PublicKeySum::Decode(encoded).ok());
}

absl::StatusOr<Json> RunDeserializeG2(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const Bytes encoded, HexField(input, "signature"));
  return Json(Signature::Decode(encoded).ok());
}

// In the subgroup and encoded as it must be, infinity among them.
absl::StatusOr<Json> RunUncompressedG1(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const Bytes encoded, HexField(input, "point"));
  const absl::StatusOr<G1Affine> point = DecodeG1Uncompressed(encoded);
  return Json(point.ok() && CheckInSubgroup(*point).ok());
}

absl::StatusOr<Json> RunUncompressedG2(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const Bytes encoded, HexField(input, "point"));
  const absl::StatusOr<G2Affine> point = DecodeG2Uncompressed(encoded);
  return Json(point.ok() && CheckInSubgroup(*point).ok());
}

absl::StatusOr<Json> RunPublicKey(const Json& input) {
  GROAT_ASSIGN_OR_RETURN(const Bytes scalar, HexField(input, "privkey"));
  const absl::StatusOr<SecretKey> key = SecretKey::Decode(scalar);
  return key.ok() ? Json(Prefixed(key->public_key().Encode())) : Json();
}

using Handler = absl::StatusOr<Json> (*)(const Json&);

const std::map<std::string, Handler>& Handlers() {
  static const auto* const handlers = new std::map<std::string, Handler>{
      {"aggregate", RunAggregate},
      {"aggregate_pubkeys", RunAggregatePublicKeys},
      {"aggregate_verify", RunAggregateVerify},
      {"batch_verify", RunBatchVerify},
      {"deserialization_G1", RunDeserializeG1},
      {"deserialization_G2", RunDeserializeG2},
      {"fast_aggregate_verify", RunFastAggregateVerify},
      {"hash_to_G2", RunHashToG2},
      {"keygen", RunKeygen},
      {"pop_prove", RunPopProve},
      {"pop_verify", RunPopVerify},
      {"public_key", RunPublicKey},
      {"sign", RunSign},
      {"uncompressed_G1", RunUncompressedG1},
      {"uncompressed_G2", RunUncompressedG2},
      {"verify", RunVerify},
  };
  return *handlers;
}

// Hexadecimal in lower case, wherever it stands.
Json Normalised(const Json& value) {
  if (value.is_string()) return Json(absl::AsciiStrToLower(value.get<std::string>()));
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [name, field] : value.items()) out[name] = Normalised(field);
  return out;
}

}  // namespace

absl::StatusOr<Json> RunHandler(const std::string& handler, const Json& input) {
  const auto found = Handlers().find(handler);
  if (found == Handlers().end()) {
    return absl::InvalidArgumentError(absl::StrCat("unknown handler ", handler));
  }
  return found->second(input);
}

absl::Status RunCase(const std::string& handler, const Json& vector) {
  if (!vector.is_object() || !vector.contains("input") || !vector.contains("output")) {
    return absl::InvalidArgumentError("the case has not the fields input and output");
  }
  GROAT_ASSIGN_OR_RETURN(const Json output, RunHandler(handler, vector["input"]));
  const Json& want = vector["output"];
  // Null: the call must fail, and a verdict `false` is a failure too.
  const bool failed_as_wanted = want.is_null() && output.is_boolean() && !output.get<bool>();
  if (failed_as_wanted || output == Normalised(want)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("got ", output.dump(), ", want ", want.dump()));
}

}  // namespace groat::bls
