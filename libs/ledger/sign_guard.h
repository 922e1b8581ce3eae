// Keeps a node from ever signing two histories, also across restarts.
//
// Pure: no I/O, clock, thread or randomness. Single owner; not thread-safe.
//
// The guard remembers the highest point that the node signed. A node may sign below it too (to
// meet the others at a common height), but only blocks of a chain that runs through that point:
// chains are hash chains, so two signatures of one node can never lie on different ones.
#ifndef GROAT_LEDGER_SIGN_GUARD_H_
#define GROAT_LEDGER_SIGN_GUARD_H_

#include <optional>
#include <variant>

#include "absl/status/statusor.h"
#include "ledger/fork.h"

namespace groat::ledger {

struct SignMark {
  record::Height height;
  Bytes32 block_id;
  Bytes32 log_root;

  // The stored form, 72 bytes: the fields in order.
  Bytes Encode() const;
  static absl::StatusOr<SignMark> Decode(ByteView bytes);

  friend bool operator==(const SignMark&, const SignMark&) = default;
};

class SignGuard {
 public:
  // Driver duty, in order: make `persist` durable (synced), call Persisted, sign.
  struct Allowed {
    std::optional<SignMark> persist;  // Unset where the stored mark covers it already.
  };
  using Verdict = std::variant<Allowed, ForkKind>;

  // `mark` is the last persisted one; nothing on first start.
  explicit SignGuard(std::optional<SignMark> mark) : mark_(mark) {}

  // Considers signing a point of the node's own chain, whose growth the node has verified and that
  // it holds durably. `id_at` gives the ids of that chain; nothing above its head.
  // kSignedHistory if the chain does not run through what was signed before.
  Verdict Consider(const SignMark& candidate,
                   const std::function<std::optional<Bytes32>(record::Height)>& id_at) const;

  void Persisted(const SignMark& mark) { mark_ = mark; }
  const std::optional<SignMark>& mark() const { return mark_; }

 private:
  std::optional<SignMark> mark_;
};

}  // namespace groat::ledger

#endif  // GROAT_LEDGER_SIGN_GUARD_H_
