#include "sim/wires.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "p2p/peer_record.h"

namespace groat::sim {
namespace {

// An event's argument: kind 8 bits, generation 24, index 32.
constexpr uint32_t kGenerationMask = 0xffffff;
// What a handshake of TCP and TLS 1.3 takes in single trips until the listener has proven the key.
constexpr int kHandshakeTrips = 3;
// What headers add to a frame on the wire.
constexpr size_t kFrameOverheadBytes = 60;

// For the digest: not a hash that anybody could not forge, but one that no accident passes.
uint64_t Summary(const Bytes& bytes) {
  uint64_t sum = bytes.size();
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, &bytes[at], 8);
    sum = (sum ^ word) * 0x9fb21c651e98df25;
    sum ^= sum >> 35;
  }
  for (; at < bytes.size(); ++at) sum = (sum ^ bytes[at]) * 0x9fb21c651e98df25;
  return sum;
}

}  // namespace

class Wires::SimTransport final : public p2p::Transport {
 public:
  SimTransport(Wires& wires, NodeExecutor& executor, const p2p::PeerId& identity, uint32_t host)
      : wires_(wires), executor_(executor), identity_(identity), host_(host) {}
  ~SimTransport() override { Shutdown(); }

  absl::StatusOr<std::string> Listen(const std::string& address, p2p::Admission admission,
                                     OnAccept on_accept) override {
    GROAT_RETURN_IF_ERROR(p2p::CheckAddress(address, /*allow_port_0=*/true));
    const size_t colon = address.rfind(':');
    if (address.substr(0, colon) != wires_.hosts_[host_]->name) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": this host is ",
                                                 wires_.hosts_[host_]->name));
    }
    std::string at = address;
    if (address.substr(colon) == ":0") {
      wires_.last_port_ = wires_.last_port_ % 60'000 + 1;
      at = absl::StrCat(address.substr(0, colon), ":", wires_.last_port_ + 1024);
    }
    if (wires_.listeners_.contains(at)) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", at, ": it is taken"));
    }
    address_ = at;
    admission_ = std::move(admission);
    on_accept_ = std::move(on_accept);
    wires_.listeners_[address_] = this;
    return address_;
  }
  void Dial(const std::string& address, const p2p::PeerId& expected, Duration timeout,
            OnDialled done) override {
    wires_.BeginDial(*this, address, expected, timeout, std::move(done));
  }
  void Shutdown() override {
    if (!address_.empty()) wires_.listeners_.erase(std::exchange(address_, {}));
    wires_.Abandon(*this);
  }

  const p2p::PeerId& identity() const { return identity_; }
  uint32_t host() const { return host_; }
  bool Admits(const p2p::PeerId& peer) const { return admission_(peer); }
  void Accept(std::unique_ptr<p2p::Connection> connection) { on_accept_(std::move(connection)); }

 private:
  Wires& wires_;
  NodeExecutor& executor_;
  const p2p::PeerId identity_;
  const uint32_t host_;
  std::string address_;
  p2p::Admission admission_;
  OnAccept on_accept_;
};

class Wires::SimConnection final : public p2p::Connection {
 public:
  SimConnection(Wires& wires, EndId end, const p2p::PeerId& peer)
      : wires_(wires), end_(end), peer_(peer) {}
  ~SimConnection() override { wires_.Close(end_); }
  const p2p::PeerId& peer() const override { return peer_; }
  void Start(p2p::ConnectionHandler& handler) override {
    wires_.ends_[end_.index].handler = &handler;
    wires_.Schedule(wires_.scheduler_.Now(), EventKind::kResume, end_.index, end_.generation);
  }
  void Write(Bytes frame) override { wires_.Write(end_, std::move(frame)); }
  void PauseReading(bool paused) override {
    wires_.ends_[end_.index].paused = paused;
    if (paused) return;
    wires_.Schedule(wires_.scheduler_.Now(), EventKind::kResume, end_.index, end_.generation);
  }

