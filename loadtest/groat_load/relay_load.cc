#include "loadtest/groat_load/relay_load.h"

#include <algorithm>
#include <map>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "crypto/blake3.h"
#include "groat/relay/v1/relay.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "wire/common.h"

namespace groat::load {
namespace {

using Clock = std::chrono::steady_clock;
using relay::v1::StreamUpdatesRequest;
using relay::v1::StreamUpdatesResponse;

constexpr size_t kKeptKeys = 10'000;

// One connection: a thread that writes, a thread that reads.
class Connection {
 public:
  Connection(const RelayLoad& load, size_t index, std::shared_ptr<grpc::Channel> channel,
             Clock::time_point begin)
      : load_(load),
        index_(index),
        begin_(begin),
        end_(begin + load.duration),
        context_(load.duration + std::chrono::seconds(60)),
        stub_(relay::v1::RelayService::NewStub(std::move(channel))),
        stream_(stub_->StreamUpdates(&context_)) {
    reader_ = std::thread([this] { Read(); });
    writer_ = std::thread([this] { Write(); });
  }

  absl::Status Join(RelayLoadResult& total) {
    writer_.join();
    reader_.join();
    const absl::Status status = rpc::FromGrpc(stream_->Finish());
    total.accepted += result_.accepted;
    total.repeated += result_.repeated;
    total.double_spends += result_.double_spends;
    total.refused += result_.refused;
    total.latency.Merge(result_.latency);
    total.seconds = std::max(total.seconds, result_.seconds);
    for (std::string& error : result_.errors) total.errors.push_back(std::move(error));
    total.some_keys.insert(total.some_keys.end(), result_.some_keys.begin(),
                           result_.some_keys.end());
    return status;
  }

 private:
  Bytes32 Derived(uint64_t number, uint8_t what) const {
    static const Blake3Context context("groat 2026 load v1");
    const Bytes input = ByteWriter().U64(load_.seed).U64(index_).U64(number).U8(what).Take();
    return context(ByteView(input));
  }

  StreamUpdatesRequest Request(uint64_t id) const {
    StreamUpdatesRequest request;
    request.set_request_id(id);
    relay::v1::SubmitUpdatesRequest* submit = request.mutable_submit();
    submit->set_wait(load_.wait);
    submit->set_omit_proofs(true);
    for (size_t i = 0; i < load_.batch; ++i) {
      const uint64_t number = id * load_.batch + i;
      relay::v1::Update* update = submit->add_updates();
      wire::SetBytes(Derived(number, 0), update->mutable_unlock());
      wire::SetBytes(Derived(number, 1), update->mutable_value());
    }
    return request;
  }

  // When request `id` should leave.
  Clock::time_point Intended(uint64_t id) const {
    const double per_second = load_.updates_per_second / static_cast<double>(load_.connections);
    const double seconds = static_cast<double>(id * load_.batch) / per_second;
    return begin_ +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }

  // Waits for a place in the window; false if the stream broke.
  bool TakePlace(uint64_t id, Clock::time_point time) {
    MutexLock lock(mutex_);
    while (open_.size() >= load_.window && !broken_) changed_.Wait(mutex_);
    open_[id] = time;
    return !broken_;
  }

  void Write() {
    const bool open_loop = load_.updates_per_second > 0;
    for (uint64_t id = 0;; ++id) {
      const Clock::time_point time = open_loop ? Intended(id) : Clock::now();
      if (time >= end_) break;
      const StreamUpdatesRequest request = Request(id);
      if (open_loop) std::this_thread::sleep_until(time);
      if (!TakePlace(id, open_loop ? time : Clock::now())) break;
      if (!stream_->Write(request)) break;
    }
    stream_->WritesDone();
  }

  void Read() {
    StreamUpdatesResponse response;
    while (stream_->Read(&response)) Take(response);
    MutexLock lock(mutex_);
    broken_ = true;
    changed_.NotifyAll();
  }

  void Take(const StreamUpdatesResponse& response) {
    const Clock::time_point now = Clock::now();
    Clock::time_point sent;
    {
      MutexLock lock(mutex_);
      const auto it = open_.find(response.request_id());
      if (it == open_.end()) return;
      sent = it->second;
      open_.erase(it);
      changed_.NotifyAll();
    }
    result_.seconds = std::chrono::duration<double>(now - begin_).count();
    if (response.code() != 0) {
      result_.refused += load_.batch;
      const std::string error = absl::StrCat("code ", response.code(), ": ", response.message());
      if (result_.errors.size() < 3) result_.errors.push_back(error);
      return;
    }
    result_.latency.Record(static_cast<uint64_t>((now - sent).count()));
    for (const relay::v1::UpdateResult& update : response.submit().results()) {
      switch (update.outcome()) {
        case relay::v1::UPDATE_OUTCOME_REPEATED:
          ++result_.repeated;
          break;
        case relay::v1::UPDATE_OUTCOME_DOUBLE_SPEND:
          ++result_.double_spends;
          break;
        default:
          ++result_.accepted;
      }
    }
    if (result_.some_keys.size() < kKeptKeys && response.submit().results_size() > 0) {
      const auto key = wire::Fixed<32>(response.submit().results(0).key(), "key");
      if (key.ok()) result_.some_keys.push_back(*key);
    }
  }

  const RelayLoad& load_;
  const size_t index_;
  const Clock::time_point begin_;
  const Clock::time_point end_;
  rpc::CallContext context_;
  const std::unique_ptr<relay::v1::RelayService::Stub> stub_;
  const std::unique_ptr<grpc::ClientReaderWriter<StreamUpdatesRequest, StreamUpdatesResponse>>
      stream_;
  Mutex mutex_;
  CondVar changed_;
  std::map<uint64_t, Clock::time_point> open_ ABSL_GUARDED_BY(mutex_);
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  RelayLoadResult result_;  // Of the reader until Join.
  std::thread reader_;
  std::thread writer_;
};

}  // namespace

absl::StatusOr<RelayLoadResult> RunRelayLoad(const RelayLoad& load) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  rpc::ChannelOptions options;
  options.own_connection = true;
  for (size_t i = 0; i < load.connections; ++i) {
    GROAT_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                           rpc::MakeChannel(load.endpoint, load.tls, options));
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      return absl::UnavailableError(load.endpoint + ": no connection within 10 s");
    }
    channels.push_back(std::move(channel));
  }
  const Clock::time_point begin = Clock::now();
  std::vector<std::unique_ptr<Connection>> connections;
  for (size_t i = 0; i < load.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(load, i, channels[i], begin));
  }
  RelayLoadResult total;
  absl::Status status;
  for (const auto& connection : connections) {
    const absl::Status joined = connection->Join(total);
    if (status.ok()) status = joined;
  }
  GROAT_RETURN_IF_ERROR(status);
  return total;
}

}  // namespace groat::load
