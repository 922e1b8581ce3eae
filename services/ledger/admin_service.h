// groat.ledger.v1.LedgerAdminService: status, membership of the etcd cluster, the sequencer's
// place, backups.
//
// Handlers check who calls and hand the work to a thread of their own: it may take seconds.
#ifndef GROAT_SERVICES_LEDGER_ADMIN_SERVICE_H_
#define GROAT_SERVICES_LEDGER_ADMIN_SERVICE_H_

#include <set>
#include <string>

#include "groat/ledger/v1/admin.grpc.pb.h"
#include "services/ledger/ledger_node.h"
#include "storage/etcd_admin.h"

namespace groat::ledger_service {

struct AdminOptions {
  std::set<std::string> admins;  // Common names of certificates.
  bool anybody = false;          // Plaintext: callers have no names.
  std::string backup_dir;
};

class AdminServiceImpl final : public ledger::v1::LedgerAdminService::CallbackService {
 public:
  // `etcd` is null for the embedded register. Both outlive the service.
  AdminServiceImpl(LedgerNode& node, const storage::EtcdAdmin* etcd, AdminOptions options)
      : node_(node), etcd_(etcd), options_(std::move(options)), pool_(1, 16) {}

  // Waits for the work under way. Before the node stops.
  void Stop() { pool_.Stop(); }

  grpc::ServerUnaryReactor* GetClusterStatus(
      grpc::CallbackServerContext* context, const ledger::v1::GetClusterStatusRequest* request,
      ledger::v1::GetClusterStatusResponse* response) override;
  grpc::ServerUnaryReactor* AddMember(grpc::CallbackServerContext* context,
                                      const ledger::v1::AddMemberRequest* request,
                                      ledger::v1::AddMemberResponse* response) override;
  grpc::ServerUnaryReactor* PromoteMember(grpc::CallbackServerContext* context,
                                          const ledger::v1::PromoteMemberRequest* request,
                                          ledger::v1::PromoteMemberResponse* response) override;
  grpc::ServerUnaryReactor* RemoveMember(grpc::CallbackServerContext* context,
                                         const ledger::v1::RemoveMemberRequest* request,
                                         ledger::v1::RemoveMemberResponse* response) override;
  grpc::ServerUnaryReactor* MoveSequencer(grpc::CallbackServerContext* context,
                                          const ledger::v1::MoveSequencerRequest* request,
                                          ledger::v1::MoveSequencerResponse* response) override;
  grpc::ServerUnaryReactor* Backup(grpc::CallbackServerContext* context,
                                   const ledger::v1::BackupRequest* request,
                                   ledger::v1::BackupResponse* response) override;

 private:
  absl::Status CheckCaller(const grpc::CallbackServerContext& context) const;
  absl::Status CheckEtcd() const;
  // Runs `work`, a function that gives StatusOr<Response>, on the own thread.
  template <class Response, class Work>
  grpc::ServerUnaryReactor* Do(grpc::CallbackServerContext* context, Response* response, Work work);

  absl::StatusOr<ledger::v1::GetClusterStatusResponse> Status() const;
  absl::Status AddMembers(
      google::protobuf::RepeatedPtrField<ledger::v1::RegisterMember>* out) const;
  absl::StatusOr<ledger::v1::MoveSequencerResponse> Move(record::NodeIndex node) const;
  absl::StatusOr<ledger::v1::BackupResponse> MakeBackup(const std::string& name) const;

  LedgerNode& node_;
  const storage::EtcdAdmin* const etcd_;
  const AdminOptions options_;
  TaskPool pool_;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_ADMIN_SERVICE_H_