 private:
  Wires& wires_;
  const EndId end_;
  const p2p::PeerId peer_;
};

// Hosts and links.

uint32_t Wires::HostIndex(const std::string& name) {
  const auto [at, added] = host_index_.try_emplace(name, static_cast<uint32_t>(hosts_.size()));
  if (added) {
    hosts_.push_back(std::make_unique<Host>());
    hosts_.back()->name = name;
  }
  return at->second;
}

std::unique_ptr<p2p::Transport> Wires::MakeTransport(NodeExecutor& executor,
                                                     const p2p::PeerId& identity,
                                                     const std::string& host) {
  return std::make_unique<SimTransport>(*this, executor, identity, HostIndex(host));
}

void Wires::SetLink(const std::string& from, const std::string& to, const LinkOptions& link) {
  links_[{HostIndex(from), HostIndex(to)}] = link;
}

const LinkOptions& Wires::LinkBetween(uint32_t from, uint32_t to) const {
  if (links_.empty()) return default_link_;
  const auto found = links_.find({from, to});
  return found == links_.end() ? default_link_ : found->second;
}

bool Wires::Passes(uint32_t from, uint32_t to) const {
  return hosts_[from]->power && hosts_[to]->power && !cuts_.contains({from, to});
}

void Wires::Cut(const std::string& from, const std::string& to) {
  cuts_.emplace(HostIndex(from), HostIndex(to));
}

void Wires::Partition(const std::vector<std::vector<std::string>>& groups) {
  std::vector<size_t> group_of(hosts_.size(), groups.size());
  for (size_t group = 0; group < groups.size(); ++group) {
    for (const std::string& name : groups[group]) {
      const uint32_t host = HostIndex(name);
      group_of.resize(hosts_.size(), groups.size());
      group_of[host] = group;
    }
  }
  for (uint32_t a = 0; a < hosts_.size(); ++a) {
    for (uint32_t b = 0; b < hosts_.size(); ++b) {
      if (group_of[a] != group_of[b]) cuts_.emplace(a, b);
    }
  }
}

void Wires::Freeze(const std::string& host, NodeExecutor& executor, bool frozen) {
  Host& frozen_host = *hosts_[HostIndex(host)];
  frozen_host.frozen = frozen;
  executor.Freeze(frozen);
  if (frozen) return;
  for (const uint64_t argument : std::exchange(frozen_host.deferred, {})) {
    scheduler_.At(scheduler_.Now(), *this, argument);
  }
}

Duration Wires::Delay(const LinkOptions& link) {
  if (link.jitter.count() <= 0) return link.latency;
  return link.latency + Duration(static_cast<int64_t>(
                            random_.Below(static_cast<uint64_t>(link.jitter.count()) + 1)));
}

// Events.

void Wires::Schedule(Instant when, EventKind kind, uint32_t index, uint32_t generation) {
  scheduler_.At(when, *this,
                uint64_t{static_cast<uint8_t>(kind)} << 56 |
                    uint64_t{generation & kGenerationMask} << 32 | index);
}

