#include "sim/wires.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "sim/handshakes.h"
#include "sim/sim_transport.h"

namespace groat::sim {
namespace {

// An event's argument: kind 8 bits, generation 24, index 32.
constexpr uint32_t kGenerationMask = 0xffffff;
// What headers add to a frame on the wire.
constexpr size_t kFrameOverheadBytes = 60;
// What a write takes at least, so that a writer without end lets time pass.
constexpr Duration kWriteTime = std::chrono::microseconds(1);
// A frame that others may overtake is late by up to this many latencies,
constexpr int64_t kReorderLatencies = 4;
// or by up to this, if that is more: links without latency reorder too.
constexpr Duration kLeastReorderTime = std::chrono::microseconds(100);

// For the digest: not a hash that nobody could forge, but one that no accident passes.
uint64_t Summary(ByteView bytes) {
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

Wires::Wires(Scheduler& scheduler, uint64_t seed)
    : EventHandler(scheduler),
      scheduler_(scheduler),
      random_(seed),
      handshakes_(std::make_unique<Handshakes>(*this)) {}

Wires::~Wires() = default;

std::unique_ptr<p2p::Transport> Wires::MakeTransport(NodeExecutor& executor,
                                                     const p2p::PeerId& identity,
                                                     const std::string& host) {
  return std::make_unique<SimTransport>(*this, *handshakes_, executor,
                                        *identities_.insert(identity).first, HostIndex(host));
}

Duration Wires::Delay(uint32_t from, uint32_t to) {
  const LinkOptions& link = Link(from, to);
  if (link.jitter.count() <= 0) return link.latency;
  return link.latency + Duration(static_cast<int64_t>(
                            random_.Below(static_cast<uint64_t>(link.jitter.count()) + 1)));
}

// Events.

void Wires::Schedule(Instant when, EventKind kind, WireEnd end) {
  scheduler_.At(when, *this,
                uint64_t{static_cast<uint8_t>(kind)} << 56 |
                    uint64_t{end.generation & kGenerationMask} << 32 | end.index);
}

void Wires::OnEvent(uint64_t argument) {
  const auto kind = static_cast<EventKind>(argument >> 56);
  const auto index = static_cast<uint32_t>(argument);
  // A frame is named by its own index, and there as long as its event.
  const WireEnd id = kind == EventKind::kFrame
                         ? frames_[index].to
                         : WireEnd{index, static_cast<uint32_t>(argument >> 32) & kGenerationMask};
  End* end = Find(id);
  if (end == nullptr) {
    if (kind == EventKind::kFrame) FreeFrame(index);
    return;
  }
  NodeExecutor& executor = end->owner->executor();
  if (executor.Defer(*this, argument)) return;
  executor.Run([&] {
    switch (kind) {
      case EventKind::kFrame:
        OnArrival(index);
        break;
      case EventKind::kWritten:
        end->writing = false;
        if (!end->told) end->handler->OnWritten();
        break;
      case EventKind::kResume:
        Resume(id);
        break;
      case EventKind::kReset:
        Reset(id);
        break;
    }
  });
}

// What had to wait for a way goes on.
void Wires::OnMorePasses() {
  for (uint32_t index = 0; index < ends_.size(); ++index) {
    End& end = ends_[index];
    if (end.owner == nullptr || end.first_waiting == kNone) continue;
    const Frame& first = frames_[end.first_waiting];
    if (!first.stalled || !Passes(first.from_host, HostOf(end))) continue;
    ScheduleResume({index, end.generation}, end,
                   scheduler_.Now() + Delay(first.from_host, HostOf(end)));
  }
}

void Wires::OnHostDead(uint32_t host) {
  for (uint32_t index = 0; index < ends_.size(); ++index) {
    const End& end = ends_[index];
    if (end.owner == nullptr) continue;
    const End* other = Find(end.other);
    const bool here = HostOf(end) == host;
    if (!here && (other == nullptr || HostOf(*other) != host)) continue;
    const Duration delay = here ? Duration(0) : Delay(host, HostOf(end));
    Schedule(scheduler_.Now() + delay, EventKind::kReset, {index, end.generation});
  }
}

// Connections.

WireEnd Wires::MakeEnd(SimTransport& owner, const p2p::PeerId& peer) {
  uint32_t index;
  if (free_ends_.empty()) {
    index = static_cast<uint32_t>(ends_.size());
    ends_.emplace_back();
  } else {
    index = free_ends_.back();
    free_ends_.pop_back();
  }
  End& end = ends_[index];
  end.owner = &owner;
  end.peer = &peer;
  owner.CountEnds(1);
  return {index, end.generation};
}

std::pair<WireEnd, WireEnd> Wires::Connect(SimTransport& from, SimTransport& to) {
  ++stats_.connections;
  const WireEnd a = MakeEnd(from, to.identity());
  const WireEnd b = MakeEnd(to, from.identity());
  ends_[a.index].other = b;
  ends_[a.index].other_host = to.host();
  ends_[b.index].other = a;
  ends_[b.index].other_host = from.host();
  return {a, b};
}

std::unique_ptr<p2p::Connection> Wires::MakeConnection(WireEnd end) {
  return std::make_unique<SimConnection>(*this, end);
}

Wires::End* Wires::Find(WireEnd id) {
  if (id.generation == 0 || id.index >= ends_.size()) return nullptr;
  End& end = ends_[id.index];
  return end.owner != nullptr && end.generation == id.generation ? &end : nullptr;
}

uint32_t Wires::HostOf(const End& end) const { return end.owner->host(); }

void Wires::Start(WireEnd id, p2p::ConnectionHandler& handler) {
  End& end = ends_[id.index];
  GROAT_CHECK(end.handler == nullptr);
  end.handler = &handler;
  if (end.first_waiting != kNone) ScheduleResume(id, end, scheduler_.Now());
}

void Wires::PauseReading(WireEnd id, bool paused) {
  End& end = ends_[id.index];
  end.paused = paused;
  if (!paused && end.first_waiting != kNone) ScheduleResume(id, end, scheduler_.Now());
}

void Wires::Close(WireEnd id) {
  End& end = ends_[id.index];
  const uint32_t host = HostOf(end);
  const WireEnd other_id = end.other;
  const Instant last_arrival = end.last_arrival;
  FreeWaiting(end);
  end.owner->CountEnds(-1);
  const uint32_t next_generation = end.generation % kGenerationMask + 1;
  end = End();
  end.generation = next_generation;
  free_ends_.push_back(id.index);
  const End* other = Find(other_id);
  // A machine that is cut off from all says nothing as its processes end.
  if (other == nullptr || host_state(host) != HostState::kUp) return;
  const Instant arrives = std::max(last_arrival, scheduler_.Now() + Delay(host, HostOf(*other)));
  Schedule(arrives, EventKind::kFrame, {MakeFrame(other_id, host, {}), 0});
}

// Writing.

void Wires::Write(WireEnd id, Bytes bytes) {
  End& end = ends_[id.index];
  GROAT_CHECK(end.handler != nullptr && !end.writing && !bytes.empty() &&
              bytes.size() <= p2p::kMaxFrameBytes)
      << bytes.size() << " bytes";
  ++stats_.frames_written;
  scheduler_.Observe(source(), id.index, Summary(bytes));
  end.writing = true;
  const Instant now = scheduler_.Now();
  const End* other = Find(end.other);
  if (other == nullptr) {
    // Nobody is there any more: the frame is answered by a reset, if it gets there.
    ++stats_.frames_lost;
    const uint32_t from = HostOf(end);
    const uint32_t to = end.other_host;
    if (Passes(from, to) && Passes(to, from)) {
      Schedule(now + Delay(from, to) + Delay(to, from), EventKind::kReset, id);
    }
    Schedule(now + kWriteTime, EventKind::kWritten, id);
    return;
  }
  const uint32_t from = HostOf(end);
  const uint32_t to = HostOf(*other);
  const LinkOptions link = Link(from, to);
  const Instant leaves = Transmit(from, to, link, bytes.size());
  if (!random_.Chance(link.success_rate)) {
    ++stats_.frames_lost;
  } else {
    if (random_.Chance(link.corrupt_rate)) {
      ++stats_.frames_corrupted;
      const uint64_t bit = random_.Below(bytes.size() * 8);
      bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1 << (bit % 8));
    }
    if (random_.Chance(link.duplicate_rate)) {
      ++stats_.frames_duplicated;
      Send(end, link, bytes, leaves);
    }
    Send(end, link, std::move(bytes), leaves);
  }
  if (end.unread_bytes <= kSocketBufferBytes) {
    Schedule(now + kWriteTime, EventKind::kWritten, id);
  } else {
    end.blocked = true;
  }
}

// When the link has taken so many bytes more.
Instant Wires::Transmit(uint32_t from, uint32_t to, const LinkOptions& link, size_t bytes) {
  if (link.bytes_per_second <= 0) return scheduler_.Now();
  const double seconds = static_cast<double>(bytes + kFrameOverheadBytes) / link.bytes_per_second;
  Instant& free = wire_free_[PairOf(from, to)];
  free = std::max(free, scheduler_.Now()) + Duration(static_cast<int64_t>(seconds * 1e9));
  return free;
}

void Wires::Send(End& from, const LinkOptions& link, Bytes bytes, Instant leaves) {
  const uint32_t from_host = HostOf(from);
  Instant arrives = leaves + Delay(from_host, HostOf(*Find(from.other)));
  if (random_.Chance(link.reorder_rate)) {
    const Duration most = std::max(kLeastReorderTime, kReorderLatencies * link.latency);
    arrives +=
        Duration(1 + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(most.count()))));
  } else {
    arrives = std::max(arrives, from.last_arrival);
    from.last_arrival = arrives;
  }
  from.unread_bytes += static_cast<uint32_t>(bytes.size());
  const uint32_t frame = MakeFrame(from.other, from_host, std::move(bytes));
  Schedule(arrives, EventKind::kFrame, {frame, 0});
}

