#include "storage/etcd_admin.h"

#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "storage/etcd/rpc.grpc.pb.h"
#include "storage/etcd_snapshot_file.h"

namespace groat::storage {
namespace {

using etcdserverpb::Cluster;
using etcdserverpb::Maintenance;

EtcdMember FromWire(const etcdserverpb::Member& member) {
  return {EtcdMemberId(member.id()),
          member.name(),
          {member.peer_urls().begin(), member.peer_urls().end()},
          {member.client_urls().begin(), member.client_urls().end()},
          member.is_learner()};
}

std::vector<EtcdAlarm> FromWire(const etcdserverpb::AlarmResponse& response) {
  std::vector<EtcdAlarm> out;
  for (const etcdserverpb::AlarmMember& alarm : response.alarms()) {
    if (alarm.alarm() == etcdserverpb::NONE) continue;
    out.push_back({EtcdMemberId(alarm.member_id()), alarm.alarm() == etcdserverpb::NOSPACE
                                                        ? EtcdAlarmKind::kNoSpace
                                                        : EtcdAlarmKind::kCorrupt});
  }
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EtcdAdmin>> EtcdAdmin::Connect(const EtcdOptions& options) {
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<EtcdChannels> channels, EtcdChannels::Make(options));
  return std::unique_ptr<EtcdAdmin>(new EtcdAdmin(std::move(channels)));
}

absl::StatusOr<std::vector<EtcdMember>> EtcdAdmin::Members(Consistency consistency) const {
  const bool linearizable = consistency == Consistency::kLinearizable;
  etcdserverpb::MemberListRequest request;
  request.set_linearizable(linearizable);
  etcdserverpb::MemberListResponse response;
  const EtcdChannels::Try attempt = [&](const auto& channel, auto& context) {
    return Cluster::NewStub(channel)->MemberList(&context, request, &response);
  };
  GROAT_RETURN_IF_ERROR(linearizable ? channels_->CallRepeatable(attempt)
                                     : channels_->CallWithoutQuorum(attempt));
  std::vector<EtcdMember> out;
  for (const etcdserverpb::Member& member : response.members()) out.push_back(FromWire(member));
  return out;
}

absl::StatusOr<EtcdMemberStatus> EtcdAdmin::MemberStatus(size_t endpoint) const {
  etcdserverpb::StatusResponse response;
  GROAT_RETURN_IF_ERROR(channels_->CallEndpoint(
      endpoint, channels_->options().try_timeout, [&](const auto& channel, auto& context) {
        return Maintenance::NewStub(channel)->Status(&context, {}, &response);
      }));
  EtcdMemberStatus out;
  out.id = EtcdMemberId(response.header().member_id());
  out.version = response.version();
  out.db_size_bytes = response.db_size_bytes();
  out.db_size_in_use_bytes = response.db_size_in_use_bytes();
  out.leader = EtcdMemberId(response.leader());
  out.raft_term = response.raft_term();
  out.raft_index = response.raft_index();
  out.raft_applied_index = response.raft_applied_index();
  out.revision = response.header().revision();
  out.is_learner = response.is_learner();
  out.errors.assign(response.errors().begin(), response.errors().end());
  return out;
}

absl::StatusOr<EtcdMember> EtcdAdmin::AddLearner(const std::string& peer_url) const {
  etcdserverpb::MemberAddRequest request;
  request.add_peer_urls(peer_url);
  request.set_is_learner(true);
  etcdserverpb::MemberAddResponse response;
  GROAT_RETURN_IF_ERROR(channels_->CallOnce([&](const auto& channel, auto& context) {
    return Cluster::NewStub(channel)->MemberAdd(&context, request, &response);
  }));
  return FromWire(response.member());
}

absl::Status EtcdAdmin::Promote(EtcdMemberId member) const {
  etcdserverpb::MemberPromoteRequest request;
  request.set_id(member.value());
  etcdserverpb::MemberPromoteResponse response;
  return channels_->CallOnce([&](const auto& channel, auto& context) {
    return Cluster::NewStub(channel)->MemberPromote(&context, request, &response);
  });
}

absl::Status EtcdAdmin::Remove(EtcdMemberId member) const {
  etcdserverpb::MemberRemoveRequest request;
  request.set_id(member.value());
  etcdserverpb::MemberRemoveResponse response;
  return channels_->CallOnce([&](const auto& channel, auto& context) {
    return Cluster::NewStub(channel)->MemberRemove(&context, request, &response);
  });
}

absl::Status EtcdAdmin::MoveLeader(EtcdMemberId member) const {
  // Only the leader takes the request.
  for (size_t i = 0; i < channels_->size(); ++i) {
    const absl::StatusOr<EtcdMemberStatus> status = MemberStatus(i);
    if (!status.ok() || status->leader != status->id) continue;
    if (status->leader == member) return absl::OkStatus();
    etcdserverpb::MoveLeaderRequest request;
    request.set_target_id(member.value());
    etcdserverpb::MoveLeaderResponse response;
    return channels_->CallEndpoint(
        i, channels_->options().call_timeout, [&](const auto& channel, auto& context) {
          return Maintenance::NewStub(channel)->MoveLeader(&context, request, &response);
        });
  }
  return absl::FailedPreconditionError(
      absl::StrCat("none of ", channels_->size(), " etcd endpoints is the leader's"));
}

absl::StatusOr<int64_t> EtcdAdmin::SaveSnapshot(size_t endpoint, const std::string& path,
                                                absl::Duration timeout) const {
  GROAT_ASSIGN_OR_RETURN(EtcdSnapshotFile file, EtcdSnapshotFile::Create(path));
  absl::Status written;
  GROAT_RETURN_IF_ERROR(
      channels_->CallEndpoint(endpoint, timeout, [&](const auto& channel, auto& context) {
        const auto stream = Maintenance::NewStub(channel)->Snapshot(&context, {});
        etcdserverpb::SnapshotResponse piece;
        while (written.ok() && stream->Read(&piece)) written = file.Append(piece.blob());
        if (!written.ok()) context.TryCancel();
        const grpc::Status status = stream->Finish();
        return written.ok() ? status : grpc::Status::OK;
      }));
  GROAT_RETURN_IF_ERROR(written);
  return file.Finish();
}

absl::Status EtcdAdmin::Defragment(size_t endpoint, absl::Duration timeout) const {
  return channels_->CallEndpoint(endpoint, timeout, [&](const auto& channel, auto& context) {
    etcdserverpb::DefragmentResponse response;
    return Maintenance::NewStub(channel)->Defragment(&context, {}, &response);
  });
}

absl::StatusOr<std::vector<EtcdAlarm>> EtcdAdmin::Alarms() const {
  etcdserverpb::AlarmRequest request;
  request.set_action(etcdserverpb::AlarmRequest::GET);
  etcdserverpb::AlarmResponse response;
  GROAT_RETURN_IF_ERROR(channels_->CallRepeatable([&](const auto& channel, auto& context) {
    return Maintenance::NewStub(channel)->Alarm(&context, request, &response);
  }));
  return FromWire(response);
}

absl::Status EtcdAdmin::Disarm(const EtcdAlarm& alarm) const {
  etcdserverpb::AlarmRequest request;
  request.set_action(etcdserverpb::AlarmRequest::DEACTIVATE);
  request.set_member_id(alarm.member.value());
  request.set_alarm(alarm.kind == EtcdAlarmKind::kNoSpace ? etcdserverpb::NOSPACE
                                                          : etcdserverpb::CORRUPT);
  etcdserverpb::AlarmResponse response;
  return channels_->CallRepeatable([&](const auto& channel, auto& context) {
    return Maintenance::NewStub(channel)->Alarm(&context, request, &response);
  });
}

std::optional<std::string> EtcdVersionWarning(std::string_view version) {
  constexpr std::array<int, 3> kWanted = {3, 5, 12};
  std::array<int, 3> parts = {0, 0, 0};
  // A suffix such as "-rc.1" belongs to a version before the one it is attached to.
  const absl::string_view text(version.data(), version.size());
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(text, absl::MaxSplits('-', 1));
  const std::vector<absl::string_view> numbers = absl::StrSplit(halves.first, '.');
  bool parsed = numbers.size() == parts.size();
  for (size_t i = 0; parsed && i < parts.size(); ++i) {
    parsed = absl::SimpleAtoi(numbers[i], &parts[i]);
  }
  if (!parsed)
    return absl::StrCat("etcd version \"", text, "\" is not understood, want 3.5.12 or newer");
  if (parts > kWanted || (parts == kWanted && halves.second.empty())) return std::nullopt;
  return absl::StrCat("etcd ", text,
                      " has known faults around compaction, defragmentation and reads after a "
                      "pause; production wants 3.5.12 or newer");
}

}  // namespace groat::storage
