#include "storage/testing/etcd_cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grpcpp/security/credentials.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::storage::testing {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(30);
constexpr absl::Duration kPollInterval = absl::Milliseconds(20);
constexpr int kStartTries = 3;

std::string FindProgram() {
  const char* path = std::getenv("PATH");
  std::vector<std::string> folders =
      absl::StrSplit(path == nullptr ? "" : path, ':', absl::SkipEmpty());
  folders.push_back("/usr/bin");
  for (const std::string& folder : folders) {
    const std::string program = folder + "/etcd";
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return "";
}

// Ports that were free a moment ago; they are all distinct, as they are held at the same time.
std::vector<int> FreePorts(size_t count) {
  std::vector<int> sockets;
  std::vector<int> ports;
  for (size_t i = 0; i < count; ++i) {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    GROAT_CHECK(descriptor >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    GROAT_CHECK(bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0);
    GROAT_CHECK(getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    ports.push_back(ntohs(address.sin_port));
    sockets.push_back(descriptor);
  }
  for (int descriptor : sockets) close(descriptor);
  return ports;
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
}

}  // namespace

absl::StatusOr<std::unique_ptr<EtcdCluster>> EtcdCluster::Start(const EtcdClusterOptions& options) {
  const std::string program = FindProgram();
  if (program.empty()) return absl::NotFoundError("no etcd program in PATH or /usr/bin");
  // Another process may take a port between its choice and its use: then start anew.
  absl::Status last;
  for (int i = 0; i < kStartTries; ++i) {
    absl::StatusOr<std::unique_ptr<EtcdCluster>> cluster = TryStart(options, program);
    if (cluster.ok()) return cluster;
    last = cluster.status();
  }
  return last;
}

absl::StatusOr<std::unique_ptr<EtcdCluster>> EtcdCluster::TryStart(
    const EtcdClusterOptions& options, const std::string& program) {
  const std::filesystem::path parent = options.parent_folder.empty()
                                           ? std::filesystem::temp_directory_path()
                                           : std::filesystem::path(options.parent_folder);
  std::string folder = parent / "groat-etcd-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", folder));
  }
  std::unique_ptr<EtcdCluster> cluster(new EtcdCluster(options, program, folder));
  cluster->AddAddresses(static_cast<size_t>(options.members));
  for (Member& member : cluster->members_) {
    GROAT_RETURN_IF_ERROR(
        cluster->Spawn(member, cluster->Arguments(member, cluster->InitialCluster(), "new")));
  }
  for (size_t i = 0; i < cluster->size(); ++i) {
    GROAT_RETURN_IF_ERROR(cluster->WaitUntilAnswers(i));
  }
  GROAT_RETURN_IF_ERROR(cluster->WaitForLeader().status());
  return cluster;
}

EtcdCluster::EtcdCluster(const EtcdClusterOptions& options, std::string program, std::string folder)
    : options_(options), program_(std::move(program)), folder_(std::move(folder)) {
  if (options_.tls) {
    WriteCertificates();
  } else {
    credentials_ = grpc::InsecureChannelCredentials();
  }
}

EtcdCluster::~EtcdCluster() {
  for (size_t i = 0; i < size(); ++i) Kill(i);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void EtcdCluster::WriteCertificates() {
  certificates_ = MakeTestCertificates(options_.key_kind);
  WriteFile(folder_ + "/ca.pem", certificates_.ca);
  WriteFile(folder_ + "/crt.pem", certificates_.certificate);
  WriteFile(folder_ + "/key.pem", certificates_.key);
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = certificates_.ca;
  ssl.pem_cert_chain = certificates_.certificate;
  ssl.pem_private_key = certificates_.key;
  credentials_ = grpc::SslCredentials(ssl);
}

void EtcdCluster::AddAddresses(size_t count) {
  const std::vector<int> ports = FreePorts(2 * count);
  for (size_t i = 0; i < count; ++i) {
    Member member;
    member.name = absl::StrCat("m", members_.size());
    member.client_address = absl::StrCat("127.0.0.1:", ports[2 * i]);
    member.peer_address = absl::StrCat("127.0.0.1:", ports[2 * i + 1]);
    members_.push_back(member);
  }
}

std::string EtcdCluster::Url(const std::string& address) const {
  return absl::StrCat(options_.tls ? "https://" : "http://", address);
}

std::string EtcdCluster::InitialCluster() const {
  return absl::StrJoin(members_, ",", [this](std::string* out, const Member& member) {
    absl::StrAppend(out, member.name, "=", Url(member.peer_address));
  });
}

std::vector<std::string> EtcdCluster::Arguments(const Member& member,
                                                const std::string& initial_cluster,
                                                const std::string& state) const {
  std::vector<std::string> out = {
      program_,
      "--name=" + member.name,
      absl::StrCat("--data-dir=", folder_, "/", member.name),
      "--listen-client-urls=" + Url(member.client_address),
      "--advertise-client-urls=" + Url(member.client_address),
      "--listen-peer-urls=" + Url(member.peer_address),
      "--initial-advertise-peer-urls=" + Url(member.peer_address),
      "--initial-cluster=" + initial_cluster,
      "--initial-cluster-state=" + state,
      absl::StrCat("--heartbeat-interval=", options_.heartbeat_ms),
      absl::StrCat("--election-timeout=", options_.election_ms),
      "--logger=zap",
      "--log-level=warn",
      "--log-outputs=stderr",
  };
  if (options_.tls) {
    for (const char* role : {"", "peer-"}) {
      out.push_back(absl::StrCat("--", role, "cert-file=", folder_, "/crt.pem"));
      out.push_back(absl::StrCat("--", role, "key-file=", folder_, "/key.pem"));
      out.push_back(absl::StrCat("--", role, "trusted-ca-file=", folder_, "/ca.pem"));
      out.push_back(absl::StrCat("--", role, "client-cert-auth"));
    }
  }
  out.insert(out.end(), options_.extra_flags.begin(), options_.extra_flags.end());
  return out;
}

absl::Status EtcdCluster::Spawn(Member& member, const std::vector<std::string>& arguments) {
  const std::string log = absl::StrCat(folder_, "/", member.name, ".log");
  // All memory is prepared before the fork: the child may only make system calls.
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // etcd would take flags from ETCD_ variables.
  char* const environment[] = {const_cast<char*>("PATH=/usr/bin:/bin"), nullptr};
  const int log_descriptor = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", log));
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);
    dup2(log_descriptor, STDOUT_FILENO);
    dup2(log_descriptor, STDERR_FILENO);
    execve(argv[0], argv.data(), environment);
    _exit(127);
  }
  close(log_descriptor);
  if (pid < 0) return absl::ErrnoToStatus(errno, "cannot fork");
  member.pid = pid;
  member.paused = false;
  return absl::OkStatus();
}