uint32_t Wires::MakeFrame(WireEnd to, uint32_t from_host, Bytes bytes) {
  uint32_t index;
  if (free_frames_.empty()) {
    index = static_cast<uint32_t>(frames_.size());
    frames_.emplace_back();
  } else {
    index = free_frames_.back();
    free_frames_.pop_back();
  }
  Frame& frame = frames_[index];
  frame.bytes = std::move(bytes);
  frame.to = to;
  frame.from_host = from_host;
  frame.stalled = false;
  return index;
}

// Reading.

void Wires::OnArrival(uint32_t index) {
  Frame& frame = frames_[index];
  End& end = ends_[frame.to.index];
  frame.stalled = !Passes(frame.from_host, HostOf(end));
  // The end of a connection is no frame: it is told while reading is paused, too.
  const bool readable = end.handler != nullptr && (!end.paused || frame.bytes.empty());
  if (frame.stalled || !readable || end.first_waiting != kNone) {
    Append(end, index);
    return;
  }
  Read(frame.to, index);
}

void Wires::Append(End& end, uint32_t frame) {
  frames_[frame].next = kNone;
  if (end.first_waiting == kNone) {
    end.first_waiting = frame;
  } else {
    frames_[end.last_waiting].next = frame;
  }
  end.last_waiting = frame;
}