void Wires::OnEvent(uint64_t argument) {
  const auto kind = static_cast<EventKind>(argument >> 56);
  const auto index = static_cast<uint32_t>(argument);
  const auto generation = static_cast<uint32_t>(argument >> 32) & kGenerationMask;
  // Whose process would see it.
  uint32_t host;
  switch (kind) {
    case EventKind::kFrame: {
      const End* end = FindEnd(frames_[index].to);
      if (end == nullptr) {
        free_frames_.push_back(index);
        frames_[index].bytes = {};
        return;
      }
      host = end->host;
      break;
    }
    case EventKind::kWritten:
    case EventKind::kClosed:
    case EventKind::kResume: {
      const End* end = FindEnd({index, generation});
      if (end == nullptr) return;
      host = end->host;
      break;
    }
    case EventKind::kDialArrives:
      if (dials_[index].generation != generation) return;
      DialArrives(index);
      return;
    case EventKind::kDialEnds:
      if (dials_[index].generation != generation) return;
      host = dials_[index].from->host();
      break;
    default:
      GROAT_CHECK(false) << "event kind " << (argument >> 56);
      return;
  }
  if (hosts_[host]->frozen) {
    hosts_[host]->deferred.push_back(argument);
    return;
  }
  switch (kind) {
    case EventKind::kFrame:
      Deliver(index);
      break;
    case EventKind::kWritten: {
      End& end = ends_[index];
      end.writing = false;
      if (end.handler != nullptr && !end.over) end.handler->OnWritten();
      break;
    }
    case EventKind::kClosed: {
      End& end = ends_[index];
      // What came before the end is read before the end.
      if (end.over || end.handler == nullptr || !end.held.empty()) {
        end.over = true;
        break;
      }
      end.over = true;
      end.handler->OnClosed(absl::UnavailableError("the other side closed the connection"));
      break;
    }
    case EventKind::kResume:
      Resume({index, generation});
      break;
    default:
      DialEnds(index);
      break;
  }
}

// Connections.

Wires::EndId Wires::MakeEnd(uint32_t host) {
  uint32_t index;
  if (free_ends_.empty()) {
    index = static_cast<uint32_t>(ends_.size());
    ends_.emplace_back();
  } else {
    index = free_ends_.back();
    free_ends_.pop_back();
    const uint32_t generation = ends_[index].generation;
    ends_[index] = End();
    ends_[index].generation = generation;
  }
  ends_[index].open = true;
  ends_[index].host = host;
  return {index, ends_[index].generation};
}

Wires::End* Wires::FindEnd(EndId id) {
  if (id.generation == 0 || id.index >= ends_.size()) return nullptr;
  End& end = ends_[id.index];
  return end.open && end.generation == id.generation ? &end : nullptr;
}

void Wires::Close(EndId id) {
  End& end = ends_[id.index];
  const EndId other_id = end.other;
  for (const uint32_t frame : end.held) {
    frames_[frame].bytes = {};
    free_frames_.push_back(frame);
  }
  const uint32_t host = end.host;
  const Instant after = end.last_arrival;
  const uint32_t next = (end.generation % (kGenerationMask - 1)) + 1;
  end = End();
  end.generation = next;
  free_ends_.push_back(id.index);
  if (End* other = FindEnd(other_id); other != nullptr && Passes(host, other->host)) {
    Schedule(std::max(after, scheduler_.Now() + LinkBetween(host, other->host).latency),
             EventKind::kClosed, other_id.index, other_id.generation);
  }
}

void Wires::Write(EndId id, Bytes bytes) {
  End& end = ends_[id.index];
  GROAT_CHECK(!end.writing && !bytes.empty() && bytes.size() <= p2p::kMaxFrameBytes)
      << bytes.size();
  ++stats_.frames_written;
  scheduler_.Mix(Summary(bytes));
  end.writing = true;
  const Instant now = scheduler_.Now();
  const End* other = FindEnd(end.other);
  if (other == nullptr || !Passes(end.host, other->host)) {
    ++stats_.frames_lost;
    Schedule(now, EventKind::kWritten, id.index, id.generation);
    return;
  }
  const LinkOptions& link = LinkBetween(end.host, other->host);
  Instant leaves = now;
  if (link.bytes_per_second > 0) {
    const double seconds =
        static_cast<double>(bytes.size() + kFrameOverheadBytes) / link.bytes_per_second;
    leaves = std::max(now, end.wire_free) + Duration(static_cast<int64_t>(seconds * 1e9));
    end.wire_free = leaves;
  }
  const size_t size = bytes.size();
  if (!random_.Chance(link.success_rate)) {
    ++stats_.frames_lost;
  } else {
    if (random_.Chance(link.corrupt_rate)) {
      const uint64_t bit = random_.Below(size * 8);
      bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1 << (bit % 8));
    }
    if (random_.Chance(link.duplicate_rate)) {
      end.unread_bytes += static_cast<uint32_t>(size);
      Send(end, link, bytes, leaves);
    }
    end.unread_bytes += static_cast<uint32_t>(size);
    Send(end, link, std::move(bytes), leaves);
  }
  if (end.unread_bytes <= kSocketBufferBytes) {
    Schedule(now, EventKind::kWritten, id.index, id.generation);
  } else {
    end.blocked = true;
  }
}

