#include "hotstuff/leader_schedule.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"

namespace groat::hotstuff {
namespace {

// A short one, so many views a validator, would try a replica that restarts again and again: at a
// hundred views a second this is about a second, and each try costs a timeout.
constexpr uint64_t kFirstExclusionViews = 32;
constexpr uint64_t kLongestExclusionViews = 16384;

void Write(const std::vector<Strike>& list, ByteWriter& writer) {
  writer.U16(static_cast<uint16_t>(list.size()));
  for (const Strike& strike : list) {
    writer.U16(strike.replica.value())
        .U16(strike.count)
        .U64(strike.last_failed.value())
        .U8(strike.seen ? 1 : 0);
  }
}

// The first view in which a validator with this strike leads again.
uint64_t ExcludedUntil(const Strike& strike, size_t n) {
  const unsigned doublings = std::min<unsigned>(strike.count - 1u, 12);
  const uint64_t views =
      strike.seen ? kFirstExclusionViews * n << doublings : kLongestExclusionViews;
  return strike.last_failed.value() + 1 + std::min(views, kLongestExclusionViews);
}

// Whether the certificate shows that the validator is back since its last strike.
bool Shows(const QuorumCertificate& certificate, const Strike& strike) {
  return !strike.seen && certificate.view() > strike.last_failed &&
         certificate.proof().signers.Contains(strike.replica.value());
}

// The later failure first, then more strikes, then the lower index: who failed just now is down,
// while the strikes of one that failed before it may be of one that is back.
bool Worse(const Strike& a, const Strike& b) {
  if (a.last_failed != b.last_failed) return a.last_failed > b.last_failed;
  if (a.count != b.count) return a.count > b.count;
  return a.replica < b.replica;
}

void AddStrike(std::vector<Strike>& list, ReplicaIndex replica, View failed) {
  auto place = std::lower_bound(
      list.begin(), list.end(), replica,
      [](const Strike& strike, ReplicaIndex wanted) { return strike.replica < wanted; });
  if (place == list.end() || place->replica != replica) {
    place = list.insert(place, Strike{replica, 0, View(0)});
  }
  if (place->count < UINT16_MAX) ++place->count;
  place->last_failed = failed;
  place->seen = false;
}

}  // namespace

LeaderSchedule::StrikesPtr LeaderSchedule::MakeStrikes(std::vector<Strike> list) {
  auto out = std::make_shared<Strikes>();
  ByteWriter writer;
  Write(list, writer);
  out->hash = ScheduleDigest(writer.bytes());
  out->list = std::move(list);
  return out;
}

LeaderSchedule::LeaderSchedule() {
  static const StrikesPtr none = MakeStrikes({});
  own_ = parent_ = committed_ = Record{View(0), none};
  SetHash();
}

void LeaderSchedule::SetHash() {
  std::array<uint8_t, 3 * 40> bytes;
  uint8_t* out = bytes.data();
  for (const Record* record : {&own_, &parent_, &committed_}) {
    StoreBigEndian(record->view.value(), out, 8);
    std::memcpy(out + 8, record->strikes->hash.data(), 32);
    out += 40;
  }
  hash_ = ScheduleDigest(bytes);
}

ReplicaIndex LeaderSchedule::LeaderOf(View view, size_t n) const {
  const std::vector<Strike>& list = committed_.strikes->list;
  const uint64_t round_robin_from = committed_.view.value() + 2 * n + 8;
  if (list.empty() || view.value() >= round_robin_from) {
    return ReplicaIndex(static_cast<uint16_t>(view.value() % n));
  }
  std::vector<Strike> excluded;
  for (const Strike& strike : list) {
    if (view.value() < ExcludedUntil(strike, n)) excluded.push_back(strike);
  }
  std::sort(excluded.begin(), excluded.end(), Worse);
  if (excluded.size() > FaultsOf(n)) excluded.resize(FaultsOf(n));
  std::vector<ReplicaIndex> eligible;
  for (size_t i = 0; i < n; ++i) {
    const ReplicaIndex replica(static_cast<uint16_t>(i));
    const bool passed_over =
        std::any_of(excluded.begin(), excluded.end(),
                    [replica](const Strike& strike) { return strike.replica == replica; });
    if (!passed_over) eligible.push_back(replica);
  }
  return eligible[view.value() % eligible.size()];
}

bool LeaderSchedule::IsOnProbation(ReplicaIndex replica) const {
  const std::vector<Strike>& list = committed_.strikes->list;
  return std::any_of(list.begin(), list.end(),
                     [replica](const Strike& strike) { return strike.replica == replica; });
}

LeaderSchedule::StrikesPtr LeaderSchedule::NextStrikes(const BlockHeader& header,
                                                       const QuorumCertificate& justify,
                                                       size_t n) const {
  const std::vector<Strike>& before = own_.strikes->list;
  const bool gap = header.view.value() > own_.view.value() + 1;
  const bool changes = std::any_of(before.begin(), before.end(), [&](const Strike& strike) {
    return strike.replica == header.proposer || Shows(justify, strike);
  });
  if (!gap && !changes) return own_.strikes;
  std::vector<Strike> list = before;
  for (Strike& strike : list) strike.seen = strike.seen || Shows(justify, strike);
  const uint64_t end = std::min(header.view.value(), own_.view.value() + 1 + 2 * n);
  for (uint64_t failed = own_.view.value() + 1; failed < end; ++failed) {
    AddStrike(list, LeaderOf(View(failed), n), View(failed));
  }
  std::erase_if(list, [&](const Strike& strike) { return strike.replica == header.proposer; });
  return MakeStrikes(std::move(list));
}

LeaderSchedule LeaderSchedule::Child(const BlockHeader& header, const QuorumCertificate& justify,
                                     size_t n, const CommitRule& rule) const {
  GROAT_CHECK_LT(own_.view, header.view);
  LeaderSchedule child = *this;
  child.own_ = Record{header.view, NextStrikes(header, justify, n)};
  child.parent_ = own_;
  const std::optional<size_t> committed = rule.CommittedBy({header.view, own_.view, parent_.view});
  if (committed.has_value()) child.committed_ = *committed == 1 ? own_ : parent_;
  child.SetHash();
  return child;
}

Bytes LeaderSchedule::Encode() const {
  ByteWriter writer;
  for (const Record* record : {&own_, &parent_, &committed_}) {
    writer.U64(record->view.value());
    Write(record->strikes->list, writer);
  }
  return writer.Take();
}

absl::StatusOr<LeaderSchedule::Record> LeaderSchedule::DecodeRecord(ByteReader& reader) {
  Record record;
  record.view = View(reader.U64());
  const size_t count = reader.U16();
  if (count > kMaxReplicas) {
    return absl::InvalidArgumentError(
        absl::StrCat("schedule with ", count, " strikes, want at most ", kMaxReplicas));
  }
  std::vector<Strike> list(count);
  for (size_t i = 0; i < count; ++i) {
    list[i].replica = ReplicaIndex(reader.U16());
    list[i].count = reader.U16();
    list[i].last_failed = View(reader.U64());
    const uint8_t seen = reader.U8();
    if (seen > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("schedule's strike ", i, " has the seen flag ", seen, ", want 0 or 1"));
    }
    list[i].seen = seen == 1;
    if (list[i].count == 0 || (i > 0 && list[i].replica <= list[i - 1].replica)) {
      return absl::InvalidArgumentError(
          absl::StrCat("schedule's strike ", i, " of replica ", list[i].replica.value(), " counts ",
                       list[i].count, ", want ascending replicas and counts from 1"));
    }
  }
  record.strikes = MakeStrikes(std::move(list));
  return record;
}

absl::StatusOr<LeaderSchedule> LeaderSchedule::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  LeaderSchedule schedule;
  GROAT_ASSIGN_OR_RETURN(schedule.own_, DecodeRecord(reader));
  GROAT_ASSIGN_OR_RETURN(schedule.parent_, DecodeRecord(reader));
  GROAT_ASSIGN_OR_RETURN(schedule.committed_, DecodeRecord(reader));
  GROAT_RETURN_IF_ERROR(reader.Finish("leader schedule"));
  schedule.SetHash();
  return schedule;
}

}  // namespace groat::hotstuff
