#include "bls/key_file.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/sha256.h"

namespace groat::bls {
namespace {

constexpr std::string_view kSecretBegin = "-----BEGIN GROAT BLS SECRET KEY-----\n";
constexpr std::string_view kSecretEnd = "-----END GROAT BLS SECRET KEY-----\n";
constexpr std::string_view kPublicBegin = "-----BEGIN GROAT BLS PUBLIC KEY-----\n";
constexpr std::string_view kPublicEnd = "-----END GROAT BLS PUBLIC KEY-----\n";
constexpr std::string_view kSecretPrefix = "groat bls secret key v1\n";
constexpr std::string_view kPublicPrefix = "groat bls public key v1\n";
constexpr size_t kChecksumBytes = 8;
constexpr size_t kMaxPublicFileBytes = 4096;
constexpr mode_t kPublicMode = 0644;

using Checksum = std::array<uint8_t, kChecksumBytes>;

Checksum ChecksumOf(std::string_view prefix, std::initializer_list<ByteView> parts) {
  Bytes joined(prefix.begin(), prefix.end());
  for (const ByteView part : parts) joined.insert(joined.end(), part.begin(), part.end());
  Bytes32 digest = Sha256(joined);
  Zeroise(joined);
  Checksum out;
  std::copy_n(digest.begin(), kChecksumBytes, out.begin());
  return out;
}

// All ones if `low` <= value <= `high`, else zero, without a branch.
unsigned InRange(unsigned value, unsigned low, unsigned high) {
  return (((value - low) | (high - value)) >> 31) - 1;
}

// Appends two digits a byte and a newline, without a branch or index on the bytes.
void AppendHexLine(ByteView bytes, std::string& out) {
  const auto digit = [](unsigned value) {
    // '0' + value, and 39 more from 10 on, which leads to 'a'.
    return static_cast<char>('0' + value + (((9 - value) >> 31) * ('a' - '0' - 10)));
  };
  for (const uint8_t byte : bytes) {
    out += digit(byte >> 4);
    out += digit(byte & 15u);
  }
  out += '\n';
}

// Takes such a line off the front of the text. False if it is none; only that leaks.
bool TakeHexLine(std::string_view& text, std::span<uint8_t> out) {
  if (text.size() < 2 * out.size() + 1 || text[2 * out.size()] != '\n') return false;
  unsigned valid = 1;
  const auto value = [&valid](char c) {
    const unsigned code = static_cast<uint8_t>(c);
    const unsigned is_number = InRange(code, '0', '9');
    const unsigned is_letter = InRange(code, 'a', 'f');
    valid &= is_number | is_letter;
    return (is_number & (code - '0')) | (is_letter & (code - 'a' + 10));
  };
  for (size_t i = 0; i < out.size(); ++i) {
    const unsigned high = value(text[2 * i]);
    out[i] = static_cast<uint8_t>(high << 4 | value(text[2 * i + 1]));
  }
  text.remove_prefix(2 * out.size() + 1);
  return valid != 0;
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

absl::Status AtPath(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

SecretText SecretKeyToText(const SecretKey& key) {
  std::array<uint8_t, SecretKey::kSize> scalar;
  key.EncodeTo(scalar);
  std::string text;
  // One allocation, so that no copy of the digits stays behind.
  text.reserve(kSecretBegin.size() + 2 * (scalar.size() + kChecksumBytes) + 2 + kSecretEnd.size());
  text += kSecretBegin;
  AppendHexLine(scalar, text);
  AppendHexLine(ChecksumOf(kSecretPrefix, {scalar}), text);
  text += kSecretEnd;
  Zeroise(scalar);
  return SecretText(std::move(text));
}

absl::StatusOr<SecretKey> SecretKeyFromText(std::string_view text) {
  std::array<uint8_t, SecretKey::kSize> scalar{};
  Checksum checksum{};
  const bool has_form = TakePrefix(text, kSecretBegin) && TakeHexLine(text, scalar) &&
                        TakeHexLine(text, checksum) && text == kSecretEnd;
  const bool is_whole = EqualConstantTime(checksum, ChecksumOf(kSecretPrefix, {scalar}));
  absl::StatusOr<SecretKey> key = SecretKey::Decode(scalar);
  Zeroise(scalar);
  if (!has_form) return absl::InvalidArgumentError("not the text of a BLS secret key");
  if (!is_whole) return absl::InvalidArgumentError("BLS secret key with a wrong checksum");
  return key;
}

std::string RegistrationToText(const Registration& registration) {
  const auto key = registration.key.Encode();
  const auto proof = registration.proof.Encode();
  std::string text(kPublicBegin);
  AppendHexLine(key, text);
  AppendHexLine(proof, text);
  AppendHexLine(ChecksumOf(kPublicPrefix, {key, proof}), text);
  text += kPublicEnd;
  return text;
}

absl::StatusOr<Registration> RegistrationFromText(std::string_view text) {
  std::array<uint8_t, PublicKey::kSize> key_bytes{};
  std::array<uint8_t, ProofOfPossession::kSize> proof_bytes{};
  Checksum checksum{};
  if (!TakePrefix(text, kPublicBegin) || !TakeHexLine(text, key_bytes) ||
      !TakeHexLine(text, proof_bytes) || !TakeHexLine(text, checksum) || text != kPublicEnd) {
    return absl::InvalidArgumentError("not the text of a BLS public key");
  }
  if (checksum != ChecksumOf(kPublicPrefix, {key_bytes, proof_bytes})) {
    return absl::InvalidArgumentError("BLS public key with a wrong checksum");
  }
  GROAT_ASSIGN_OR_RETURN(const PublicKey key, PublicKey::Decode(key_bytes));
  GROAT_ASSIGN_OR_RETURN(const ProofOfPossession proof, ProofOfPossession::Decode(proof_bytes));
  return Registration{key, proof};
}

absl::Status WriteSecretKeyFile(const std::string& path, const SecretKey& key, IfExists if_exists) {
  const SecretText text = SecretKeyToText(key);
  return WriteSecretFile(path, text.view(), if_exists);
}

absl::StatusOr<SecretKey> ReadSecretKeyFile(const std::string& path) {
  GROAT_ASSIGN_OR_RETURN(const SecretText text, ReadSecretFile(path));
  absl::StatusOr<SecretKey> key = SecretKeyFromText(text.view());
  if (!key.ok()) return AtPath(path, key.status());
  return key;
}

absl::Status WriteRegistrationFile(const std::string& path, const Registration& registration,
                                   IfExists if_exists) {
  return WriteWholeFile(path, AsBytes(RegistrationToText(registration)), kPublicMode, if_exists);
}

absl::StatusOr<Registration> ReadRegistrationFile(const std::string& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path, kMaxPublicFileBytes));
  absl::StatusOr<Registration> registration = RegistrationFromText(file.content);
  if (!registration.ok()) return AtPath(path, registration.status());
  return registration;
}

}  // namespace groat::bls