void Wires::ScheduleResume(WireEnd id, End& end, Instant when) {
  if (end.resuming) return;
  end.resuming = true;
  Schedule(when, EventKind::kResume, id);
}

// One frame an event: the handler may pause or close after each.
void Wires::Resume(WireEnd id) {
  End& end = ends_[id.index];
  end.resuming = false;
  const uint32_t index = end.first_waiting;
  if (index == kNone || end.handler == nullptr) return;
  const Frame& frame = frames_[index];
  if (end.paused && !frame.bytes.empty()) return;
  if (frame.stalled && !Passes(frame.from_host, HostOf(end))) return;
  end.first_waiting = frame.next;
  Read(id, index);
  End* after = Find(id);
  if (after != nullptr && after->first_waiting != kNone) {
    ScheduleResume(id, *after, scheduler_.Now());
  }
}

void Wires::Read(WireEnd id, uint32_t index) {
  const Bytes bytes = std::exchange(frames_[index].bytes, {});
  FreeFrame(index);
  End& end = ends_[id.index];
  if (end.told) return;
  if (bytes.empty()) {
    end.told = true;
    end.handler->OnClosed(absl::UnavailableError("the other side closed the connection"));
    return;
  }
  ++stats_.frames_delivered;
  CountRead(end, bytes.size());
  end.handler->OnFrame(bytes);  // It may close the connection, or make others.
}

// The writer's buffer has room for what was read.
void Wires::CountRead(const End& reader, size_t bytes) {
  End* writer = Find(reader.other);
  if (writer == nullptr) return;
  writer->unread_bytes -= static_cast<uint32_t>(bytes);
  if (!writer->blocked || writer->unread_bytes > kSocketBufferBytes) return;
  writer->blocked = false;
  Schedule(scheduler_.Now() + Delay(HostOf(reader), HostOf(*writer)), EventKind::kWritten,
           reader.other);
}

// The connection is over at once, whatever waits on it.
void Wires::Reset(WireEnd id) {
  End& end = ends_[id.index];
  if (end.told) return;
  FreeWaiting(end);
  if (end.handler == nullptr) {
    Append(end, MakeFrame(id, HostOf(end), {}));  // Told once it is started.
    return;
  }
  end.told = true;
  end.handler->OnClosed(absl::UnavailableError("the connection was reset"));
}

void Wires::FreeFrame(uint32_t frame) {
  frames_[frame].bytes = {};
  frames_[frame].next = kNone;
  free_frames_.push_back(frame);
}

void Wires::FreeWaiting(End& end) {
  for (uint32_t frame = std::exchange(end.first_waiting, kNone); frame != kNone;) {
    const uint32_t next = frames_[frame].next;
    FreeFrame(frame);
    frame = next;
  }
}

}  // namespace groat::sim
