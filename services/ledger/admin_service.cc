#include "services/ledger/admin_service.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/tls.h"
#include "rpc/unary.h"
#include "services/ledger/register_view.h"

namespace groat::ledger_service {
namespace {

namespace v1 = ::groat::ledger::v1;

// How long MoveSequencer waits for the new one, beyond the time of a lease.
constexpr std::chrono::seconds kMoveSlack{5};
constexpr std::chrono::milliseconds kMovePoll{50};
constexpr size_t kMaxNameBytes = 64;

void SetMember(const storage::EtcdMember& member, v1::RegisterMember* out) {
  out->set_id(member.id.value());
  out->set_name(member.name);
  for (const std::string& url : member.peer_urls) out->add_peer_urls(url);
  for (const std::string& url : member.client_urls) out->add_client_urls(url);
  out->set_learner(member.is_learner);
}

absl::Status CheckBackupName(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
      std::all_of(name.begin(), name.end(), allowed)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("name: ", name.size(),
                   " bytes, want 1 to 64 letters, digits, '-', '_' or '.', not starting with '.'"));
}

}  // namespace

absl::Status AdminServiceImpl::CheckCaller(const grpc::CallbackServerContext& context) const {
  if (options_.anybody) return absl::OkStatus();
  GROAT_ASSIGN_OR_RETURN(const rpc::Peer peer, rpc::PeerIdentity(context));
  if (options_.admins.count(peer.common_name) != 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("\"", peer.common_name, "\" is not among this node's admins"));
}

absl::Status AdminServiceImpl::CheckEtcd() const {
  if (etcd_ != nullptr) return absl::OkStatus();
  return absl::UnimplementedError("an embedded register has no members to manage");
}

