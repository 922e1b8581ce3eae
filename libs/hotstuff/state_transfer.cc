#include "hotstuff/state_transfer.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/certificate_scheme.h"
#include "hotstuff/digest.h"
#include "hotstuff/three_chain.h"
#include "hotstuff/two_chain.h"

namespace groat::hotstuff {
namespace {

// An offer counts for so many of the pauses in which offers are asked for.
constexpr uint64_t kFreshRetries = 3;
// Who did not help is left alone for so many.
constexpr uint64_t kQuietRetries = 4;

const CommitRule& RuleOf(RuleSet rules) {
  static const TwoChain two;
  static const ThreeChain three;
  if (rules == RuleSet::kTwoChain) return two;
  return three;
}

}  // namespace

std::vector<HandoverProof> RunCheck(const HandoverCheck& check, const Genesis& genesis) {
  const ChainId chain = genesis.Chain();
  std::vector<Validator> validators = check.validators;
  std::vector<HandoverProof> right;
  for (Epoch epoch = check.first; right.size() < check.proofs.size(); epoch = epoch.Next()) {
    auto proof = HandoverProof::Decode(check.proofs[right.size()], chain);
    const auto scheme = MakeScheme(validators, genesis.certificates);
    if (!proof.ok() || !scheme.ok()) break;
    const Verifier verifier{chain, epoch, validators.size(), scheme->get()};
    if (!VerifyHandover(*proof, genesis, RuleOf(genesis.rules), verifier).ok()) break;
    validators = proof->approved.change.validators;
    right.push_back(*std::move(proof));
  }
  return right;
}

absl::StatusOr<SnapshotHead> RunCheck(const HeadCheck& check, const Genesis& genesis) {
  const ChainId chain = genesis.Chain();
  GROAT_ASSIGN_OR_RETURN(SnapshotHead head, SnapshotHead::Decode(check.head, genesis, chain));
  const SnapshotName name{head.manifest.height, head.manifest.Digest()};
  if (name != check.snapshot) {
    return absl::InvalidArgumentError(absl::StrCat(
        "head of the snapshot of height ", name.height.value(), " and ", name.digest.Hex(),
        ", want ", check.snapshot.height.value(), " and ", check.snapshot.digest.Hex()));
  }
  const Epoch epoch = head.block->header().epoch;
  if (epoch > check.validators.rbegin()->first) {
    return absl::OutOfRangeError(absl::StrCat("snapshot of epoch ", epoch.value(),
                                              ", known are those up to ",
                                              check.validators.rbegin()->first.value()));
  }
  const auto validators = check.validators.find(epoch);
  if (validators == check.validators.end()) {
    return absl::InvalidArgumentError(absl::StrCat("snapshot of epoch ", epoch.value(), ", want ",
                                                   check.validators.begin()->first.value(),
                                                   " or later"));
  }
  GROAT_ASSIGN_OR_RETURN(const auto scheme, MakeScheme(validators->second, genesis.certificates));
  GROAT_RETURN_IF_ERROR(VerifySnapshotHead(
      head, RuleOf(genesis.rules), {chain, epoch, validators->second.size(), scheme.get()}));
  return head;
}

StateTransfer::StateTransfer(const Genesis& genesis, const PeerKey& self,
                             std::vector<PeerKey> named, const TransferOptions& options)
    : genesis_(genesis), self_(self), named_(std::move(named)), options_(options) {}

TransferEffects StateTransfer::Step(const TransferEvent& event, uint64_t now_ms) {
  now_ms_ = now_ms;
  std::visit([this](const auto& body) { On(body); }, event);
  Poll();
  const bool busy = IsBehind() || handovers_asked_.has_value() || fetch_.has_value();
  out_.wake_at_ms =
      busy ? std::min(next_offers_ms_, now_ms_ + options_.retry_ms / 2) : next_offers_ms_;
  TransferEffects effects = std::move(out_);
  out_ = TransferEffects();
  return effects;
}

void StateTransfer::On(const EnteredEpoch& entered) {
  epoch_ = entered.epoch;
  validators_ = entered.validators;
  trail_.erase(trail_.begin(), trail_.lower_bound(epoch_));
  if (!trail_.empty() && trail_.begin()->first != epoch_) trail_.clear();
  told_end_ = installing_ = false;
  height_ = Height();
  On(Committed{entered.height});
  RefreshPeers();
}

void StateTransfer::On(const Committed& committed) {
  if (committed.height <= height_) return;
  height_ = committed.height;
  missing_ = false;
  moved_ms_ = now_ms_;
  if (fetch_.has_value() && fetch_->snapshot.height <= height_) fetch_.reset();
}

void StateTransfer::On(const HeardOf& heard) {
  const auto found = peers_.find(heard.peer);
  if (found == peers_.end() || now_ms_ < found->second.quiet_until_ms) return;
  found->second.heard = std::max(found->second.heard, heard.epoch);
}

void StateTransfer::On(const BlocksMissing&) {
  if (!std::exchange(missing_, true)) {
    moved_ms_ = now_ms_;
    next_offers_ms_ = now_ms_;
  }
}

void StateTransfer::On(const Answer& answer) {
  if (peers_.find(answer.peer) == peers_.end()) return;
  if (const auto* offer = std::get_if<Offer>(&answer.message)) {
    Take(answer.peer, *offer);
  } else if (const auto* handovers = std::get_if<HandoverResponse>(&answer.message)) {
    Take(answer.peer, *handovers);
  } else if (const auto* head = std::get_if<HeadResponse>(&answer.message)) {
    Take(answer.peer, *head);
  } else if (const auto* piece = std::get_if<PieceResponse>(&answer.message)) {
    Take(answer.peer, *piece);
  }
}

void StateTransfer::Take(const PeerKey& from, const Offer& offer) {
  Peer& peer = peers_[from];
  peer.offer = offer;
  peer.offered_ms = now_ms_;
  On(HeardOf{from, offer.epoch});
}

void StateTransfer::Take(const PeerKey& from, const HandoverResponse& response) {
  if (!handovers_asked_.has_value() || handovers_asked_->peer != from) return;
  handovers_asked_.reset();
  if (response.first != newest() || response.proofs.empty()) {
    peers_[from].heard = newest();
    return Quiet(from);
  }
  checking_ = Checking{from, response.proofs.size()};
  out_.check_handovers = HandoverCheck{newest(), ValidatorsOf(newest()), response.proofs};
}

void StateTransfer::On(const HandoversChecked& checked) {
  if (!checking_.has_value()) return;
  const Checking done = *checking_;
  checking_.reset();
  // The core may have ended some of the epochs meanwhile.
  for (const HandoverProof& proof : checked.right) {
    if (proof.ended() == newest()) trail_.emplace(proof.ended(), proof);
  }
  const auto found = peers_.find(done.peer);
  if (checked.right.size() < done.proofs && found != peers_.end()) {
    found->second.heard = newest();
    Quiet(done.peer);
  }
  RefreshPeers();
}

void StateTransfer::RefreshPeers() {
  std::set<PeerKey> wanted(named_.begin(), named_.end());
  for (const Validator& validator : validators_) wanted.insert(validator.key);
  for (const Validator& validator : ValidatorsOf(newest())) wanted.insert(validator.key);
  wanted.erase(self_);
  const size_t before = peers_.size();
  size_t kept = 0;
  std::map<PeerKey, Peer> peers;
  for (const PeerKey& key : wanted) {
    const auto found = peers_.find(key);
    kept += found != peers_.end();
    peers.emplace(key, found == peers_.end() ? Peer() : std::move(found->second));
  }
  if (kept != before || peers.size() != before) out_.peers_changed = true;
  peers_ = std::move(peers);
}

void StateTransfer::Poll() {
  if (installing_) {
    next_offers_ms_ = now_ms_ + options_.retry_ms;
    return;
  }
  AskForHandovers();
  if (!told_end_ && !trail_.empty()) {
    told_end_ = true;
    moved_ms_ = next_offers_ms_ = now_ms_;
    out_.end_epoch = trail_.begin()->second;
  }
  AskForOffers();
  if (!fetch_.has_value()) ConsiderSnapshot();
  if (fetch_.has_value()) AskForPart();
}

void StateTransfer::AskForHandovers() {
  if (handovers_asked_.has_value()) {
    if (now_ms_ < handovers_asked_->deadline_ms) return;
    Quiet(handovers_asked_->peer);
    handovers_asked_.reset();
  }
  if (checking_.has_value()) return;
  const auto peer =
      NextPeer(last_handover_peer_, [this](const Peer& one) { return one.heard > newest(); });
  if (!peer.has_value()) return;
  handovers_asked_ = Asked{*peer, now_ms_ + options_.retry_ms};
  Send(*peer, HandoverRequest{newest()});
}

void StateTransfer::AskForOffers() {
  if (now_ms_ < next_offers_ms_) return;
  if (IsBehind()) {
    next_offers_ms_ = now_ms_ + options_.retry_ms;
    for (const auto& [key, peer] : peers_) Send(key, OfferRequest());
    return;
  }
  next_offers_ms_ = now_ms_ + options_.poll_ms;
  const auto peer = NextPeer(last_polled_peer_, [](const Peer&) { return true; });
  if (peer.has_value()) Send(*peer, OfferRequest());
}

bool StateTransfer::IsFresh(const Peer& peer) const {
  return peer.offer.has_value() && now_ms_ <= peer.offered_ms + kFreshRetries * options_.retry_ms;
}

bool StateTransfer::SaysToHave(const Peer& peer, Height height) const {
  return IsFresh(peer) && peer.offer->first <= height && peer.offer->last >= height;
}

void StateTransfer::ConsiderSnapshot() {
  if (!IsBehind()) return;
  const bool waits = std::any_of(peers_.begin(), peers_.end(), [this](const auto& entry) {
    return SaysToHave(entry.second, height_.Next());
  });
  if (waits && now_ms_ < moved_ms_ + options_.patience_ms) return;
  std::map<SnapshotName, std::vector<PeerKey>> named;
  const std::vector<Validator>& judges = ValidatorsOf(newest());
  for (const Validator& validator : judges) {
    const auto found = peers_.find(validator.key);
    if (found == peers_.end() || !IsFresh(found->second)) continue;
    const std::vector<SnapshotName>& list = found->second.offer->snapshots;
    for (const SnapshotName& name : std::set<SnapshotName>(list.begin(), list.end())) {
      if (name.height > height_) named[name].push_back(validator.key);
    }
  }
  for (auto best = named.rbegin(); best != named.rend(); ++best) {
    if (best->second.size() < HonestWitnessesOf(judges.size())) continue;
    Fetch fetch;
    fetch.snapshot = best->first;
    fetch.providers = best->second;
    fetch_ = std::move(fetch);
    return;
  }
}

void StateTransfer::AskForPart() {
  Fetch& fetch = *fetch_;
  if (fetch.checking.has_value()) return;
  if (fetch.asked.has_value()) {
    if (now_ms_ < fetch.asked->deadline_ms) return;
    ++fetch.turn;
  }
  const PeerKey peer = fetch.providers[fetch.turn % fetch.providers.size()];
  fetch.asked = Asked{peer, now_ms_ + options_.retry_ms};
  if (!fetch.head.has_value()) return Send(peer, HeadRequest{fetch.snapshot});
  const size_t next = fetch.table.size() / SnapshotManifest::kPieceBytes;
  Send(peer, PieceRequest{fetch.snapshot, static_cast<uint32_t>(next)});
}

void StateTransfer::Take(const PeerKey& from, const HeadResponse& response) {
  if (!fetch_.has_value() || fetch_->snapshot != response.snapshot || fetch_->head.has_value() ||
      !fetch_->asked.has_value() || fetch_->asked->peer != from) {
    return;
  }
  fetch_->asked.reset();
  if (response.head.empty()) return DropProvider(from);
  fetch_->checking = from;
  HeadCheck check{fetch_->snapshot, response.head, {{epoch_, validators_}}};
  for (const auto& [ended, proof] : trail_) {
    check.validators[ended.Next()] = proof.approved.change.validators;
  }
  out_.check_head = std::move(check);
}

void StateTransfer::On(const HeadChecked& checked) {
  if (!fetch_.has_value() || !fetch_->checking.has_value()) return;
  const PeerKey from = *fetch_->checking;
  fetch_->checking.reset();
  if (checked.head.status().code() == absl::StatusCode::kOutOfRange) {
    // Its epoch is not verified yet: handovers first.
    On(HeardOf{from, newest().Next()});
    fetch_.reset();
    return;
  }
  if (!checked.head.ok()) return DropProvider(from);
  const SnapshotName name{checked.head->manifest.height, checked.head->manifest.Digest()};
  if (name != fetch_->snapshot) return;  // Of a fetch before this one.
  fetch_->head = *checked.head;
  fetch_->table.reserve(fetch_->head->manifest.table_bytes);
  if (fetch_->head->manifest.pieces.empty()) FinishFetch();
}

void StateTransfer::Take(const PeerKey& from, const PieceResponse& response) {
  if (!fetch_.has_value() || fetch_->snapshot != response.snapshot || !fetch_->head.has_value() ||
      !fetch_->asked.has_value() || fetch_->asked->peer != from) {
    return;
  }
  const SnapshotManifest& manifest = fetch_->head->manifest;
  const size_t next = fetch_->table.size() / SnapshotManifest::kPieceBytes;
  if (response.index != next) return;  // Of an earlier request.
  fetch_->asked.reset();
  if (response.piece.size() != manifest.PieceBytes(next) ||
      SnapshotPieceDigest(response.piece) != manifest.pieces[next]) {
    return DropProvider(from);
  }
  fetch_->table.insert(fetch_->table.end(), response.piece.begin(), response.piece.end());
  if (fetch_->table.size() == manifest.table_bytes) FinishFetch();
}

void StateTransfer::FinishFetch() {
  Installation install{std::move(*fetch_->head), std::move(fetch_->table), {}};
  fetch_.reset();
  const Epoch epoch = install.head.block->header().epoch;
  for (const auto& [ended, proof] : trail_) {
    if (ended < epoch) install.handovers.push_back(proof);
  }
  installing_ = true;
  out_.install = std::move(install);
}

void StateTransfer::DropProvider(const PeerKey& peer) {
  std::erase(fetch_->providers, peer);
  // It names a snapshot that it cannot show.
  const auto found = peers_.find(peer);
  if (found != peers_.end()) found->second.offer.reset();
  if (fetch_->providers.empty()) fetch_.reset();
}

void StateTransfer::Quiet(const PeerKey& peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  found->second.quiet_until_ms = now_ms_ + kQuietRetries * options_.retry_ms;
}

std::optional<PeerKey> StateTransfer::PeerForBlocks(Height height) {
  return NextPeer(last_block_peer_, [&](const Peer& peer) { return SaysToHave(peer, height); });
}

template <typename Fits>
std::optional<PeerKey> StateTransfer::NextPeer(PeerKey& last, Fits fits) const {
  auto next = peers_.upper_bound(last);
  for (size_t i = 0; i < peers_.size(); ++i, ++next) {
    if (next == peers_.end()) next = peers_.begin();
    if (now_ms_ < next->second.quiet_until_ms || !fits(next->second)) continue;
    last = next->first;
    return last;
  }
  return std::nullopt;
}

const std::vector<Validator>& StateTransfer::ValidatorsOf(Epoch epoch) const {
  return epoch == epoch_ ? validators_ : trail_.at(epoch.Previous()).approved.change.validators;
}

std::vector<PeerKey> StateTransfer::peers() const {
  std::vector<PeerKey> out;
  for (const auto& [key, peer] : peers_) out.push_back(key);
  return out;
}

std::optional<StateTransfer::Progress> StateTransfer::progress() const {
  if (!fetch_.has_value()) return std::nullopt;
  Progress progress{fetch_->snapshot.height, fetch_->table.size(), 0};
  if (fetch_->head.has_value()) progress.total_bytes = fetch_->head->manifest.table_bytes;
  return progress;
}

void StateTransfer::Send(const PeerKey& to, TransferMessage message) {
  out_.sends.push_back({to, std::move(message)});
}

}  // namespace groat::hotstuff
