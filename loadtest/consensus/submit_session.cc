#include "loadtest/consensus/submit_session.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "loadtest/consensus/connection.h"
#include "rpc/status.h"

namespace groat::load {
namespace {

namespace v1 = ::groat::consensus::v1;
using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{10'000};
constexpr milliseconds kLate{10};
// Between two replicas that both refuse connections.
constexpr milliseconds kPause{20};
constexpr std::chrono::hours kLongestStream{24};
constexpr int kMaxReceiveBytes = 16 << 20;
constexpr size_t kMaxErrors = 4;

}  // namespace

SubmitSession::SubmitSession(const SubmitLoad& load, size_t index)
    : load_(load),
      index_(index),
      first_client_(load.first_client + index * load.clients),
      window_(std::max<size_t>(1, load.window / load.endpoints.size())) {}

SubmitSession::~SubmitSession() {
  {
    MutexLock lock(mutex_);
    cancelled_ = true;
    if (context_ != nullptr) context_->TryCancel();
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status SubmitSession::Connect() {
  GROAT_ASSIGN_OR_RETURN(first_channel_, ConnectTo(load_.endpoints[index_], load_.tls,
                                                   kMaxReceiveBytes, kConnectTimeout));
  return absl::OkStatus();
}

void SubmitSession::Start(Clock::time_point begin) {
  begin_ = begin;
  measured_ = begin + load_.warm_up;
  end_ = measured_ + load_.duration;
  thread_ = std::thread([this] { Run(); });
}

void SubmitSession::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  changed_.NotifyAll();
}

uint64_t SubmitSession::height() const {
  MutexLock lock(mutex_);
  return result_.height;
}

void SubmitSession::LeaveIfSilent(Clock::time_point now) {
  MutexLock lock(mutex_);
  if (context_ == nullptr || open_.empty()) return;
  const Clock::time_point waits_since = std::max(last_answer_, open_.front().due);
  if (now - waits_since <= load_.answer_timeout) return;
  Note(absl::StrCat("no answer within ", load_.answer_timeout.count(), " ms, replica left"));
  context_->TryCancel();
}

void SubmitSession::Finish(Clock::time_point deadline, SubmitResult& total) {
  {
    MutexLock lock(mutex_);
    while (!done_ && changed_.WaitUntil(mutex_, deadline)) {
    }
    cancelled_ = true;
    if (context_ != nullptr) context_->TryCancel();
    changed_.NotifyAll();
  }
  thread_.join();
  MutexLock lock(mutex_);
  total.sent += next_ * load_.batch;
  total.acknowledged += result_.acknowledged;
  total.height = std::max(total.height, result_.height);
  total.refused += result_.refused;
  total.unanswered += open_commands_;
  total.acknowledged_twice += result_.acknowledged_twice;
  total.in_time += result_.in_time;
  total.late += result_.late;
  total.moves += result_.moves;
  for (std::string& error : result_.errors) total.errors.push_back(std::move(error));
  total.latency.Merge(result_.latency);
  total.places.Merge(std::move(result_.places));
}

SubmitSession::Clock::time_point SubmitSession::DueOf(uint64_t number) const {
  // Sessions take turns, so that requests leave evenly.
  const double turn = static_cast<double>(number * load_.endpoints.size() + index_);
  const double seconds = turn * static_cast<double>(load_.batch) / load_.commands_per_second;
  return begin_ +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

// Its own replica or the one after it, so that no more than two sessions meet at a replica and
// stand still with it; others only while these refuse connections.
size_t SubmitSession::PlaceAfter(size_t place, size_t failed) const {
  const size_t replicas = load_.endpoints.size();
  if (place != index_ || replicas == 1) return index_;
  return (index_ + 1 + failed % (replicas - 1)) % replicas;
}

void SubmitSession::Run() {
  std::shared_ptr<grpc::Channel> channel = std::move(first_channel_);
  size_t failed = 0;  // Connections in a row.
  for (size_t place = index_;;) {
    if (channel != nullptr && !RunStream(channel)) break;
    place = PlaceAfter(place, failed);
    const auto connected = ConnectTo(load_.endpoints[place], load_.tls, kMaxReceiveBytes,
                                     std::min(kConnectTimeout, load_.answer_timeout));
    channel = connected.ok() ? *connected : nullptr;
    failed = connected.ok() ? 0 : failed + 1;
    MutexLock lock(mutex_);
    if (cancelled_) break;
    if (channel == nullptr) changed_.WaitUntil(mutex_, Clock::now() + kPause);
  }
  MutexLock lock(mutex_);
  done_ = true;
  changed_.NotifyAll();
}

bool SubmitSession::RunStream(const std::shared_ptr<grpc::Channel>& channel) {
  rpc::CallContext context(kLongestStream);
  const auto stub = v1::ConsensusService::NewStub(channel);
  const std::unique_ptr<Stream> stream = stub->SubmitStream(&context);
  {
    MutexLock lock(mutex_);
    if (cancelled_) context.TryCancel();
    context_ = &context;
    broken_ = false;
    last_answer_ = Clock::now();
  }
  std::thread reader([this, &stream] { Read(*stream); });
  if (WriteAgain(*stream)) WriteRequests(*stream);
  stream->WritesDone();
  reader.join();
  const absl::Status status = rpc::FromGrpc(stream->Finish());
  MutexLock lock(mutex_);
  context_ = nullptr;
  if (cancelled_ || (status.ok() && open_.empty())) return false;
  ++result_.moves;
  Note(status.ToString());
  // Another replica would say the same.
  return !absl::IsInvalidArgument(status) && !absl::IsUnauthenticated(status) &&
         !absl::IsUnimplemented(status);
}

bool SubmitSession::TakeNext(uint64_t& number) {
  MutexLock lock(mutex_);
  for (;;) {
    const Clock::time_point now = Clock::now();
    const Clock::time_point due = open_loop() ? DueOf(next_) : now;
    if (broken_ || stopped_ || cancelled_ || due >= end_) return false;
    const bool room = open_commands_ + load_.batch <= window_ || open_.empty();
    if (room && due <= now) {
      if (now > due + kLate) ++result_.late;
      number = next_++;
      open_.push_back({due, load_.batch});
      open_commands_ += load_.batch;
      return true;
    }
    if (room) {
      changed_.WaitUntil(mutex_, due);
    } else {
      changed_.WaitUntil(mutex_, end_);
    }
  }
}

void SubmitSession::WriteRequests(Stream& stream) {
  v1::SubmitStreamRequest request;
  const std::string payload(load_.payload_bytes, 'x');
  for (size_t i = 0; i < load_.batch; ++i) request.add_commands()->set_payload(payload);
  uint64_t number = 0;
  while (TakeNext(number)) {
    request.set_client_id(ClientOf(number));
    for (size_t i = 0; i < load_.batch; ++i) {
      request.mutable_commands(static_cast<int>(i))->set_sequence(FirstSequenceOf(number) + i);
    }
    if (!stream.Write(request)) return;
  }
}

// What the stream before left unanswered.
bool SubmitSession::WriteAgain(Stream& stream) {
  uint64_t number = 0;
  uint64_t end = 0;
  {
    MutexLock lock(mutex_);
    number = first_open_;
    end = next_;
  }
  const std::string payload(load_.payload_bytes, 'x');
  for (; number < end; ++number) {
    v1::SubmitStreamRequest request;
    request.set_client_id(ClientOf(number));
    {
      MutexLock lock(mutex_);
      const uint64_t first = FirstSequenceOf(number);
      for (uint64_t sequence = first; sequence < first + load_.batch; ++sequence) {
        if (result_.places.Find(request.client_id(), sequence) != nullptr) continue;
        if (refused_.count({request.client_id(), sequence}) > 0) continue;
        v1::Command* const command = request.add_commands();
        command->set_sequence(sequence);
        command->set_payload(payload);
      }
    }
    if (request.commands_size() > 0 && !stream.Write(request)) return false;
  }
  return true;
}

void SubmitSession::Read(Stream& stream) {
  v1::SubmitStreamResponse response;
  while (stream.Read(&response)) {
    const Clock::time_point now = Clock::now();
    MutexLock lock(mutex_);
    last_answer_ = now;
    for (const v1::CommittedCommands& committed : response.committed()) Take(committed, now);
    for (const v1::RefusedCommands& refused : response.refused()) Take(refused);
    changed_.NotifyAll();
  }
  MutexLock lock(mutex_);
  broken_ = true;
  changed_.NotifyAll();
}

bool SubmitSession::IsOurs(uint64_t client, uint64_t sequence) const {
  return client >= first_client_ && client < first_client_ + load_.clients && sequence > 0 &&
         RequestOf(client, sequence) < next_;
}

void SubmitSession::Take(const v1::CommittedCommands& committed, Clock::time_point now) {
  if (committed.sequences_size() != committed.indexes_size()) {
    return Note(absl::StrCat(committed.sequences_size(), " sequences and ",
                             committed.indexes_size(), " indexes in an answer"));
  }
  result_.height = std::max(result_.height, committed.height());
  for (int i = 0; i < committed.sequences_size(); ++i) {
    const uint64_t sequence = committed.sequences(i);
    if (!IsOurs(committed.client_id(), sequence)) {
      Note(absl::StrCat("answer to command ", sequence, " of client ", committed.client_id(),
                        ", which was not sent here"));
      continue;
    }
    if (refused_.count({committed.client_id(), sequence}) > 0) {
      Note(absl::StrCat("command ", sequence, " of client ", committed.client_id(),
                        " was refused and then told to be committed"));
      continue;
    }
    if (!result_.places.Set(committed.client_id(), sequence,
                            {committed.height(), committed.indexes(i)})) {
      ++result_.acknowledged_twice;
      continue;
    }
    ++result_.acknowledged;
    if (now >= measured_ && now < end_) ++result_.in_time;
    const uint64_t number = RequestOf(committed.client_id(), sequence);
    const Clock::time_point due = open_[number - first_open_].due;
    if (due >= measured_ && due < end_) {
      result_.latency.Record(static_cast<uint64_t>((now - due).count()));
    }
    Close(number, 1);
  }
}

void SubmitSession::Take(const v1::RefusedCommands& refused) {
  Note(absl::StrCat("refused with code ", refused.code(), ": ", refused.message()));
  for (const uint64_t sequence : refused.sequences()) {
    if (!IsOurs(refused.client_id(), sequence) ||
        result_.places.Find(refused.client_id(), sequence) != nullptr ||
        !refused_.insert({refused.client_id(), sequence}).second) {
      continue;
    }
    ++result_.refused;
    Close(RequestOf(refused.client_id(), sequence), 1);
  }
}

void SubmitSession::Close(uint64_t number, size_t commands) {
  open_[number - first_open_].left -= commands;
  open_commands_ -= commands;
  while (!open_.empty() && open_.front().left == 0) {
    open_.pop_front();
    ++first_open_;
  }
}

void SubmitSession::Note(std::string error) {
  if (result_.errors.size() < kMaxErrors) result_.errors.push_back(std::move(error));
}

}  // namespace groat::load