template <class Response, class Work>
grpc::ServerUnaryReactor* AdminServiceImpl::Do(grpc::CallbackServerContext* context,
                                               Response* response, Work work) {
  if (const absl::Status status = CheckCaller(*context); !status.ok()) {
    return rpc::FinishUnary(context, status);
  }
  auto reply = std::make_shared<rpc::UnaryReply<Response>>(context, response);
  grpc::ServerUnaryReactor* reactor = reply->reactor();
  const bool posted = pool_.TryPost([reply, work = std::move(work)] {
    if (reply->closed()) return;
    absl::StatusOr<Response> answer = work();
    if (answer.ok()) {
      reply->Send(*std::move(answer));
    } else {
      reply->Fail(answer.status());
    }
  });
  if (!posted) reply->Fail(absl::ResourceExhaustedError("too many administrative calls wait"));
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::GetClusterStatus(
    grpc::CallbackServerContext* context, const v1::GetClusterStatusRequest*,
    v1::GetClusterStatusResponse* response) {
  return Do(context, response, [this] { return Status(); });
}

absl::StatusOr<v1::GetClusterStatusResponse> AdminServiceImpl::Status() const {
  const NodeContext& node = node_.context();
  v1::GetClusterStatusResponse out;
  out.set_register_kind(etcd_ == nullptr ? "embedded" : "etcd");
  out.set_answered_by(node.self.value());
  if (const auto checkpoint = node_.checkpoint(); checkpoint.has_value()) {
    out.set_checkpoint_height(checkpoint->checkpoint.height.value());
  }
  if (etcd_ != nullptr) GROAT_RETURN_IF_ERROR(AddMembers(out.mutable_members()));
  // Not by RegisterView: an operator wants to see the state of a contradiction too, and what can
  // still be seen where the majority is lost.
  const std::vector<storage::RangeRead> ranges = {
      {storage::KeyRange::Single(node.keys.Head())},
      {node.keys.AllProgress()},
      {storage::KeyRange::Single(node.keys.Sequencer())}};
  absl::StatusOr<storage::ReadResult> read =
      node.reg->ReadRanges(ranges, storage::Consistency::kLinearizable);
  if (!read.ok()) read = node.reg->ReadRanges(ranges, storage::Consistency::kStale);
  GROAT_RETURN_IF_ERROR(read.status());
  if (!read->ranges[0].items.empty()) {
    GROAT_ASSIGN_OR_RETURN(const ledger::ChainHead head,
                           DecodeHead(node.ledger_id, read->ranges[0].items[0].value));
    out.set_head_height(head.height.value());
  }
  std::vector<NodeProgress> progress(node.node_keys.size());
  for (const storage::KeyValue& item : read->ranges[1].items) {
    const std::optional<RegisterKeys::Name> name = node.keys.Parse(item.key);
    const absl::StatusOr<NodeProgress> said = DecodeProgress(item.value);
    if (name.has_value() && said.ok() && name->node.value() < progress.size()) {
      progress[name->node.value()] = *said;
    }
  }
  // Of itself a node knows better.
  progress[node.self.value()] = {node.store->applied(), node_.signed_height(), node.now_ms()};
  for (size_t i = 0; i < progress.size(); ++i) {
    v1::NodeStatus* status = out.add_nodes();
    status->set_node(static_cast<uint32_t>(i));
    status->set_applied_height(progress[i].applied.value());
    status->set_signed_height(progress[i].signed_height.value());
    status->set_reported_at_ms(progress[i].reported_at_ms);
    status->set_lag_blocks(out.head_height() -
                           std::min(out.head_height(), progress[i].applied.value()));
  }
  for (const storage::KeyValue& item : read->ranges[2].items) {
    const absl::StatusOr<record::NodeIndex> sequencer = DecodeNode(item.value);
    if (!sequencer.ok()) continue;
    out.set_has_sequencer(true);
    out.set_sequencer(sequencer->value());
  }
  return out;
}

absl::Status AdminServiceImpl::AddMembers(
    google::protobuf::RepeatedPtrField<v1::RegisterMember>* out) const {
  GROAT_ASSIGN_OR_RETURN(const std::vector<storage::EtcdMember> members,
                         etcd_->Members(storage::Consistency::kStale));
  std::map<storage::EtcdMemberId, storage::EtcdMemberStatus> reached;
  for (size_t endpoint = 0; endpoint < etcd_->endpoints().size(); ++endpoint) {
    const absl::StatusOr<storage::EtcdMemberStatus> status = etcd_->MemberStatus(endpoint);
    if (status.ok()) reached[status->id] = *status;
  }
  for (const storage::EtcdMember& member : members) {
    v1::RegisterMember* proto = out->Add();
    SetMember(member, proto);
    const auto status = reached.find(member.id);
    if (status == reached.end()) continue;
    proto->set_reachable(true);
    proto->set_leader(status->second.leader == member.id);
    proto->set_version(status->second.version);
    proto->set_database_bytes(static_cast<uint64_t>(status->second.db_size_bytes));
    proto->set_raft_index(status->second.raft_applied_index);
    for (const std::string& error : status->second.errors) proto->add_errors(error);
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* AdminServiceImpl::AddMember(grpc::CallbackServerContext* context,
                                                      const v1::AddMemberRequest* request,
                                                      v1::AddMemberResponse* response) {
  return Do(
      context, response, [this, request = *request]() -> absl::StatusOr<v1::AddMemberResponse> {
        GROAT_RETURN_IF_ERROR(CheckEtcd());
        if (request.peer_urls_size() != 1) {
          return absl::InvalidArgumentError(
              absl::StrCat("peer_urls: ", request.peer_urls_size(), ", want 1"));
        }
        GROAT_ASSIGN_OR_RETURN(const std::vector<storage::EtcdMember> members,
                               etcd_->Members(storage::Consistency::kLinearizable));
        for (const storage::EtcdMember& member : members) {
          const auto& urls = member.peer_urls;
          if (std::find(urls.begin(), urls.end(), request.peer_urls(0)) == urls.end()) {
            continue;
          }
          return absl::AlreadyExistsError(
              absl::StrCat(request.peer_urls(0), " is a member's already: id ", member.id.value()));
        }
        GROAT_ASSIGN_OR_RETURN(const storage::EtcdMember member,
                               etcd_->AddLearner(request.peer_urls(0)));
        v1::AddMemberResponse out;
        SetMember(member, out.mutable_member());
        return out;
      });
}

grpc::ServerUnaryReactor* AdminServiceImpl::PromoteMember(grpc::CallbackServerContext* context,
                                                          const v1::PromoteMemberRequest* request,
                                                          v1::PromoteMemberResponse* response) {
  return Do(context, response,
            [this, id = request->id()]() -> absl::StatusOr<v1::PromoteMemberResponse> {
              GROAT_RETURN_IF_ERROR(CheckEtcd());
              GROAT_RETURN_IF_ERROR(etcd_->Promote(storage::EtcdMemberId(id)));
              v1::PromoteMemberResponse out;
              GROAT_RETURN_IF_ERROR(AddMembers(out.mutable_members()));
              return out;
            });
}

grpc::ServerUnaryReactor* AdminServiceImpl::RemoveMember(grpc::CallbackServerContext* context,
                                                         const v1::RemoveMemberRequest* request,
                                                         v1::RemoveMemberResponse* response) {
  return Do(context, response,
            [this, id = request->id()]() -> absl::StatusOr<v1::RemoveMemberResponse> {
              GROAT_RETURN_IF_ERROR(CheckEtcd());
              GROAT_RETURN_IF_ERROR(etcd_->Remove(storage::EtcdMemberId(id)));
              v1::RemoveMemberResponse out;
              GROAT_RETURN_IF_ERROR(AddMembers(out.mutable_members()));
              return out;
            });
}

grpc::ServerUnaryReactor* AdminServiceImpl::MoveSequencer(grpc::CallbackServerContext* context,
                                                          const v1::MoveSequencerRequest* request,
                                                          v1::MoveSequencerResponse* response) {
  return Do(context, response,
            [this, node = record::NodeIndex(request->node())] { return Move(node); });
}

absl::StatusOr<v1::MoveSequencerResponse> AdminServiceImpl::Move(record::NodeIndex node) const {
  const size_t count = node_.context().node_keys.size();
  if (node.value() >= count) {
    return absl::InvalidArgumentError(absl::StrCat("node ", node.value(), ", want below ", count));
  }
  GROAT_RETURN_IF_ERROR(node_.housekeeper().Wish(node));
  const auto deadline =
      std::chrono::steady_clock::now() + node_.context().timing.lease_ttl + kMoveSlack;
  Wakeup never;
  while (node_.sequencer() != node) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return absl::UnavailableError(
          absl::StrCat("node ", node.value(), " did not take the sequencer's place in time"));
    }
    never.Pause(kMovePoll);
  }
  v1::MoveSequencerResponse out;
  out.set_sequencer(node.value());
  return out;
}

grpc::ServerUnaryReactor* AdminServiceImpl::Backup(grpc::CallbackServerContext* context,
                                                   const v1::BackupRequest* request,
                                                   v1::BackupResponse* response) {
  return Do(context, response, [this, name = request->name()] { return MakeBackup(name); });
}

absl::StatusOr<v1::BackupResponse> AdminServiceImpl::MakeBackup(const std::string& name) const {
  GROAT_RETURN_IF_ERROR(CheckBackupName(name));
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(options_.backup_dir) / name;
  if (std::filesystem::exists(folder, error)) {
    return absl::AlreadyExistsError(absl::StrCat("there is a backup \"", name, "\""));
  }
  std::filesystem::create_directories(options_.backup_dir, error);
  if (error) {
    return absl::InternalError(absl::StrCat(options_.backup_dir, ": ", error.message()));
  }
  v1::BackupResponse out;
  // Read before the copy is made: the copy holds this and perhaps more.
  out.set_height(node_.store().applied().value());
  GROAT_RETURN_IF_ERROR(node_.store().Backup(folder.string()));
  uint64_t size_bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_regular_file(error)) size_bytes += entry.file_size(error);
  }
  out.set_path(folder.string());
  out.set_size_bytes(size_bytes);
  return out;
}

}  // namespace groat::ledger_service
