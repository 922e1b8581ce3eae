// Care of an etcd cluster: members, health, snapshots, alarms.
//
// Thread-safe. Every call blocks for at most the options' call_timeout unless it takes its own.
// Changes of the membership are never repeated by themselves: a lost answer is OutcomeUnknownError,
// and Members() tells.
#ifndef GROAT_STORAGE_ETCD_ADMIN_H_
#define GROAT_STORAGE_ETCD_ADMIN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/strong_id.h"
#include "storage/etcd_channels.h"
#include "storage/register.h"

namespace groat::storage {

using EtcdMemberId = StrongId<struct EtcdMemberIdTag, uint64_t>;

struct EtcdMember {
  EtcdMemberId id;
  std::string name;  // Empty until the member was started.
  std::vector<std::string> peer_urls;
  std::vector<std::string> client_urls;  // Empty until the member was started.
  bool is_learner = false;
};

struct EtcdMemberStatus {
  EtcdMemberId id;
  std::string version;
  int64_t db_size_bytes = 0;
  int64_t db_size_in_use_bytes = 0;
  EtcdMemberId leader;  // Zero if the member sees none.
  uint64_t raft_term = 0;
  uint64_t raft_index = 0;
  uint64_t raft_applied_index = 0;
  int64_t revision = 0;
  bool is_learner = false;
  std::vector<std::string> errors;  // Alarms and other complaints, for people.
};

enum class EtcdAlarmKind { kNoSpace, kCorrupt };

struct EtcdAlarm {
  EtcdMemberId member;
  EtcdAlarmKind kind = EtcdAlarmKind::kNoSpace;

  friend bool operator==(const EtcdAlarm&, const EtcdAlarm&) = default;
};

class EtcdAdmin {
 public:
  // InvalidArgument for bad options; the prefix is not used. Does not wait for a connection.
  static absl::StatusOr<std::unique_ptr<EtcdAdmin>> Connect(const EtcdOptions& options);

  // The endpoints of the options, by index from 0.
  const std::vector<std::string>& endpoints() const { return channels_->options().endpoints; }

  // kStale: as some reachable member knows them, also without a quorum. kLinearizable: needs a
  // leader, and is linearizable from 3.5 on; 3.4 still answers from the asked member's own state.
  absl::StatusOr<std::vector<EtcdMember>> Members(Consistency consistency) const;
  // The member behind one endpoint. Unavailable or DeadlineExceeded if it does not answer.
  absl::StatusOr<EtcdMemberStatus> MemberStatus(size_t endpoint) const;

  // A learner to be started with the membership that Members() then shows. FailedPrecondition if
  // the URL is a member's or there is a learner already.
  absl::StatusOr<EtcdMember> AddLearner(const std::string& peer_url) const;
  // FailedPrecondition if it has not caught up yet or is no learner; NotFound if it is unknown.
  absl::Status Promote(EtcdMemberId member) const;
  // NotFound if it is unknown; FailedPrecondition if the rest would have no quorum; Unavailable,
  // without effect, while members are not connected or have not been for 5 s.
  absl::Status Remove(EtcdMemberId member) const;
  // FailedPrecondition if no endpoint is the leader's. OK if `member` leads already.
  absl::Status MoveLeader(EtcdMemberId member) const;

  // Writes the database of the endpoint's member to `path` (mode 0600) in the form that etcd's own
  // restore tool takes, synced and with its SHA-256 checked; `path` appears only when it is whole.
  // Returns the size of the file in bytes. DataLoss if the digest is wrong.
  absl::StatusOr<int64_t> SaveSnapshot(size_t endpoint, const std::string& path,
                                       absl::Duration timeout) const;
  // Gives free space back. The member does not answer meanwhile: one member at a time.
  absl::Status Defragment(size_t endpoint, absl::Duration timeout) const;

  absl::StatusOr<std::vector<EtcdAlarm>> Alarms() const;
  // OK also if there is no such alarm.
  absl::Status Disarm(const EtcdAlarm& alarm) const;

 private:
  explicit EtcdAdmin(std::unique_ptr<EtcdChannels> channels) : channels_(std::move(channels)) {}

  const std::unique_ptr<EtcdChannels> channels_;
};

// What to tell the operator about a member's version ("3.4.23"), or nothing if it is 3.5.12 or
// newer. Pure.
std::optional<std::string> EtcdVersionWarning(std::string_view version);

}  // namespace groat::storage

#endif  // GROAT_STORAGE_ETCD_ADMIN_H_
