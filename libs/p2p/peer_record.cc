#include "p2p/peer_record.h"

#include <array>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mutex.h"
#include "base/status_macros.h"

namespace groat::p2p {
namespace {

Bytes SignedBytes(const PeerRecord& record, const Hash& namespace_hash) {
  ByteWriter writer;
  writer.Text("groat peer record v1\n").Raw(namespace_hash).Raw(record.peer);
  writer.U64(record.timestamp_ms).Text(record.address);
  return writer.Take();
}

// Digests of records that verified. Every peer hears every record from many others, and a
// verification costs a hundred times a look-up. A slot holds the last digest that fell to it.
class VerifiedRecords {
 public:
  bool Contains(const Hash& digest) const {
    MutexLock lock(mutex_);
    return slots_[Slot(digest)] == digest;
  }
  void Add(const Hash& digest) {
    MutexLock lock(mutex_);
    slots_[Slot(digest)] = digest;
  }

 private:
  static constexpr size_t kSlots = 4096;
  static size_t Slot(const Hash& digest) {
    return static_cast<size_t>(LoadBigEndian(digest.data(), 8)) % kSlots;
  }
  mutable Mutex mutex_;
  std::array<Hash, kSlots> slots_ ABSL_GUARDED_BY(mutex_) = {};
};

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-';
}

bool IsHost(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    for (const char c : host.substr(1, host.size() - 2)) {
      if (!(c == ':' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
            (c >= 'A' && c <= 'F'))) {
        return false;
      }
    }
    return true;
  }
  for (const char c : host) {
    if (!IsHostCharacter(c)) return false;
  }
  return !host.empty();
}

// Digits alone, without leading zeros: a number parser would skip spaces and signs.
bool IsPort(std::string_view port, bool allow_0) {
  if (port.empty() || port.size() > 5 || (port.front() == '0' && port.size() > 1)) return false;
  uint32_t value = 0;
  for (const char c : port) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<uint32_t>(c - '0');
  }
  return value <= 65535 && (value != 0 || allow_0);
}

}  // namespace

Hash NamespaceHash(std::string_view namespace_name) {
  static const Blake3Context context("groat 2026 mesh namespace v1");
  return context(AsBytes(namespace_name));
}

absl::Status CheckAddress(std::string_view address, bool allow_port_0) {
  const size_t colon = address.rfind(':');
  if (address.size() > kMaxAddressBytes || colon == std::string_view::npos ||
      !IsHost(address.substr(0, colon)) || !IsPort(address.substr(colon + 1), allow_port_0)) {
    // Escaped: it may come from a peer, and go to a log.
    return absl::InvalidArgumentError(absl::StrCat(
        "address \"", absl::CHexEscape(std::string(address.substr(0, kMaxAddressBytes))),
        "\" is not host:port"));
  }
  return absl::OkStatus();
}

Bytes PeerRecord::Encode() const {
  ByteWriter writer;
  writer.Raw(peer).U64(timestamp_ms).U8(static_cast<uint8_t>(address.size())).Text(address);
  writer.Raw(signature);
  return writer.Take();
}

absl::StatusOr<PeerRecord> PeerRecord::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  PeerRecord record;
  record.peer = reader.Fixed<32>();
  record.timestamp_ms = reader.U64();
  record.address = ToString(reader.Raw(reader.U8()));
  record.signature = reader.Fixed<64>();
  GROAT_RETURN_IF_ERROR(reader.Finish("peer record"));
  GROAT_RETURN_IF_ERROR(CheckAddress(record.address));
  return record;
}

PeerRecord SignPeerRecord(const Ed25519PrivateKey& key, const Hash& namespace_hash,
                          uint64_t timestamp_ms, std::string address) {
  GROAT_CHECK_OK(CheckAddress(address));
  PeerRecord record{key.public_key(), timestamp_ms, std::move(address), {}};
  record.signature = key.Sign(SignedBytes(record, namespace_hash));
  return record;
}

bool VerifyPeerRecord(const PeerRecord& record, const Hash& namespace_hash) {
  static const Blake3Context context("groat 2026 mesh verified record v1");
  static VerifiedRecords verified;
  const Bytes signed_bytes = SignedBytes(record, namespace_hash);
  // The signature has a fixed length, so the joined parts are unambiguous.
  const Hash digest = context({record.signature, signed_bytes});
  if (verified.Contains(digest)) return true;
  if (!Ed25519Verify(record.peer, signed_bytes, record.signature)) return false;
  verified.Add(digest);
  return true;
}

}  // namespace groat::p2p
