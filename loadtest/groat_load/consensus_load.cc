#include "loadtest/groat_load/consensus_load.h"

#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <deque>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "groat/consensus/v1/consensus.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "tools/groat/platform/ports.h"
#include "tools/groat/platform/readiness.h"

namespace groat::load {
namespace {

namespace v1 = ::groat::consensus::v1;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kReadyTimeout{60'000};
constexpr milliseconds kLate{10};

absl::StatusOr<uint64_t> Height(v1::ConsensusService::Stub& stub) {
  rpc::CallContext context(milliseconds(10'000));
  v1::GetStatusResponse status;
  GROAT_RETURN_IF_ERROR(rpc::FromGrpc(stub.GetStatus(&context, {}, &status)));
  return status.committed_height();
}

// One stream: a thread that writes, a thread that reads. Request `m` is of client `m` modulo the
// clients, and its sequences follow from its number.
class Stream {
 public:
  Stream(const ConsensusLoad& load, size_t index, std::shared_ptr<grpc::Channel> channel,
         Clock::time_point begin)
      : load_(load),
        first_client_(load.first_client + index * load.clients),
        per_second_(load.commands_per_second / static_cast<double>(load.endpoints.size())),
        begin_(begin),
        measured_(begin + load.warm_up),
        end_(measured_ + load.duration),
        context_(load.warm_up + load.duration + milliseconds(60'000)),
        stub_(v1::ConsensusService::NewStub(std::move(channel))),
        stream_(stub_->SubmitStream(&context_)) {
    reader_ = std::thread([this] { Read(); });
    writer_ = std::thread([this] { Write(); });
  }

  ~Stream() {
    if (!reader_.joinable()) return;
    context_.TryCancel();
    writer_.join();
    reader_.join();
    static_cast<void>(stream_->Finish());
  }

  absl::Status Join(ConsensusLoadResult& total) {
    writer_.join();
    reader_.join();
    const absl::Status status = rpc::FromGrpc(stream_->Finish());
    total.committed += result_.committed;
    total.refused += result_.refused;
    total.late += result_.late;
    total.latency.Merge(result_.latency);
    for (std::string& error : result_.errors) total.errors.push_back(std::move(error));
    return status;
  }

 private:
  Clock::time_point Due(uint64_t request) const {
    const double seconds = static_cast<double>(request * load_.batch) / per_second_;
    return begin_ +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  uint64_t RequestOf(uint64_t client, uint64_t sequence) const {
    return (sequence - 1) / load_.batch * load_.clients + (client - first_client_);
  }

  // Waits for room in the window; false if the stream broke.
  bool TakePlace(uint64_t request) {
    MutexLock lock(mutex_);
    while (open_ + load_.batch > load_.window && open_ > 0 && !broken_) changed_.Wait(mutex_);
    open_ += load_.batch;
    times_.push_back(per_second_ > 0 ? Due(request) : Clock::now());
    return !broken_;
  }

  void Write() {
    v1::SubmitStreamRequest request;
    const std::string payload(load_.payload_bytes, 'x');
    for (size_t i = 0; i < load_.batch; ++i) request.add_commands()->set_payload(payload);
    for (uint64_t number = 0;; ++number) {
      if ((per_second_ > 0 ? Due(number) : Clock::now()) >= end_) break;
      request.set_client_id(first_client_ + number % load_.clients);
      const uint64_t first = number / load_.clients * load_.batch + 1;
      for (size_t i = 0; i < load_.batch; ++i) {
        request.mutable_commands(static_cast<int>(i))->set_sequence(first + i);
      }
      if (per_second_ > 0) std::this_thread::sleep_until(Due(number));
      if (!TakePlace(number)) break;
      if (per_second_ > 0 && Clock::now() > Due(number) + kLate) ++result_.late;
      if (!stream_->Write(request)) break;
    }
    stream_->WritesDone();
  }

  void Read() {
    v1::SubmitStreamResponse response;
    while (stream_->Read(&response)) {
      const Clock::time_point now = Clock::now();
      size_t answered = 0;
      for (const v1::CommittedCommands& committed : response.committed()) {
        answered += static_cast<size_t>(committed.sequences_size());
        Take(committed, now);
      }
      for (const v1::RefusedCommands& refused : response.refused()) {
        answered += static_cast<size_t>(refused.sequences_size());
        result_.refused += static_cast<uint64_t>(refused.sequences_size());
        if (result_.errors.empty()) {
          result_.errors.push_back(absl::StrCat("code ", refused.code(), ": ", refused.message()));
        }
      }
      MutexLock lock(mutex_);
      open_ -= answered;
      changed_.NotifyAll();
    }
    MutexLock lock(mutex_);
    broken_ = true;
    changed_.NotifyAll();
  }

  void Take(const v1::CommittedCommands& committed, Clock::time_point now) {
    const bool counts = now >= measured_ && now < end_;
    for (int i = 0; i < committed.sequences_size();) {
      const uint64_t request = RequestOf(committed.client_id(), committed.sequences(i));
      int last = i + 1;
      while (last < committed.sequences_size() &&
             RequestOf(committed.client_id(), committed.sequences(last)) == request) {
        ++last;
      }
      Clock::time_point sent;
      {
        MutexLock lock(mutex_);
        sent = times_[request];
      }
      if (counts) {
        result_.committed += static_cast<uint64_t>(last - i);
        result_.latency.Record(static_cast<uint64_t>((now - sent).count()),
                               static_cast<uint64_t>(last - i));
      }
      i = last;
    }
  }

  const ConsensusLoad& load_;
  const uint64_t first_client_;
  const double per_second_;
  const Clock::time_point begin_;
  const Clock::time_point measured_;
  const Clock::time_point end_;
  rpc::CallContext context_;
  const std::unique_ptr<v1::ConsensusService::Stub> stub_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::SubmitStreamRequest, v1::SubmitStreamResponse>>
      stream_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Clock::time_point> times_ ABSL_GUARDED_BY(mutex_);  // By request.
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  ConsensusLoadResult result_;  // `late` is the writer's, the rest the reader's, until Join.
  std::thread reader_;
  std::thread writer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ConsensusCluster>> ConsensusCluster::Start(
    const keys::ConsensusPlan& plan) {
  std::unique_ptr<ConsensusCluster> cluster(new ConsensusCluster());
  GROAT_RETURN_IF_ERROR(cluster->Launch(plan));
  return cluster;
}

absl::Status ConsensusCluster::Launch(const keys::ConsensusPlan& plan) {
  folder_ = (std::filesystem::temp_directory_path() / "groat-load-XXXXXX").string();
  if (mkdtemp(folder_.data()) == nullptr) return absl::InternalError(folder_ + ": not created");
  for (const char* name : {"config", "logs", "data"}) {
    std::filesystem::create_directory(folder_ + "/" + name);
  }
  keys::NetworkPlan network;
  network.ledger_nodes = 1;
  network.etcd_members = 0;
  network.consensus = plan;
  const int64_t now_s = std::time(nullptr);
  network.validity = {now_s - 3600, now_s + 24 * 3600};
  GROAT_RETURN_IF_ERROR(keys::CreateNetwork(platform::KeysPath(folder_), network).status());
  GROAT_ASSIGN_OR_RETURN(const std::vector<uint16_t> ports, platform::FreePorts(3 * plan.replicas));
  auto next = ports.begin();
  const auto take = [&next] { return absl::StrCat("127.0.0.1:", *next++); };
  for (uint32_t i = 0; i < plan.replicas; ++i) file_.consensus.push_back({take(), take(), take()});
  platform::Executables executables;
  GROAT_ASSIGN_OR_RETURN(executables.consensus, platform::FindExecutable("groat_consensus"));
  plan_ = std::make_unique<platform::LaunchPlan>(folder_, file_, executables);
  supervisor_ = std::make_unique<platform::Supervisor>([](const platform::ProcessEvent&) {});
  for (uint32_t i = 0; i < plan.replicas; ++i) {
    GROAT_ASSIGN_OR_RETURN(const platform::Launch launch, plan_->Consensus(i));
    GROAT_RETURN_IF_ERROR(WriteWholeFile(launch.config_path.string(), AsBytes(launch.config), 0600,
                                         IfExists::kReplace));
    GROAT_RETURN_IF_ERROR(supervisor_->Start(launch.process));
  }
  rpc::Cancellation cancellation;
  for (const std::string& endpoint : endpoints()) {
    GROAT_RETURN_IF_ERROR(platform::WaitServing(endpoint, tls(), kReadyTimeout, cancellation));
  }
  return absl::OkStatus();
}

ConsensusCluster::~ConsensusCluster() {
  if (supervisor_ != nullptr) supervisor_->Stop(supervisor_->names(), milliseconds(10'000));
  supervisor_.reset();
  if (!folder_.empty()) std::filesystem::remove_all(folder_);
}

std::vector<std::string> ConsensusCluster::endpoints() const {
  std::vector<std::string> out;
  for (const platform::ConsensusAddress& replica : file_.consensus) out.push_back(replica.listen);
  return out;
}

absl::StatusOr<ConsensusLoadResult> RunConsensusLoad(const ConsensusLoad& load) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  rpc::ChannelOptions options;
  options.own_connection = true;
  for (const std::string& endpoint : load.endpoints) {
    GROAT_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                           rpc::MakeChannel(endpoint, load.tls, options));
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      return absl::UnavailableError(endpoint + ": no connection within 10 s");
    }
    channels.push_back(std::move(channel));
  }
  const auto stub = v1::ConsensusService::NewStub(channels[0]);
  const Clock::time_point begin = Clock::now();
  std::vector<std::unique_ptr<Stream>> streams;
  for (size_t i = 0; i < channels.size(); ++i) {
    streams.push_back(std::make_unique<Stream>(load, i, channels[i], begin));
  }
  std::this_thread::sleep_until(begin + load.warm_up);
  GROAT_ASSIGN_OR_RETURN(const uint64_t before, Height(*stub));
  std::this_thread::sleep_until(begin + load.warm_up + load.duration);
  GROAT_ASSIGN_OR_RETURN(const uint64_t after, Height(*stub));
  ConsensusLoadResult total;
  absl::Status status;
  for (const auto& stream : streams) {
    const absl::Status joined = stream->Join(total);
    if (status.ok()) status = joined;
  }
  GROAT_RETURN_IF_ERROR(status);
  total.blocks = after - before;
  total.seconds = std::chrono::duration<double>(load.duration).count();
  return total;
}

}  // namespace groat::load