void Wires::Send(End& from, const LinkOptions& link, Bytes bytes, Instant leaves) {
  Instant arrives = leaves + Delay(link);
  if (random_.Chance(link.reorder_rate)) {
    arrives += Duration(
        static_cast<int64_t>(random_.Below(static_cast<uint64_t>(4 * link.latency.count()) + 1)));
  } else {
    arrives = std::max(arrives, from.last_arrival);
    from.last_arrival = arrives;
  }
  uint32_t frame;
  if (free_frames_.empty()) {
    frame = static_cast<uint32_t>(frames_.size());
    frames_.emplace_back();
  } else {
    frame = free_frames_.back();
    free_frames_.pop_back();
  }
  frames_[frame].to = from.other;
  frames_[frame].bytes = std::move(bytes);
  Schedule(arrives, EventKind::kFrame, frame, 0);
}

void Wires::Deliver(uint32_t frame) {
  const EndId to = frames_[frame].to;
  End& end = ends_[to.index];
  if (end.handler == nullptr || end.paused || !end.held.empty()) {
    end.held.push(frame);
    return;
  }
  Read(to, frame);
}

void Wires::Read(EndId id, uint32_t frame) {
  const Bytes bytes = std::exchange(frames_[frame].bytes, {});
  free_frames_.push_back(frame);
  ++stats_.frames_delivered;
  scheduler_.Mix(Summary(bytes));
  CountRead(id, bytes.size());
  p2p::ConnectionHandler* handler = ends_[id.index].handler;
  handler->OnFrame(bytes);  // It may close the connection, or make others.
}

// The writer's buffer has room for what was read.
void Wires::CountRead(EndId reader, size_t bytes) {
  const EndId writer_id = ends_[reader.index].other;
  End* writer = FindEnd(writer_id);
  if (writer == nullptr) return;
  writer->unread_bytes -= static_cast<uint32_t>(bytes);
  if (!writer->blocked || writer->unread_bytes > kSocketBufferBytes) return;
  writer->blocked = false;
  Schedule(scheduler_.Now() + LinkBetween(ends_[reader.index].host, writer->host).latency,
           EventKind::kWritten, writer_id.index, writer_id.generation);
}

// One frame a task: the handler may pause or close after each.
void Wires::Resume(EndId id) {
  End& end = ends_[id.index];
  if (end.handler == nullptr || end.paused) return;
  if (!end.held.empty()) {
    Read(id, end.held.pop());
    if (FindEnd(id) != nullptr) {
      Schedule(scheduler_.Now(), EventKind::kResume, id.index, id.generation);
    }
    return;
  }
  if (end.over) {
    end.over = false;  // Told now.
    Schedule(scheduler_.Now(), EventKind::kClosed, id.index, id.generation);
  }
}

// Dials.

