#include "hotstuff/client_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::hotstuff {
namespace {

uint64_t BitOf(uint64_t sequence) { return uint64_t{1} << (sequence % 64); }
size_t WordOf(uint64_t sequence) { return sequence % SequenceWindow::kSize / 64; }

}  // namespace

SequenceWindow::State SequenceWindow::Look(Sequence sequence) const {
  const uint64_t value = sequence.value();
  if (value > highest_) return State::kFresh;
  if (highest_ - value >= kSize || value == 0) return State::kTooOld;
  return (bits_[WordOf(value)] & BitOf(value)) != 0 ? State::kSeen : State::kFresh;
}

void SequenceWindow::Insert(Sequence sequence) {
  const uint64_t value = sequence.value();
  if (value > highest_) {
    if (value - highest_ >= kSize) {
      bits_.fill(0);
    } else {
      for (uint64_t skipped = highest_ + 1; skipped < value; ++skipped) {
        bits_[WordOf(skipped)] &= ~BitOf(skipped);
      }
    }
    highest_ = value;
  }
  bits_[WordOf(value)] |= BitOf(value);
}

void SequenceWindow::EncodeTo(ByteWriter& writer) const {
  writer.U64(highest_);
  for (const uint64_t word : bits_) writer.U64(word);
}

SequenceWindow SequenceWindow::DecodeFrom(ByteReader& reader) {
  SequenceWindow window;
  window.highest_ = reader.U64();
  for (uint64_t& word : window.bits_) word = reader.U64();
  return window;
}

ClientTable::ClientTable(const ClientTable& other)
    : max_clients_(other.max_clients_),
      windows_(other.windows_),
      generation_(++other.generation_) {}

ClientTable& ClientTable::operator=(const ClientTable& other) {
  if (this != &other) *this = ClientTable(other);
  return *this;
}

ClientTable::State ClientTable::Look(const CommandKey& key) const {
  if (key.sequence == Sequence(0)) return State::kTooOld;
  const auto found = windows_.find(key.client);
  if (found == windows_.end()) {
    return windows_.size() < max_clients_ ? State::kFresh : State::kNoRoom;
  }
  switch (found->second->window.Look(key.sequence)) {
    case SequenceWindow::State::kFresh:
      return State::kFresh;
    case SequenceWindow::State::kSeen:
      return State::kSeen;
    case SequenceWindow::State::kTooOld:
      break;
  }
  return State::kTooOld;
}

ClientTable::State ClientTable::Commit(const CommandKey& key) {
  const State state = Look(key);
  if (state != State::kFresh) return state;
  std::shared_ptr<Owned>& owned = windows_[key.client];
  if (owned == nullptr) {
    owned = std::make_shared<Owned>(Owned{generation_, {}});
  } else if (owned->generation != generation_) {
    owned = std::make_shared<Owned>(Owned{generation_, owned->window});
  }
  owned->window.Insert(key.sequence);
  return state;
}

const SequenceWindow* ClientTable::Find(ClientId client) const {
  const auto found = windows_.find(client);
  return found == windows_.end() ? nullptr : &found->second->window;
}

Bytes ClientTable::Encode() const {
  std::vector<std::pair<ClientId, const SequenceWindow*>> sorted;
  sorted.reserve(windows_.size());
  for (const auto& [client, owned] : windows_) sorted.emplace_back(client, &owned->window);
  std::sort(sorted.begin(), sorted.end());
  ByteWriter writer;
  writer.U32(static_cast<uint32_t>(sorted.size()));
  for (const auto& [client, window] : sorted) {
    writer.U64(client.value());
    window->EncodeTo(writer);
  }
  return writer.Take();
}

absl::StatusOr<ClientTable> ClientTable::Decode(ByteView bytes, size_t max_clients) {
  ByteReader reader(bytes);
  const size_t count = reader.U32();
  if (count > max_clients) {
    return absl::InvalidArgumentError(
        absl::StrCat("table of ", count, " clients, want at most ", max_clients));
  }
  const size_t want = EncodedSize(count);
  if (bytes.size() != want) {
    return absl::InvalidArgumentError(
        absl::StrCat("table of ", count, " clients is ", bytes.size(), " bytes, want ", want));
  }
  ClientTable table(max_clients);
  std::optional<ClientId> last;
  for (size_t i = 0; i < count; ++i) {
    const ClientId client(reader.U64());
    if (last.has_value() && client <= *last) {
      return absl::InvalidArgumentError(absl::StrCat("client ", client.value(), " follows ",
                                                     last->value(), ", want ascending clients"));
    }
    last = client;
    table.windows_.emplace(client,
                           std::make_shared<Owned>(Owned{0, SequenceWindow::DecodeFrom(reader)}));
  }
  GROAT_RETURN_IF_ERROR(reader.Finish("client table"));
  return table;
}

}  // namespace groat::hotstuff