bool EtcdCluster::HasExited(Member& member) {
  if (member.pid == 0) return true;
  if (waitpid(member.pid, nullptr, WNOHANG) != member.pid) return false;
  member.pid = 0;
  return true;
}

absl::Status EtcdCluster::WaitUntilAnswers(size_t member) {
  EtcdOptions client = ClientOptions("wait/");
  client.endpoints = {endpoint(member)};
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<EtcdAdmin> admin, EtcdAdmin::Connect(client));
  const absl::Time deadline = absl::Now() + kStartTimeout;
  absl::Status last;
  while (absl::Now() < deadline) {
    if (HasExited(members_[member])) {
      return absl::UnavailableError(
          absl::StrCat("etcd ", members_[member].name, " ended: ", LogTail(member)));
    }
    last = admin->MemberStatus(0).status();
    if (last.ok()) return last;
    absl::SleepFor(kPollInterval);
  }
  return absl::DeadlineExceededError(absl::StrCat("etcd ", members_[member].name,
                                                  " does not answer: ", last.message(),
                                                  "; log: ", LogTail(member)));
}

absl::StatusOr<size_t> EtcdCluster::WaitForLeader() const {
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<EtcdAdmin> admin,
                         EtcdAdmin::Connect(ClientOptions("wait/")));
  const absl::Time deadline = absl::Now() + kStartTimeout;
  while (absl::Now() < deadline) {
    std::vector<EtcdMemberId> ids(size());
    std::optional<EtcdMemberId> leader;
    bool agreed = true;
    for (size_t i = 0; i < size() && agreed; ++i) {
      if (members_[i].pid == 0 || members_[i].paused) continue;
      const absl::StatusOr<EtcdMemberStatus> status = admin->MemberStatus(i);
      agreed = status.ok() && status->leader.value() != 0 &&
               leader.value_or(status->leader) == status->leader;
      if (!agreed) break;
      ids[i] = status->id;
      leader = status->leader;
    }
    for (size_t i = 0; agreed && leader.has_value() && i < size(); ++i) {
      if (ids[i] == *leader) return i;
    }
    absl::SleepFor(kPollInterval);
  }
  return absl::DeadlineExceededError("the etcd members do not agree on a leader");
}

std::vector<std::string> EtcdCluster::endpoints() const {
  std::vector<std::string> out;
  for (const Member& member : members_) out.push_back(member.client_address);
  return out;
}

EtcdOptions EtcdCluster::ClientOptions(const std::string& prefix) const {
  EtcdOptions out;
  out.endpoints = endpoints();
  out.credentials = credentials_;
  out.prefix = prefix;
  return out;
}

void EtcdCluster::Kill(size_t member) {
  if (members_[member].pid == 0) return;
  kill(members_[member].pid, SIGKILL);
  waitpid(members_[member].pid, nullptr, 0);
  members_[member].pid = 0;
  members_[member].paused = false;
}

absl::Status EtcdCluster::Restart(size_t member) {
  GROAT_CHECK(members_[member].pid == 0) << "member " << member << " runs";
  GROAT_RETURN_IF_ERROR(
      Spawn(members_[member], Arguments(members_[member], InitialCluster(), "existing")));
  return WaitUntilAnswers(member);
}

void EtcdCluster::Pause(size_t member) {
  GROAT_CHECK(members_[member].pid != 0) << "member " << member << " does not run";
  kill(members_[member].pid, SIGSTOP);
  // Only a process that was seen to have stopped sends nothing any more.
  waitpid(members_[member].pid, nullptr, WUNTRACED);
  members_[member].paused = true;
}

void EtcdCluster::Resume(size_t member) {
  kill(members_[member].pid, SIGCONT);
  members_[member].paused = false;
}

absl::StatusOr<size_t> EtcdCluster::AddLearner() {
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<EtcdAdmin> admin,
                         EtcdAdmin::Connect(ClientOptions("add/")));
  AddAddresses(1);
  const size_t number = members_.size() - 1;
  GROAT_RETURN_IF_ERROR(admin->AddLearner(Url(members_[number].peer_address)).status());
  GROAT_RETURN_IF_ERROR(
      Spawn(members_[number], Arguments(members_[number], InitialCluster(), "existing")));
  GROAT_RETURN_IF_ERROR(WaitUntilAnswers(number));
  return number;
}

std::string EtcdCluster::LogTail(size_t member) const {
  constexpr size_t kTailBytes = 2000;
  std::ifstream in(absl::StrCat(folder_, "/", members_[member].name, ".log"));
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  return all.size() <= kTailBytes ? all : all.substr(all.size() - kTailBytes);
}

}  // namespace groat::storage::testing