uint32_t Wires::BeginDial(SimTransport& from, const std::string& address,
                          const p2p::PeerId& expected, Duration timeout,
                          p2p::Transport::OnDialled done) {
  uint32_t index;
  if (free_dials_.empty()) {
    index = static_cast<uint32_t>(dials_.size());
    dials_.emplace_back();
  } else {
    index = free_dials_.back();
    free_dials_.pop_back();
  }
  Dial& dial = dials_[index];
  dial.from = &from;
  dial.address = address;
  dial.expected = expected;
  dial.done = std::move(done);
  dial.failure = absl::OkStatus();
  dial.end = {};
  dial.deadline = scheduler_.Now() + timeout;
  const uint32_t to = HostIndex(address.substr(0, address.rfind(':')));
  if (!Passes(from.host(), to) || !Passes(to, from.host()) || hosts_[to]->frozen) {
    FailDial(index, absl::DeadlineExceededError(absl::StrCat(address, " does not answer")),
             dial.deadline);
    return index;
  }
  Duration trips{0};
  for (int i = 0; i < kHandshakeTrips; ++i) {
    trips += Delay(i % 2 == 0 ? LinkBetween(from.host(), to) : LinkBetween(to, from.host()));
  }
  if (scheduler_.Now() + trips > dial.deadline) {
    FailDial(index, absl::DeadlineExceededError(absl::StrCat(address, " is too far")),
             dial.deadline);
    return index;
  }
  Schedule(scheduler_.Now() + trips, EventKind::kDialArrives, index, dial.generation);
  return index;
}

void Wires::FailDial(uint32_t index, absl::Status why, Instant when) {
  dials_[index].failure = std::move(why);
  Schedule(when, EventKind::kDialEnds, index, dials_[index].generation);
}

void Wires::DialArrives(uint32_t index) {
  Dial& dial = dials_[index];
  const uint32_t from = dial.from->host();
  const uint32_t to = HostIndex(dial.address.substr(0, dial.address.rfind(':')));
  if (!Passes(from, to) || !Passes(to, from) || hosts_[to]->frozen) {
    FailDial(index, absl::DeadlineExceededError(absl::StrCat(dial.address, " does not answer")),
             dial.deadline);
    return;
  }
  const Instant back = scheduler_.Now() + Delay(LinkBetween(to, from));
  const auto found = listeners_.find(dial.address);
  if (found == listeners_.end()) {
    FailDial(index, absl::UnavailableError(absl::StrCat("nobody listens at ", dial.address)), back);
    return;
  }
  SimTransport& listener = *found->second;
  if (listener.identity() != dial.expected) {
    FailDial(
        index,
        absl::UnauthenticatedError(absl::StrCat("peer is ", p2p::ShortName(listener.identity()),
                                                ", want ", p2p::ShortName(dial.expected))),
        back);
    return;
  }
  if (!listener.Admits(dial.from->identity())) {
    FailDial(index, absl::UnauthenticatedError("the listener refused us"), back);
    return;
  }
  ++stats_.connections;
  const EndId ours = MakeEnd(from);
  const EndId theirs = MakeEnd(to);
  ends_[ours.index].other = theirs;
  ends_[theirs.index].other = ours;
  dial.end = ours;
  Schedule(back, EventKind::kDialEnds, index, dial.generation);
  listener.Accept(
      std::make_unique<SimConnection>(*this, theirs, p2p::PeerId(dial.from->identity())));
}

void Wires::DialEnds(uint32_t index) {
  Dial& dial = dials_[index];
  p2p::Transport::OnDialled done = std::exchange(dial.done, nullptr);
  const absl::Status failure = std::exchange(dial.failure, absl::OkStatus());
  const EndId end = dial.end;
  const p2p::PeerId expected = dial.expected;
  dial.from = nullptr;
  dial.generation = (dial.generation % (kGenerationMask - 1)) + 1;
  free_dials_.push_back(index);
  if (failure.ok()) {
    done(std::make_unique<SimConnection>(*this, end, expected));
  } else {
    done(failure);
  }
}

void Wires::Abandon(SimTransport& from) {
  for (uint32_t index = 0; index < dials_.size(); ++index) {
    Dial& dial = dials_[index];
    if (dial.from != &from) continue;
    if (dial.end.generation != 0) Close(dial.end);
    dial.done = nullptr;
    dial.from = nullptr;
    dial.generation = (dial.generation % (kGenerationMask - 1)) + 1;
    free_dials_.push_back(index);
  }
}

}  // namespace groat::sim
